"""Must: ASSURED_JOBS_RECOVERY=observe sees, judges and records everything, and does nothing."""

from __future__ import annotations

import pytest

from lab import Lab, Worker

OBSERVE = {"RECOVERY": "observe"}


@pytest.fixture
def lab(server, make_lab) -> Lab:
    """Dramatiq's own maintenance brings back what is dead for two seconds."""
    return make_lab(server, heartbeat_timeout=2_000, maintenance_chance=1_000_000)


def _would(lab: Lab, outcome: str) -> list[dict]:
    told = lab.ledger.chronicle.since()
    return [one.fact for one in told if one.action == "WouldHave" and one.fact["outcome"] == outcome]


def _assert_nothing_was_done(lab: Lab) -> None:
    keys = lab.ledger.keys
    assert [lab.redis.zcard(key) for key in (keys.dead, keys.buried, keys.deferred, keys.held, keys.discarded)] == [
        0
    ] * 5
    assert {one.action for one in lab.ledger.chronicle.since()} <= {
        "Registered", "WatchBegan", "WouldHave", "InstanceStalled", "StallOver",
    }  # fmt: skip


def test_a_dead_workers_jobs_come_back_as_dramatiq_does_it_and_events_say_what_would_have_been(lab: Lab) -> None:
    victim = lab.worker(threads=2, **OBSERVE)
    for n in range(4):
        lab.jobs.gated.send(n)
    lab.wait(lambda: len(lab.effects("start")) == 2, "2 jobs run")
    [name] = lab.alive()
    running = {line["n"] for line in lab.effects("start")}
    lab.worker(threads=2, **OBSERVE)
    victim.kill()
    lab.wait(lambda: len(_would(lab, "handed_back")) == 2, "both are judged")
    lab.open()
    lab.wait(lambda: lab.count("done") == dict.fromkeys(range(4), 1), "every job is done")
    assert lab.count("start") == {n: 2 if n in running else 1 for n in range(4)}

    [death] = _would(lab, "declared_dead")
    assert (death["instance"], death["reason"]) == (name, "connection lost")
    assert {fact["crash_count"] for fact in _would(lab, "handed_back")} == {1}
    assert len(_would(lab, "relieved")) == 1
    for key in (lab.ledger.keys.alive, lab.ledger.keys.observed):  # ten minutes later
        lab.redis.zincrby(key, -600_000, name)
    lab.wait(lambda: name not in lab.alive(), "the dead is forgotten when nothing is left in its hands")
    _assert_nothing_was_done(lab)
    lab.wait_until_empty()


def test_poison_goes_on_and_events_say_when_it_would_have_been_held(lab: Lab) -> None:
    message = lab.jobs.poison.send(1)
    lab.worker("-Q", "another", **OBSERVE)  # it lives, and sees each death before Dramatiq's maintenance is due

    def judged() -> int:
        return sum(len(_would(lab, outcome)) for outcome in ("handed_back", "deferred", "held"))

    for deaths in (1, 2, 3):
        victim = lab.worker(wait=False, **OBSERVE)
        lab.wait(victim.died, "it kills its worker")
        lab.wait(lambda deaths=deaths: judged() == deaths, "its crash is charged")
    [held] = _would(lab, "held")
    assert lab.count("start")[1] == 3
    assert held["message_id"] == message.message_id
    assert lab.redis.zcard(lab.ledger.keys.held) == 0


def test_a_paused_worker_is_neither_fenced_nor_interrupted_when_it_wakes(server, make_lab) -> None:
    lab = make_lab(server)  # Dramatiq's maintenance brings nothing back so soon: nobody else has its jobs
    sleeper = lab.worker(threads=1, **OBSERVE)
    lab.jobs.asking.send(1)
    lab.jobs.parent.send(2)
    lab.wait(lambda: lab.count("start")[1] == 1, "the job runs")
    lab.wait(lambda: lab.redis.llen("dramatiq:default") == 0, "the other one is in its memory")
    [name] = lab.alive()
    watcher: Worker = lab.worker(threads=1, **OBSERVE)
    sleeper.pause()
    lab.wait(lambda: _would(lab, "declared_dead"), "it would have been declared dead")
    sleeper.resume()
    lab.wait(lambda: _would(lab, "declared_dead_falsely"), "it is seen to live")
    lab.open()
    lab.wait(lambda: lab.count("done") == {1: 1, 2: 1}, "its jobs end")
    lab.wait(lambda: lab.count("child") == {2: 1}, "what it enqueued was not refused")
    lab.wait_until_empty()
    assert {line["worker"] for line in lab.effects("done")} == {sleeper.name}
    assert name in lab.alive()
    assert not sleeper.said("declared dead as")
    assert not watcher.exited()
    _assert_nothing_was_done(lab)
