"""The calendar of a year, a file for each month. A worker may be killed between any two of them."""

from __future__ import annotations

import calendar
import os
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs, current_job

broker = RedisBroker(url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)

SECONDS_PER_MONTH = float(os.environ.get("SECONDS_PER_MONTH", "2"))


@dramatiq.actor(assured=True)
def print_calendar(year: int) -> None:
    folder = Path("calendars") / str(year)
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Calendar of {year}: {current_job().crash_count} workers have died printing it.")
    for month in range(1, 13):
        page = folder / f"{month:02}.txt"
        if page.exists():
            continue  # printed in a former life
        time.sleep(SECONDS_PER_MONTH)
        draft = page.with_suffix(".draft")
        draft.write_text(calendar.TextCalendar().formatmonth(year, month))
        draft.replace(page)  # the page is there, or it is not: never half of it
    print(f"Calendar of {year}: printed.")
