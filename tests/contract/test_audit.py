"""The self-audit leaves alone what a thread of Dramatiq has in its hands, however long that takes."""

from __future__ import annotations

import threading

import dramatiq
import pytest
import redis

from assured_jobs import AssuredJobs
from assured_jobs.errors import LedgerUnreachable
from assured_jobs.ledger.deliveries import Deliveries
from inside import Inside, wait


@pytest.fixture
def inside(server, monkeypatch):
    monkeypatch.setattr("assured_jobs.audit.PATIENCE", 1.0)
    one = Inside(server.url)
    yield one
    one.stop()


def _looks(inside: Inside, number: int) -> None:
    audit = inside.side.audit
    before = audit._looks
    wait(lambda: audit._looks >= before + number, f"the audit looks {number} times")


class Slow(dramatiq.Middleware):
    """Holds a message in one of its hooks."""

    def __init__(self, hook: str) -> None:
        self.reached, self.gate = threading.Event(), threading.Event()
        setattr(self, hook, self._hold)

    def _hold(self, broker, message, **_) -> None:
        if not self.reached.is_set():
            self.reached.set()
            self.gate.wait(20)


def test_a_failed_job_whose_last_hooks_take_long_is_not_put_back_beside_its_retry(inside) -> None:
    runs, slow = [], Slow("after_process_message")

    def failing() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError

    actor = inside.actor(failing, min_backoff=50)
    inside.broker.add_middleware(slow, before=AssuredJobs)
    inside.start(threads=2)
    actor.send()
    wait(slow.reached.is_set, "it has failed, and a hook takes its time")
    _looks(inside, 8)
    slow.gate.set()
    wait(lambda: len(runs) > 1 and inside.payloads() == 0, "its retry is done")
    assert len(runs) == 2
    assert "StrayPutRight" not in inside.actions()


@pytest.mark.parametrize("assured", [True, False])
def test_a_message_that_a_hook_holds_before_it_starts_is_not_taken_away(inside, assured: bool) -> None:
    runs, slow = [], Slow("before_process_message")
    actor = inside.actor(lambda: runs.append(1), actor_name="late", assured=assured)
    inside.broker.add_middleware(slow, before=AssuredJobs)
    inside.start(threads=2)
    actor.send()
    wait(slow.reached.is_set, "a hook holds it")
    _looks(inside, 12)
    slow.gate.set()
    wait(lambda: runs and inside.payloads() == 0, "it is done")
    assert runs == [1]
    assert "StrayPutRight" not in inside.actions()


def test_a_delayed_message_whose_way_into_its_queue_broke_off_still_runs(inside) -> None:
    ran, broken = [], []
    actor = inside.actor(ran.append, actor_name="later")
    inside.start()
    enqueue = inside.broker.do_enqueue

    def fail_once(queue, *what):
        if queue == "default" and not broken:
            broken.append(queue)
            raise redis.ConnectionError
        return enqueue(queue, *what)

    inside.broker.do_enqueue = fail_once
    actor.send_with_options(args=("done",), delay=100)
    wait(lambda: ran == ["done"] and inside.payloads() == 0, "it runs", 40)
    assert broken


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_of_several_dead_threads_each_is_replaced_and_no_living_one(inside) -> None:
    inside.start(threads=4)
    workers = inside.worker.workers
    living = workers[2:]

    def die(thread, message) -> None:
        raise SystemExit

    actor = inside.actor(lambda: None, actor_name="nothing")
    for thread in workers[:2]:
        thread.process_message = die.__get__(thread)
    for thread in living:
        thread.pause()
        thread.paused_event.wait(5)
    doomed = workers[:2]
    actor.send()
    actor.send()
    wait(lambda: not any(thread.is_alive() for thread in doomed), "two threads die")
    for thread in living:
        thread.resume()
    wait(lambda: inside.actions().count("ThreadDied") == 2, "both are seen")
    _looks(inside, 2)
    assert all(thread.is_alive() for thread in workers)
    assert set(living) <= set(workers)
    assert len(workers) == 4


def test_a_healthy_workers_threads_are_left_unread(inside) -> None:
    """Reading the frames of running threads is not without danger in every Python."""
    ran = []
    actor = inside.actor(ran.append, actor_name="healthy")
    inside.start(threads=2)
    asked = []
    inside.side.host.in_hands = lambda: asked.append(1) or {}
    for n in range(50):
        actor.send(n)
    _looks(inside, 6)
    wait(lambda: len(ran) == 50 and inside.payloads() == 0, "all ran")
    assert not asked


def test_a_job_that_started_unrecorded_and_whose_ack_failed_is_acked_and_not_run_again(inside, monkeypatch) -> None:
    runs, lost = [], []
    begin, ack = Deliveries.begin, inside.broker.consumer_class.ack

    def unreachable(self, *args, **more):
        if not runs and not lost:
            raise LedgerUnreachable
        return begin(self, *args, **more)

    def lose_the_first(self, message):
        if not lost:
            lost.append(message)
            raise redis.TimeoutError
        return ack(self, message)

    monkeypatch.setattr(Deliveries, "begin", unreachable)
    monkeypatch.setattr(inside.broker.consumer_class, "ack", lose_the_first)
    actor = inside.actor(runs.append)
    inside.start(threads=1)
    actor.send(1)
    wait(lambda: lost, "it has run, unrecorded, and its ack is lost")
    actor.send(2)  # in the same thread, which then has done with the first one
    wait(lambda: inside.payloads() == 0 and inside.running() == 0, "nothing is left of either")
    assert runs == [1, 2]
