"""What this process runs under a name that it lost: interrupted once, and neither acked nor rejected afterwards."""

from __future__ import annotations

import threading

import dramatiq
import pytest

from assured_jobs import AssuredJobs, OwnershipLost
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
    # As long as the broker fetches under the old name, what comes back lands there once more, for another pass.
    wait(lambda: Recovery(inside.ledger).run([name]) and len(runs) == 2 and inside.payloads() == 0, "it comes back")
    assert inside.redis.zcard("dramatiq:default.XQ") == 0


def test_a_job_that_a_hook_held_when_the_name_was_lost_is_interrupted_all_the_same(inside) -> None:
    reached, gate, ended = threading.Event(), threading.Event(), []

    class Slow(dramatiq.Middleware):
        def before_process_message(self, broker, message) -> None:
            if not reached.is_set():
                reached.set()
                gate.wait(20)

    def work() -> None:
        if len(ended) == 1:
            ended.append("again")
            return
        try:
            while not inside.gate.wait(0.02):
                pass
        except BaseException as error:
            ended.append(type(error).__name__)
            raise

    actor = inside.actor(work)
    inside.broker.add_middleware(Slow(), after=AssuredJobs)
    inside.start()
    actor.send()
    wait(reached.is_set, "it has begun, and a hook behind ours holds it")
    name = inside.declare_dead()
    wait(lambda: inside.side.instance.is_lost(name), "the name is lost")
    gate.set()
    wait(lambda: ended == ["OwnershipLost"], "it is interrupted", seconds=5)
    Recovery(inside.ledger).run([name])
    wait(lambda: len(ended) == 2, "it runs again")
