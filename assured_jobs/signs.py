"""What a worker says of itself with each heartbeat."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Signs:
    """What a worker says of itself with each heartbeat. `uptime` in seconds, `rss` in bytes; `oom_kills` is how many
    processes of its cgroup the kernel had killed for want of memory; None where the system does not tell."""

    uptime: float | None = None
    rss: int | None = None
    oom_kills: int | None = None

    def dumps(self) -> str:
        known = (self.uptime and round(self.uptime, 1), self.rss, self.oom_kills)
        return " ".join("-" if value is None else str(value) for value in known)

    @classmethod
    def loads(cls, text: str) -> Signs:
        """Whatever cannot be read is not known."""
        words = [*text.split(), "-", "-", "-"][:3]
        read = (float(word) if re.fullmatch(r"[0-9]{1,16}(\.[0-9]{1,9})?", word) else None for word in words)
        uptime, rss, oom_kills = read
        return cls(uptime, None if rss is None else int(rss), None if oom_kills is None else int(oom_kills))
