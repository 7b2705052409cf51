"""A user's small app, as the tests of the kit run it. Each effect is a line of a file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs
from assured_jobs.failpoint import reach

FOLDER = Path(os.environ["ERRANDS"])

broker = RedisBroker(url=os.environ["REDIS_URL"])
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)


def note(name: str) -> None:
    with (FOLDER / "effects").open("a") as file:
        file.write(f"{name}\n")


@dramatiq.actor(assured=True)
def run(name: str) -> None:
    note(name)
    reach("app.ran")


@dramatiq.actor(assured=True, on_orphan="hold")
def wait(name: str, gate: str) -> None:
    note(f"{name} waits")
    while not (FOLDER / gate).exists():
        time.sleep(0.02)
    note(name)


@dramatiq.actor(assured=True, min_backoff=100, max_backoff=200)
def fail_once(name: str) -> None:
    note(name)
    if (FOLDER / "effects").read_text().count(name) == 1:
        raise RuntimeError("fails once")


@dramatiq.actor(assured=True, max_retries=0)
def fail(name: str) -> None:
    note(name)
    raise RuntimeError("fails for good")
