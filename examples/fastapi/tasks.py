"""Imports an uploaded CSV file, row by row, in an async job. Upload, rows and state are all in SQLite."""

from __future__ import annotations

import asyncio
import csv
import os
import sqlite3

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO

from assured_jobs import AssuredJobs, current_job

broker = RedisBroker(url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
broker.add_middleware(AsyncIO())
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)

SECONDS_PER_ROW = float(os.environ.get("SECONDS_PER_ROW", "1"))


def database() -> sqlite3.Connection:
    """Every statement is committed when it returns."""
    db = sqlite3.connect("imports.db", isolation_level=None, timeout=30)
    db.execute("CREATE TABLE IF NOT EXISTS imports (name PRIMARY KEY, csv, crashes DEFAULT 0, done DEFAULT 0)")
    db.execute("CREATE TABLE IF NOT EXISTS rows (import, line, data, PRIMARY KEY (import, line))")
    return db


@dramatiq.actor(assured=True)
async def import_file(name: str) -> None:
    db = database()
    db.execute("UPDATE imports SET crashes = ? WHERE name = ?", (current_job().crash_count, name))
    (text,) = db.execute("SELECT csv FROM imports WHERE name = ?", (name,)).fetchone()
    (behind,) = db.execute("SELECT coalesce(max(line), 0) FROM rows WHERE import = ?", (name,)).fetchone()
    for line, row in enumerate(csv.reader(text.splitlines()), start=1):
        if line > behind:
            await asyncio.sleep(SECONDS_PER_ROW)  # some other service is asked about each row
            # The key makes one row of what two lives of the job both import.
            db.execute("INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", (name, line, "|".join(row)))
    db.execute("UPDATE imports SET done = 1 WHERE name = ?", (name,))
    db.close()
