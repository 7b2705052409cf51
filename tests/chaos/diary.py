"""What was done to whom, and when: on disk as it happens, so that a run can be read, and in memory for the books."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import NamedTuple


class Act(NamedTuple):
    """`whom` is a worker's label, or "redis"."""

    at: float
    what: str
    whom: str


class Diary:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.acts: list[Act] = []
        self.began = time.time()
        self._lock = threading.Lock()

    def note(self, what: str, whom: str) -> None:
        act = Act(time.time(), what, whom)
        with self._lock:
            self.acts.append(act)
            with self.path.open("a") as file:
                file.write(f"{act.at:.3f} +{act.at - self.began:7.2f} {what} {whom}\n")

    def told(self) -> str:
        return self.path.read_text()

    def spans(self, begin: str, end: str, whom: str) -> list[tuple[float, float]]:
        """From each `begin` to the next `end`, of one worker or of Redis."""
        found: list[tuple[float, float]] = []
        since: float | None = None
        for act in self.acts:
            if act.whom == whom and act.what == begin and since is None:
                since = act.at
            elif act.whom == whom and act.what == end and since is not None:
                found.append((since, act.at))
                since = None
        return found if since is None else [*found, (since, float("inf"))]
