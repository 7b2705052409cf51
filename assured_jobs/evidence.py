"""What this process can see of itself, and of how a sibling died: uptime, memory, and whether that ran out."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from pathlib import Path

from .entry import Death
from .signs import Signs

MEMORY_EVENTS = Path("/sys/fs/cgroup/memory.events")

_BORN = time.monotonic()


def signs() -> Signs:
    """For a heartbeat."""
    return Signs(uptime=time.monotonic() - _BORN, rss=_rss(), oom_kills=_oom_kills())


def cgroup() -> str:
    """Names this process's cgroup, so that only who shares it compares its counters; "" where there is none."""
    try:
        path = Path("/proc/self/cgroup").read_text().strip()
        return f"{socket.gethostname()}:{path}:{MEMORY_EVENTS.stat().st_ino}"
    except OSError:
        return ""


def exit_hint(death: Death) -> str:
    """What killed it, where it can be known: a sibling in the same cgroup sees that the kernel killed somebody."""
    before, now = death.signs.oom_kills, _oom_kills()
    if not death.info.cgroup or death.info.cgroup != cgroup() or before is None or now is None or now <= before:
        return ""
    return "out of memory: the kernel has killed a process of its cgroup since its last heartbeat"


def _oom_kills() -> int | None:
    try:
        words = dict(line.split() for line in MEMORY_EVENTS.read_text().splitlines())
        return int(words["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None


def _rss() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
