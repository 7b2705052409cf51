"""The app of a chaos run: `dramatiq chaos.app`. Each start and each effect is a row in this process's own file."""

from __future__ import annotations

import os
import signal
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs, current_job
from chaos.effects import Effects
from chaos.mischief import CAP, INNOCENT

effects = Effects(os.environ["CHAOS_FOLDER"])


def errand(n: int, ms: int) -> None:
    job = current_job()
    effects.note("start", n, job)
    end = time.monotonic() + ms / 1000
    while time.monotonic() < end:
        time.sleep(min(0.05, max(0.0, end - time.monotonic())))
    effects.note("effect", n, job)


def flaky(n: int, failures: int) -> None:
    job = current_job()
    effects.note("start", n, job)
    message = dramatiq.middleware.CurrentMessage.get_current_message()
    if message.options.get("retries", 0) < failures:
        effects.note("failed", n, job)
        raise RuntimeError("fails for now")
    effects.note("effect", n, job)


def poison(n: int) -> None:
    effects.note("start", n, current_job())
    os.kill(os.getpid(), signal.SIGKILL)


# Any worker that is silent for a second is taken for dead by the next command of any other.
broker = RedisBroker(url=os.environ["CHAOS_URL"], heartbeat_timeout=1_000, maintenance_chance=1_000_000)
broker.add_middleware(dramatiq.middleware.CurrentMessage())
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)
dramatiq.actor(errand, broker=broker, assured=True, max_crashes=INNOCENT, min_backoff=50, max_backoff=500)
dramatiq.actor(flaky, broker=broker, assured=True, max_crashes=INNOCENT, min_backoff=50, max_backoff=500)
dramatiq.actor(poison, broker=broker, assured=True, max_crashes=CAP)
