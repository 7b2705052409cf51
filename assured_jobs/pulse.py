"""What this process reports of itself in a file, for a probe beside it: that it runs, and that its threads do.

A thread of its own writes it: the heartbeat and the housekeeping wait for Redis where it does not answer, and an
outage of Redis must not look like a stall. Where the interpreter is held or the process is paused, this thread is too.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .healthcheck import UNFINISHED, Report, born, identity, lives, reports
from .host import Host
from .instance import Instance
from .telling import complain
from .ticker import Ticker

#: Seconds between two reports.
PERIOD = 1.0


class Pulse:
    """Reports under `<path>.<pid>`, so that several processes share one path. `own` tells our own threads that died."""

    def __init__(self, path: str, instance: Instance, host: Host, own: Callable[[], list[str]]) -> None:
        self.path = path
        self.instance = instance
        self.host = host
        self._own = own
        self._pid, self._born, self._run = os.getpid(), born(os.getpid()), _run()
        self.file = Path(f"{path}.{self._pid}")
        self._ticker = Ticker("pulse", PERIOD, self.report)

    def start(self) -> None:
        self._clear()
        self._ticker.start()

    def stop(self) -> None:
        """Takes the report away: what stops in order is not dead."""
        self._ticker.stop()
        if os.getpid() == self._pid:
            with suppress(OSError):
                self.file.unlink()

    def report(self) -> None:
        """Writes in one step, so that no reader sees half of it. Never fails: a full disk is no reason to stop."""
        unfinished = self.file.with_name(UNFINISHED + self.file.name)
        try:
            unfinished.write_text(self._state().dumps())
            unfinished.replace(self.file)
        except OSError as error:
            complain(f"The health file {self.file} cannot be written: a probe takes this worker for dead. {error}")

    def _state(self) -> Report:
        threads = self.host.threads().items()
        dead = [name for name, thread in threads if thread.ident is not None and not thread.is_alive()]
        now = time.monotonic()
        return Report(
            pid=self._pid,
            born=self._born,
            run=self._run,
            at=now,
            confirmed=now - self.instance.age,
            patience=self.instance.settings.heartbeat_ttl,
            draining=self.instance.draining,
            lost=", ".join([*dead, *self._own()]).replace("\n", " "),
        )

    def _clear(self) -> None:
        """Removes what earlier runs left: a volume outlives its container, and their dead are not ours. A sibling that
        died in this run keeps its report."""
        with suppress(OSError):
            for file, report in reports(self.path):
                if not lives(report.run):
                    Path(file).unlink(missing_ok=True)


def _run() -> str:
    """The `dramatiq` command, whose processes begin and end together; or this process, where it is on its own."""
    return identity(os.getppid() if multiprocessing.parent_process() else os.getpid())
