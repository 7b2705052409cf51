"""Writes the statements of a month, a file for each customer."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs, current_job

broker = RedisBroker(url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)

CUSTOMERS = ["ada", "barbara", "emmy", "grace", "hedy", "joan", "katherine", "mary", "radia", "sophie"]
SECONDS_PER_STATEMENT = float(os.environ.get("SECONDS_PER_STATEMENT", "2"))


def folder_of(year: int, month: int) -> Path:
    return Path("statements") / f"{year}-{month:02}"


@dramatiq.actor(assured=True)
def write_statements(year: int, month: int) -> None:
    print(f"Statements of {year}-{month:02}: {current_job().crash_count} workers have died writing them.")
    for customer in CUSTOMERS:
        statement = folder_of(year, month) / f"{customer}.txt"
        if statement.exists():
            continue  # written in a former life
        time.sleep(SECONDS_PER_STATEMENT)  # it takes a while to sum it all up
        draft = statement.with_suffix(".draft")
        draft.write_text(f"{customer}, {year}-{month:02}: you owe us nothing.\n")
        draft.replace(statement)
