"""Where recovery is only observed: nothing is done, the counts are true, and nothing grows."""

from __future__ import annotations

from dataclasses import replace
from time import sleep

import pytest

from assured_jobs.observer import Observer
from assured_jobs.vigil import Vigil
from dead import VICTIM, Fleet
from inside import Inside, wait


@pytest.fixture
def fleet(server) -> Fleet:
    fleet = Fleet(server.url)
    wait(lambda: fleet.redis.info("server")["uptime_in_seconds"] >= 2, "nobody can say that the store was away")
    return fleet


def _register(fleet: Fleet, id: str = VICTIM):
    return fleet.register(id, recovery="observe", heartbeat_ttl=1.0)


def _observe(fleet: Fleet, looks: int = 1) -> None:
    vigil = Vigil(fleet.ledger, once=True)
    observer = Observer(fleet.ledger, vigil)
    for _ in range(looks):
        look, findings = vigil.look()
        observer.note(findings, look.now)
    vigil.close()


def _start(fleet: Fleet, info, *, crashes: int = 0) -> tuple[str, str]:
    """A job of `info`; returns its delivery and its message id."""
    delivery = fleet.send()
    message_id = fleet.message.message_id
    if crashes:
        fleet.redis.hset(fleet.ledger.keys.job(message_id), "crashes", crashes)
    fleet.fetch(info)
    answer, _ = fleet.ledger.deliveries.begin(info, fleet.entry_for(delivery), f"token-{delivery}", observe=True)
    assert answer.word == "run"
    return delivery, message_id


def _crashes(fleet: Fleet, message_id: str) -> int:
    return fleet.ledger.estate.records([message_id])[message_id].crashes


def test_a_suspect_that_is_no_longer_aboard_spares_nobody(fleet: Fleet) -> None:
    victim, other = _register(fleet), _register(fleet, "other")
    suspect, suspected = _start(fleet, victim, crashes=1)
    # Dramatiq's maintenance takes it away from the living, and it runs a second time: that start counts.
    fleet.redis.smove(
        f"dramatiq:__acks__.{victim.broker_id}.default", f"dramatiq:__acks__.{other.broker_id}.default", suspect
    )
    entry = fleet.entry_for(suspect)

    answer, _ = fleet.ledger.deliveries.begin(other, replace(entry, message_id=suspected), "second", observe=True)
    assert answer.word == "run"
    _, innocent = _start(fleet, victim)
    fleet.age(VICTIM, 60)
    _observe(fleet)
    assert _crashes(fleet, innocent) == 1
    assert _crashes(fleet, suspected) == 1


def test_nothing_is_remembered_of_one_who_is_gone(fleet: Fleet) -> None:
    victim = _register(fleet)
    _start(fleet, victim, crashes=1)
    fleet.age(VICTIM, 60)
    _observe(fleet)
    fleet.native_maintenance()
    for key in (fleet.ledger.keys.alive, fleet.ledger.keys.observed):
        fleet.redis.zincrby(key, -600_000, VICTIM)
    _observe(fleet)
    assert fleet.redis.zscore(fleet.ledger.keys.alive, VICTIM) is None
    left = [key for key in fleet.redis.keys("{test}:*") if fleet.redis.type(key) in (b"hash", b"zset")]
    told = {
        key: fleet.redis.hkeys(key) if fleet.redis.type(key) == b"hash" else fleet.redis.zrange(key, 0, -1)
        for key in left
    }
    assert not [key for key, members in told.items() if VICTIM.encode() in members]


def test_one_who_wakes_and_leaves_between_two_looks_is_forgotten(fleet: Fleet) -> None:
    victim = _register(fleet)
    fleet.age(VICTIM, 60)
    _observe(fleet)
    fleet.beat(VICTIM, presence=False, draining=True)
    assert fleet.ledger.instances.resign(victim)
    _observe(fleet)
    assert fleet.ledger.observed.ids() == []


def test_what_the_dead_never_started_is_read_once_and_not_at_every_look(fleet: Fleet) -> None:
    victim = _register(fleet)
    for _ in range(300):
        fleet.send()
    fleet.fetch(victim, 300)
    fleet.age(VICTIM, 60)
    _observe(fleet)
    fleet.redis.config_resetstat()
    _observe(fleet, looks=5)
    assert fleet.redis.info("commandstats").get("cmdstat_hstrlen", {"calls": 0})["calls"] == 0


def test_a_job_whose_delivery_was_taken_away_still_enqueues(server, monkeypatch) -> None:
    inside = Inside(server.url, recovery="observe", watch=False)
    try:
        children = []
        child = inside.actor(lambda: children.append(1), actor_name="child")

        def parent() -> None:
            inside.gate.wait(20)
            child.send()

        actor = inside.actor(parent, max_retries=0)
        inside.start(threads=2)
        actor.send()
        wait(lambda: inside.running() == 1, "it runs")
        # Dramatiq's maintenance gave it to a worker that is not there; and our heartbeat is late.
        acks = f"dramatiq:__acks__.{inside.broker.broker_id}.default"
        [id] = inside.redis.smembers(acks)
        inside.redis.smove(acks, "dramatiq:__acks__.elsewhere.default", id)
        monkeypatch.setattr("assured_jobs.instance.Instance.sure", False)
        inside.gate.set()
        wait(lambda: children, "its child runs", seconds=5)
    finally:
        inside.stop()


def test_the_audit_only_says_what_it_would_have_put_right(server, monkeypatch) -> None:
    monkeypatch.setattr("assured_jobs.audit.PATIENCE", 1.0)
    inside = Inside(server.url, recovery="observe")
    try:
        ran = []
        actor = inside.actor(ran.append, actor_name="stray")
        inside.start()
        acks = f"dramatiq:__acks__.{inside.broker.broker_id}.default"
        inside.redis.hset(
            "dramatiq:default.msgs",
            "stray-id",
            actor.message(1).copy(options={"redis_message_id": "stray-id"}).encode(),
        )
        inside.redis.hset("dramatiq:default.msgs", "garbage", b"\x80no message")
        inside.redis.sadd(acks, "stray-id", "garbage")
        wait(lambda: inside.actions().count("WouldHave") == 2, "both are told")
        sleep(1.5)
        assert inside.redis.smembers(acks) == {b"stray-id", b"garbage"}
        assert inside.redis.zcard(inside.ledger.keys.held) == 0
        assert ran == []
        assert inside.actions().count("WouldHave") == 2
        assert "StrayPutRight" not in inside.actions()
    finally:
        inside.stop()


@pytest.mark.parametrize("outcome", ["ack", "nack", "retry", "again"])
def test_an_end_whose_ack_was_lost_leaves_the_delivery_where_it_is(fleet: Fleet, outcome: str) -> None:
    fleet.info = _register(fleet)
    delivery, _ = _start(fleet, fleet.info)
    assert fleet.finish(delivery, outcome, f"token-{delivery}") == [True]
    assert fleet.payload(delivery)
    assert fleet.redis.sismember(f"dramatiq:__acks__.{fleet.info.broker_id}.default", delivery)
    assert fleet.redis.exists("dramatiq:default", "dramatiq:default.XQ") == 0
    assert fleet.leftovers() == []
