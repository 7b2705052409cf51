"""The self-audit leaves alone what a thread of Dramatiq has in its hands, however long that takes."""

from __future__ import annotations

import pytest

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
