"""Our own books, a table of SQLite: what we believe about each payment, and the fence of the job that wrote it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def database() -> sqlite3.Connection:
    db = sqlite3.connect(Path(os.environ.get("DATA", ".")) / "books.db", isolation_level=None, timeout=30)
    db.execute("CREATE TABLE IF NOT EXISTS payments (id PRIMARY KEY, state, fence)")
    return db


def write(payment: str, state: str, fence: int) -> bool:
    """False, and nothing written, where a later start of the job has written before: it knows better.

    A worker that was paused for an hour wakes up in the middle of its job and does not know that it was declared dead.
    """
    upsert = """
        INSERT INTO payments VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, fence = excluded.fence
        WHERE excluded.fence >= payments.fence
    """
    return database().execute(upsert, (payment, state, fence)).rowcount == 1


def payments() -> list[tuple[str, str]]:
    return database().execute("SELECT id, state FROM payments ORDER BY id").fetchall()
