"""What the jobs did, in SQLite. One file for each process: one that is paused in mid-write keeps nobody waiting.

WAL, and no more fsync than it takes by itself: processes die here, the machine does not.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

_COLUMNS = "kind TEXT, n INTEGER, instance TEXT, pid INTEGER, fence INTEGER, crash_count INTEGER, token TEXT, at REAL"


class Row(NamedTuple):
    """`kind` is start, effect or failed; `instance` is "" and `fence` 0 where the start could not be recorded."""

    kind: str
    n: int
    instance: str
    pid: int
    fence: int
    crash_count: int
    token: str
    at: float

    @property
    def label(self) -> str:
        """Of the worker, which has one pid and may have several names in the ledger."""
        return self.instance.split(".")[0]


class Effects:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._local = threading.local()

    def note(self, kind: str, n: int, job: Any) -> None:
        """One row, complete or absent."""
        row = Row(kind, n, job.info.id, os.getpid(), job.fence, job.crash_count, job.token, time.time())
        self._connection().execute("INSERT INTO effects VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            path = os.path.join(self._folder, f"effects-{os.getpid()}-{os.environ['CHAOS_WORKER']}.db")
            connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(f"CREATE TABLE IF NOT EXISTS effects ({_COLUMNS})")
            self._local.connection = connection
        return self._local.connection


def read_all(folder: Path) -> Iterator[Row]:
    """Every row of every process."""
    for path in sorted(folder.glob("effects-*.db")):
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'effects'").fetchone()
            if tables[0]:
                yield from (Row(*row) for row in connection.execute("SELECT * FROM effects"))
