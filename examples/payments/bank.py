"""The card bank of this example, a table of SQLite. Like real ones it charges once for each idempotency key."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

SECONDS = float(os.environ.get("BANK_SECONDS", "10"))


def database() -> sqlite3.Connection:
    db = sqlite3.connect(Path(os.environ.get("DATA", ".")) / "bank.db", isolation_level=None, timeout=30)
    db.execute("CREATE TABLE IF NOT EXISTS charges (key PRIMARY KEY, cents)")
    return db


def charge(key: str, cents: int) -> None:
    """Takes the money at some moment between the call and the answer: nobody outside knows when."""
    time.sleep(SECONDS / 2)
    database().execute("INSERT OR IGNORE INTO charges VALUES (?, ?)", (key, cents))
    time.sleep(SECONDS / 2)


def charges() -> list[tuple[str, int]]:
    return database().execute("SELECT key, cents FROM charges ORDER BY key").fetchall()
