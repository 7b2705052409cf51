"""The recipe for other people's locks, as shipped: a mutex held by the dead does not turn the recovered job away."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import QUICK, Lab

FOLDER = Path(__file__).parents[2] / "examples" / "locks"


@pytest.fixture
def tasks(server, monkeypatch):
    """The example's module in this process, as a producer and as whoever looks at its keys."""
    monkeypatch.setenv("REDIS_URL", server.url)
    spec = importlib.util.spec_from_file_location("locks_tasks", FOLDER / "tasks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def start(server, tmp_path):
    started = []

    def make() -> subprocess.Popen:
        quick = {f"ASSURED_JOBS_{name}": value for name, value in QUICK.items()}
        with (tmp_path / f"{len(started)}.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dramatiq", "tasks", "-p", "1", "-t", "2"],
                    cwd=FOLDER, env={**os.environ, **quick, "REDIS_URL": server.url}, stdout=log, stderr=log,
                    start_new_session=True,
                )
            )  # fmt: skip
        return started[-1]

    yield make
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_recovered_job_gets_the_mutex_that_its_dead_worker_held(lab: Lab, tasks, start) -> None:
    notes = "account:acme:held-by:*"
    first = start()
    tasks.sync_account.send("acme", 60)
    lab.wait(lambda: lab.redis.keys(notes), "the job holds its mutex")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    former = lab.redis.keys(notes)

    start()
    lab.wait(lambda: [note for note in lab.redis.keys(notes) if note not in former], "it holds the mutex again")
    assert len(lab.redis.keys(notes)) == 1
    assert lab.redis.get("account:acme") == b"1"
    assert lab.redis.pttl("account:acme") > 800_000, "had it waited for the mutex's own time, it would be over"


def test_a_hook_called_too_late_frees_no_living_holders_mutex(tasks, lab: Lab) -> None:
    from assured_jobs import ConfirmedOrphan

    mutex = tasks.mutex_of("acme")
    dead = ConfirmedOrphan("d", "m", "sync_account", "default", "dramatiq", "gone", fence=7, args=("acme",), kwargs={})
    with mutex.acquire():
        tasks.client.set(tasks.note_of(mutex, 8), 1)
        tasks.free_what_the_dead_held(dead)
        with mutex.acquire(raise_on_failure=False) as acquired:
            assert not acquired
