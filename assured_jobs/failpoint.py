"""Places where a test may kill this process. Off unless ASSURED_JOBS_FAIL_POINT names one.

`pass.after_declare` dies with SIGKILL the first time that place is reached, `pass.after_declare:3` the third time.
"""

from __future__ import annotations

import os
import signal

_armed: str | None = None
_countdown = 0


def reach(name: str) -> None:
    """Dies here if a test asked for it; costs one comparison otherwise."""
    global _armed, _countdown
    if _armed is None:
        _armed, _, count = os.environ.get("ASSURED_JOBS_FAIL_POINT", "").partition(":")
        _countdown = int(count or 1)
    if _armed == name:
        _countdown -= 1
        if _countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)
