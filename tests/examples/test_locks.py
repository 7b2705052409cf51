"""The recipe for other people's locks, as shipped: a mutex held by the dead does not turn the recovered job away."""

from __future__ import annotations

import importlib.util

import pytest
import redis

from assured_jobs import ConfirmedOrphan
from walkthrough import EXAMPLES

NOTES = "account:acme:held-by:*"


def test_the_recovered_job_gets_the_mutex_that_its_dead_worker_held(walk, server) -> None:
    client = redis.Redis.from_url(server.url)
    tour = walk("locks")
    tour.start("dramatiq tasks")
    assert "acme is to be synchronised." in tour.run("python send.py acme")
    tour.wait(lambda: tour.said("acme: started") and client.keys(NOTES), "the job holds its mutex")
    former = client.keys(NOTES)
    tour.kill()
    assert client.get("account:acme") == b"1", "it is locked, and nobody is there to release it"

    tour.start("dramatiq tasks")
    tour.wait(lambda: [note for note in client.keys(NOTES) if note not in former], "it holds the mutex again")
    assert len(client.keys(NOTES)) == 1
    tour.wait(lambda: tour.said("acme: synchronised"), "it is done")
    tour.wait(lambda: client.get("account:acme") == b"0", "the mutex is free")
    assert client.get("synced:acme") == b"1"
    tour.finish()


@pytest.fixture
def tasks(server, monkeypatch):
    """The example's module in this process."""
    monkeypatch.setenv("REDIS_URL", server.url)
    spec = importlib.util.spec_from_file_location("locks_tasks", EXAMPLES / "locks" / "tasks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_hook_called_too_late_frees_no_living_holders_mutex(tasks) -> None:
    mutex = tasks.mutex_of("acme")
    dead = ConfirmedOrphan("d", "m", "sync_account", "default", "dramatiq", "gone", fence=7, args=("acme",), kwargs={})
    with mutex.acquire():
        tasks.client.set(tasks.note_of(mutex, 8), 1)
        tasks.free_what_the_dead_held(dead)
        with mutex.acquire(raise_on_failure=False) as acquired:
            assert not acquired
