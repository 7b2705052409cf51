"""One `dramatiq` command with its processes, in a process group of its own, and the ways it can end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ..entry import InstanceInfo

T = TypeVar("T")

#: How long anything is waited for by default, in seconds: machines that run tests are slow.
PATIENCE = 40.0


class Worker:
    """Running as soon as it is made.

    Attributes:
        log: the file with everything it said.
        instances: what its processes registered as, in the ledger.
    """

    def __init__(
        self, log: Path, app: str, args: Sequence[str], *, env: Mapping[str, str], cwd: Path | str | None = None
    ) -> None:
        self.name = log.stem
        self.log = log
        self.instances: list[InstanceInfo] = []
        self._children: set[int] = set()
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dramatiq", app, *args],
                env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL to every process of it: the machine is gone."""
        self._signal_group(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        """SIGSTOP to every process of it: it neither works nor beats, and its connections stay open."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_group(signal.SIGCONT)

    def terminate(self) -> None:
        """SIGTERM to the master alone: a deploy. Running jobs may finish."""
        self.process.terminate()

    def wait_until_dead(self, timeout: float = PATIENCE) -> None:
        """Waits until it has died or ended, in seconds at most. Raises AssertionError with its log."""
        wait_until(self.died, f"{self.name} dies", timeout, self.told)

    def died(self) -> bool:
        """Whether its worker processes are dead, or all of it has ended. What is left is killed then, as a supervisor
        does: a child that dies while it boots can leave Dramatiq's master waiting for half a minute or for ever."""
        if not self.exited():
            self._children |= {pid for pid, parent, _ in _processes() if parent == self.process.pid}
            # Where Python has a server that forks for it, worker processes are nobody's children that we know.
            pids = {info.pid for info in self.instances} or self._children
            if not pids or any(map(_lives, pids)):
                return False
        self.kill()
        return True

    def exited(self) -> bool:
        return self.process.poll() is not None

    def said(self, words: str) -> bool:
        return words in self.log.read_text(errors="replace")

    def told(self) -> str:
        """The end of its log, for a message."""
        return f"--- {self.log}\n{self.log.read_text(errors='replace')[-3000:]}"

    def owns(self, pid: int) -> bool:
        """Whether that process is one of it."""
        with suppress(ProcessLookupError):
            return os.getpgid(pid) == self.process.pid
        return False

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # all of it has ended
            os.killpg(self.process.pid, number)


def wait_until(condition: Callable[[], T], what: str, timeout: float, told: Callable[[], Any]) -> T:
    """Waits until a condition holds, and returns it; `timeout` in seconds.

    Raises AssertionError, saying what was waited for, and what `told` says.
    """
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain until {what}\n{told()}")
        time.sleep(0.02)
    return result


def _lives(pid: int) -> bool:
    return any(one == pid and state != "Z" for one, _, state in _processes())


def _processes() -> Iterator[tuple[int, int, str]]:
    """The id, the parent and the state of each process, the state being "Z" for one that is dead and not reaped."""
    if not Path("/proc/self/stat").exists():
        command = ["ps", "-A", "-o", "pid=,ppid=,stat="]
        for row in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            pid, parent, state = row.split()
            yield int(pid), int(parent), state[0]
        return
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
            yield int(stat.parent.name), int(parent), state
