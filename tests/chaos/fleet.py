"""Six workers and their supervisor: whoever dies is started again, under a new label, like a Kubernetes Deployment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from assured_jobs.testing import Worker
from chaos.diary import Diary

TESTS = Path(__file__).parents[1]

#: Past the stall limit is what a pause needs to be a false death; a busy machine must not reach it by itself.
STALL_TTL = 6.0

SETTINGS = {
    "ASSURED_JOBS_HEARTBEAT_INTERVAL": "0.5",
    "ASSURED_JOBS_HEARTBEAT_TTL": "3",
    "ASSURED_JOBS_PRESENCE_GRACE": "0.7",
    "ASSURED_JOBS_STALL_TTL": str(STALL_TTL),
    "ASSURED_JOBS_REDIS_TIMEOUT": "2",
}


class Slot:
    """One place in the fleet, and the worker that has it now."""

    def __init__(self, number: int, start: Callable[[str], Worker]) -> None:
        self.number = number
        self.generation = 0
        self.impaired = False  # a fault has it in hand: nobody else touches it
        self._start = start
        self.worker = start(f"w{number}-0")

    def renew(self) -> None:
        self.generation += 1
        self.worker = self._start(f"w{self.number}-{self.generation}")


def kill_children(worker: Worker) -> None:
    """SIGKILL to the process that works, as the kernel does it when memory is short."""
    for pid in worker._children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Fleet:
    def __init__(self, url: str, folder: Path, diary: Diary, size: int = 6) -> None:
        self.url, self.folder, self.diary = url, folder, diary
        self._stop = threading.Event()
        self.slots = [Slot(number, self._worker) for number in range(size)]
        self._thread = threading.Thread(target=self._supervise)
        self._thread.start()

    def _worker(self, label: str) -> Worker:
        self.diary.note("starts", label)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("ASSURED_JOBS_")}
        env = {
            **plain, **SETTINGS, "ASSURED_JOBS_INSTANCE_ID": label, "PYTHONPATH": str(TESTS),
            "CHAOS_URL": self.url, "CHAOS_FOLDER": str(self.folder), "CHAOS_WORKER": label,
        }  # fmt: skip
        args = ["--path", str(TESTS), "-p", "1", "-t", "4"]
        return Worker(self.folder / f"{label}.log", "chaos.app", args, env=env, cwd=TESTS)

    def _supervise(self) -> None:
        while not self._stop.wait(0.2):
            for slot in self.slots:
                if slot.worker.died() and not self._stop.is_set():
                    self.diary.note("is gone", slot.worker.name)
                    slot.renew()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for slot in self.slots:
            slot.worker.kill()
