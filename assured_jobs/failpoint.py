"""Places where a test may kill this process. Off unless ASSURED_JOBS_FAIL_POINT names one.

`pass.after_declare` dies with SIGKILL the first time that place is reached, `pass.after_declare:3` the third time.
"""

from __future__ import annotations

import os
import signal

from .telling import complain

_plan: dict[str, int] | None = None


def reach(name: str) -> None:
    """Dies here if a test asked for it; costs one comparison otherwise."""
    global _plan  # noqa: PLW0603 - read once, at the first place reached
    if _plan is None:
        place, _, count = os.environ.get("ASSURED_JOBS_FAIL_POINT", "").partition(":")
        _plan = {place: int(count or 1)} if place else {}
        if place:
            complain(f"ASSURED_JOBS_FAIL_POINT is set: this process kills itself at {place}. Only tests want that.")
    if name in _plan:
        _plan[name] -= 1
        if _plan[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
