"""Sends a newsletter, one mail after the other. The mail server of this example is a table of SQLite."""

from __future__ import annotations

import os
import sqlite3
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs, current_job

broker = RedisBroker(url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)

SECONDS_PER_MAIL = float(os.environ.get("SECONDS_PER_MAIL", "2"))


def database() -> sqlite3.Connection:
    """Opened for each step: every statement is committed when it returns."""
    db = sqlite3.connect("newsletters.db", isolation_level=None, timeout=30)
    db.execute("CREATE TABLE IF NOT EXISTS newsletters (name PRIMARY KEY, lives)")
    db.execute("CREATE TABLE IF NOT EXISTS mails (newsletter, address, sent DEFAULT 0, UNIQUE (newsletter, address))")
    return db


@dramatiq.actor(assured=True)
def send_newsletter(name: str) -> None:
    db = database()
    db.execute("UPDATE newsletters SET lives = ? WHERE name = ?", (current_job().crash_count + 1, name))
    unsent = db.execute("SELECT address FROM mails WHERE newsletter = ? AND NOT sent ORDER BY rowid", (name,))
    for (address,) in unsent.fetchall():
        time.sleep(SECONDS_PER_MAIL)  # the mail server takes its time
        db.execute("UPDATE mails SET sent = sent + 1 WHERE newsletter = ? AND address = ?", (name, address))
    db.close()
