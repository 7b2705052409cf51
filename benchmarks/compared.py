"""The app whose workers `comparison.py` starts, kills and robs. Every start and every end is a line in a file."""

from __future__ import annotations

import json
import os
import signal
import time

import dramatiq.common
from dramatiq.brokers.redis import RedisBroker

if skew := float(os.environ["COMPARED_SKEW"]):
    real_time = time.time
    time.time = dramatiq.common.time = lambda: real_time() + skew  # Dramatiq has taken hold of it already

broker = RedisBroker(url=os.environ["COMPARED_URL"], **json.loads(os.environ["COMPARED_BROKER"]))
options = {}
if os.environ["COMPARED_ASSURED"] == "1":
    from assured_jobs import AssuredJobs

    broker.add_middleware(AssuredJobs())
    options = {"assured": True}
dramatiq.set_broker(broker)


def note(kind: str, number: int) -> None:
    """In one write: complete or absent, also when the process dies next."""
    line = json.dumps({"kind": kind, "n": number, "group": os.getpgrp(), "at": time.monotonic()}) + "\n"
    file = os.open(os.environ["COMPARED_EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, line.encode())
    os.close(file)


@dramatiq.actor(**options)
def work(number: int, seconds: float) -> None:
    note("start", number)
    time.sleep(seconds)
    note("end", number)


@dramatiq.actor(**options)
def poison(number: int) -> None:
    note("start", number)
    os.kill(os.getpid(), signal.SIGKILL)
