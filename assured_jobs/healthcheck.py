"""`assured-jobs healthcheck`: do the worker processes of this container live? For a probe that runs every few seconds.

Exits with 0 where all live, 1 where one is stalled (paused, its interpreter held, or a thread of it dead), 2 where one
is dead, or none has ever reported; one that never came so far is not missed beside the others. It reads what each
process reports about itself (`pulse`), and asks no Redis: an outage of Redis must not make a platform kill workers that
are well.

It starts in a few milliseconds, since it imports nothing but what Python has loaded anyway: no `dataclasses`, no
`json`, no `pathlib`.
"""

from __future__ import annotations

import os
import sys
import time

VARIABLE = "ASSURED_JOBS_HEALTH_FILE"

ALIVE, STALLED, DEAD = 0, 1, 2

WORDS = ("alive", "stalled", "dead")

#: In front of a file that is being written, so that nobody takes it for a report.
UNFINISHED = ".new"


class Report:
    """What one process said of itself, and when, by a clock that all processes of a machine share.

    `born` tells two processes with one pid apart. `run` is the process whose end ends them all. `patience` in seconds:
    a longer silence is a stall. `confirmed` is when Redis last confirmed its heartbeat. `lost` names its dead threads.
    """

    __slots__ = ("at", "born", "confirmed", "draining", "lost", "patience", "pid", "run")

    def __init__(
        self, *, pid: int, born: str, run: str, at: float, confirmed: float, patience: float, draining: bool, lost: str
    ) -> None:
        self.pid, self.born, self.run = pid, born, run
        self.at, self.confirmed, self.patience = at, confirmed, patience
        self.draining, self.lost = draining, lost

    def dumps(self) -> str:
        return "".join(f"{name} {getattr(self, name)}\n" for name in self.__slots__)

    @classmethod
    def loads(cls, text: str) -> Report:
        """Raises ValueError or KeyError where the text is no report."""
        told = {name: value for name, _, value in (line.partition(" ") for line in text.splitlines())}
        return cls(
            pid=int(told["pid"]), born=told["born"], run=told["run"],
            at=float(told["at"]), confirmed=float(told["confirmed"]), patience=float(told["patience"]),
            draining=told["draining"] == "True", lost=told["lost"],
        )  # fmt: skip


def born(pid: int) -> str:
    """When a process was started, in the kernel's own count; "" where the system has no such thing, "gone" where the
    process is dead, also where nobody has taken notice of that yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            words = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "gone" if os.path.exists("/proc/self/stat") or not _answers(pid) else ""
    return "gone" if words[0] in "ZX" else words[19]


def lives(identity: str) -> bool:
    """Whether `<pid>:<born>` is still the same process."""
    pid, _, when = identity.partition(":")
    return born(int(pid)) == when


def identity(pid: int) -> str:
    return f"{pid}:{born(pid)}"


def reports(path: str) -> list[tuple[str, Report]]:
    """Every report under this path, with its file; what is none is passed over."""
    folder, name = os.path.split(path)
    found = []
    for one in sorted(os.listdir(folder or ".")):
        if one.startswith(f"{name}.") and one[len(name) + 1 :].isdigit():
            file = os.path.join(folder, one)
            try:
                with open(file, encoding="utf-8", errors="replace") as text:
                    found.append((file, Report.loads(text.read())))
            except (OSError, ValueError, KeyError):
                continue  # its writer has just left, or it is somebody else's
    return found


def judge(report: Report, now: float) -> tuple[int, str]:
    """A verdict and its reason. A heartbeat that Redis did not confirm is told, and is nobody's fault here."""
    silent, unheard = now - report.at, now - report.confirmed
    if not lives(f"{report.pid}:{report.born}"):
        return DEAD, f"it has not been there for up to {silent:.0f} s"
    if silent > report.patience:
        return STALLED, f"it has said nothing for {silent:.0f} s: paused, or its interpreter is held"
    if report.lost and unheard <= report.patience:  # while Redis is away nobody can replace them, and it is no fault
        return STALLED, f"dead threads: {report.lost}"
    return ALIVE, f"last heartbeat {unheard:.0f} s ago{', shutting down' if report.draining else ''}"


def look(path: str) -> tuple[int, list[tuple[int, int, str]]]:
    """The worst verdict, and each process with its own: (pid, verdict, reason)."""
    try:
        found = reports(path)
    except OSError as error:
        return DEAD, [(0, DEAD, f"nothing can be read under {path}: {error.strerror}")]
    now = time.monotonic()
    told = [(report.pid, *judge(report, now)) for _, report in found]
    if not told:
        return DEAD, [(0, DEAD, f"no worker has reported under {path}")]
    return max(verdict for _, verdict, _ in told), told


def main(words: list[str] | None = None) -> int:
    """The exit code, after one line for each process. `words`: the path, where it is not in the variable."""
    given = sys.argv[1:] if words is None else words
    path = given[0] if given else os.environ.get(VARIABLE, "")
    if not path:
        sys.stderr.write(f"assured-jobs: set {VARIABLE} here and in the worker, or name its value.\n")
        return DEAD
    worst, told = look(path)
    for pid, verdict, reason in told:
        sys.stdout.write(f"{WORDS[verdict]}: {f'process {pid}, ' if pid else ''}{reason}\n")
    return worst


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    sys.exit(main())
