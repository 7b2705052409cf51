"""before_hand_back: called with a confirmed orphan that nobody can fetch, before it comes back."""

from __future__ import annotations

import pytest

from assured_jobs.hook import Hook
from assured_jobs.recovery import Recovery, Report
from dead import VICTIM, Fleet


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


@pytest.fixture
def orphan(fleet) -> str:
    """A job that was running on a worker whose fleet has a hook."""
    fleet.info = fleet.register(VICTIM, has_hook=True)
    delivery = fleet.send()
    fleet.fetch(fleet.info)
    assert fleet.begin(fleet.info, delivery).word == "run"
    fleet.die()
    return delivery


def _recover(fleet: Fleet, function) -> Report:
    return Recovery(fleet.ledger, hook=Hook(fleet.ledger, function) if function else None).run([VICTIM])


def test_it_sees_the_orphan_while_it_is_in_custody_and_nowhere_else(fleet, orphan) -> None:
    seen = []

    def look(confirmed) -> None:
        queued = fleet.redis.lrange("dramatiq:default", 0, -1)
        acks = fleet.redis.smembers(f"dramatiq:__acks__.{fleet.info.broker_id}.default")
        seen.append((confirmed, queued, acks, fleet.redis.zscore(fleet.ledger.keys.deferred, orphan)))

    _recover(fleet, look)
    [(confirmed, queued, acks, score)] = seen
    assert (confirmed.delivery, confirmed.actor, confirmed.instance) == (orphan, "work", VICTIM)
    assert (confirmed.args, confirmed.kwargs) == ((), {})
    assert (confirmed.crash_count, confirmed.fence > 0) == (1, True)
    assert (queued, acks) == ([], set())
    assert score is not None
    assert fleet.redis.lrange("dramatiq:default", 0, -1) == [orphan.encode()]
    assert fleet.copies(orphan) == 1


@pytest.mark.parametrize("error", [RuntimeError("the lock server is down"), SystemExit(1)])
def test_an_error_in_it_is_logged_and_the_job_comes_back(fleet, orphan, caplog, error) -> None:
    def fail(_confirmed) -> None:
        raise error

    _recover(fleet, fail)
    assert fleet.copies(orphan) == 1
    assert fleet.redis.llen("dramatiq:default") == 1
    assert "before_hand_back failed for job" in caplog.text


def test_who_has_no_hook_leaves_the_job_to_a_worker_that_has_it(fleet, orphan) -> None:
    _recover(fleet, None)
    assert fleet.redis.llen("dramatiq:default") == 0
    assert fleet.redis.zscore(fleet.ledger.keys.deferred, orphan)
    called = []
    _recover(fleet, called.append)
    assert [one.delivery for one in called] == [orphan]
    assert fleet.redis.llen("dramatiq:default") == 1


def test_what_waits_for_a_hook_that_nobody_has_any_more_comes_back_without_it(fleet, orphan, caplog) -> None:
    _recover(fleet, None)
    raw = fleet.redis.hget(fleet.ledger.keys.orphans, orphan)
    since, text = raw.split(b" ", 1)
    fleet.redis.hset(fleet.ledger.keys.orphans, orphan, b"%d %s" % (int(since) - 151_000, text))
    _recover(fleet, None)
    assert fleet.redis.lrange("dramatiq:default", 0, -1) == [orphan.encode()]
    assert fleet.copies(orphan) == 1
    assert "no worker has one: it comes back without" in caplog.text


def test_a_claim_whose_claimer_died_is_claimable_again(fleet, orphan) -> None:
    _recover(fleet, None)
    waiting = fleet.ledger.custody.read([orphan])
    assert fleet.ledger.custody.claim(waiting, 30)[0] > 0
    assert fleet.ledger.custody.claim(waiting, 30) == [0], "while it lasts, it is one claimer's alone"
    assert fleet.ledger.custody.due() == []
    fleet.redis.zincrby(fleet.ledger.keys.deferred, -31_000, orphan)  # the claimer is gone for longer
    called = []
    _recover(fleet, called.append)
    assert len(called) == 1
    assert fleet.copies(orphan) == 1


def test_who_claims_releases_and_a_claim_that_ran_out_releases_nothing(fleet, orphan) -> None:
    custody = fleet.ledger.custody
    _recover(fleet, None)
    waiting = custody.read([orphan])
    [mine] = custody.claim(waiting, 30)
    fleet.redis.zincrby(fleet.ledger.keys.deferred, -31_000, orphan)
    [theirs] = custody.claim(waiting, 31)
    assert custody.release(waiting, {orphan: mine}) == ["waiting"]
    assert custody.release(waiting, {orphan: theirs}) == ["handed_back"]
    assert custody.release(waiting, {orphan: theirs}) == ["gone"]
    assert fleet.copies(orphan) == 1


def test_it_is_called_for_a_held_job_at_once_and_again_when_a_person_sends_it_back(fleet) -> None:
    fleet.info = fleet.register(VICTIM, has_hook=True)
    delivery = fleet.send()
    fleet.fetch(fleet.info)
    fleet.begin(fleet.info, delivery, on_orphan="hold")
    fleet.die()
    called = []
    _recover(fleet, called.append)
    assert [one.state for one in called] == ["held"]
    fleet.ledger.custody.retry(fleet.ledger.custody.read([delivery]), "ana")
    _recover(fleet, called.append)
    assert [one.delivery for one in called] == [delivery, delivery]
    assert fleet.redis.llen("dramatiq:default") == 1


def test_it_is_not_called_for_what_never_ran(fleet) -> None:
    fleet.info = fleet.register(VICTIM, has_hook=True)
    delivery = fleet.send()
    fleet.fetch(fleet.info)
    fleet.die()
    called = []
    _recover(fleet, called.append)
    assert called == []
    assert fleet.redis.lrange("dramatiq:default", 0, -1) == [delivery.encode()]
