"""What this process runs under a name that it lost: interrupted once, and neither acked nor rejected afterwards."""

from __future__ import annotations

import threading

import pytest

from assured_jobs import OwnershipLost
from assured_jobs.recovery import Recovery
from inside import Inside, wait


@pytest.fixture
def inside(server):
    """Nobody watches: recovery comes when the test says so."""
    one = Inside(server.url, watch=False, delayed_recovery_count=0)
    yield one
    one.stop()


def _interrupted(inside: Inside) -> bool:
    return "ZombieInterrupted" in inside.actions()


@pytest.mark.parametrize("answer", ["swallows it", "raises its own"])
def test_what_a_job_makes_of_the_interrupt_takes_it_away_from_nobody(inside, answer: str) -> None:
    runs = []

    def stubborn() -> None:
        runs.append(1)
        if len(runs) > 1:
            return
        try:
            while not inside.gate.wait(0.02):
                pass
        except OwnershipLost:
            if answer == "raises its own":
                raise RuntimeError from None

    actor = inside.actor(stubborn, max_retries=0)
    inside.start()
    actor.send()
    wait(lambda: inside.running() == 1 and runs, "it runs")
    # Redis is slow to take the new name: until then the broker fetches and acks under the old one.
    instance = inside.side.instance
    register, slow = instance._register, threading.Event()
    instance._register = lambda **more: (slow.wait(5), register(**more))
    name = inside.declare_dead()
    wait(lambda: inside.worker.work_queue.unfinished_tasks == 0, "it was interrupted and has ended")
    slow.set()
    wait(lambda: _interrupted(inside), "that is told")
    Recovery(inside.ledger).run([name])
    wait(lambda: len(runs) == 2 and inside.payloads() == 0, "recovery brings it back")
    assert inside.redis.zcard("dramatiq:default.XQ") == 0
