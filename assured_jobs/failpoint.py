"""Places where a test may kill this process. Off unless ASSURED_JOBS_FAIL_POINT names one.

`pass.after_declare` dies with SIGKILL the first time that place is reached, `pass.after_declare:3` the third time.
A job may have places of its own: `reach("app.charged")` between two of its steps costs one comparison in production.
Only tests set the variable; a process that finds it set says so in its log.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from .telling import complain

VARIABLE = "ASSURED_JOBS_FAIL_POINT"

#: A user's own places begin with this.
OWN = "app."

#: Every place of ours, with what is true when a process dies there. A delayed message becomes a job in its queue.
FAIL_POINTS = {
    "job.before_begin": "An assured job is fetched, and its start not recorded: it counts as never started.",
    "job.after_begin": "Its start is recorded, and its function not called yet.",
    "job.before_ack": "Its function has returned, or failed and its retry is in the broker; Dramatiq does not know.",
    "job.after_ack": "Dramatiq has let go of it, and the ledger has not heard of its end.",
    "forward.before_ack": "A delayed message that is due is in its queue, and in its delay queue still.",
    "pass.after_declare": "Deaths are declared, and nothing is brought back.",
    "pass.before_judge": "The first things a dead worker held are read.",
    "pass.before_hand_back": "They are judged, and still where they were.",
    "pass.after_hand_back": "They are where they belong, and nobody has been told.",
    "pass.after_claim": "What waits for before_hand_back is claimed, and the hook is not called yet.",
    "pass.before_bury": "Everything a dead worker held is brought back.",
    "pass.after_bury": "It is buried.",
    "pass.before_release": "What is due is read, and waits still.",
    "pass.after_release": "What is due is in its queue, and nobody has been told.",
}

_plan: Mapping[str, Callable[[], object]] | None = None


def reach(name: str) -> None:
    """Dies here if a test asked for it; costs one comparison otherwise. A name of your own begins with `app.`."""
    global _plan  # noqa: PLW0603 - read once, at the first place reached
    if _plan is None:
        _plan = _read(os.environ.get(VARIABLE, ""))
    if name in _plan:
        _plan[name]()


def play(plan: Mapping[str, Callable[[], object]]) -> None:
    """Does something else at some places than die there, instead of what the variable says: for our own tests."""
    global _plan  # noqa: PLW0603 - as above
    _plan = plan


def problem_of(text: str) -> str | None:
    """What is wrong with a value of the variable, if anything is."""
    place, colon, count = text.partition(":")
    if colon and not (count.isdecimal() and int(count)):
        return f"{VARIABLE}: expected a whole number from 1 behind the colon, got {text!r}."
    if place in FAIL_POINTS or (place.startswith(OWN) and place != OWN):
        return None
    near = get_close_matches(place, [*FAIL_POINTS, OWN + place], n=1)
    return (
        f"{VARIABLE}: expected one of {', '.join(FAIL_POINTS)}, or a name of your own that begins with {OWN}, "
        f"got {place!r}." + (f" Did you mean {near[0]!r}?" if near else "")
    )


class _Countdown:
    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self) -> None:
        self.times -= 1
        if self.times == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _read(text: str) -> dict[str, _Countdown]:
    if not text:
        return {}
    if problem := problem_of(text):
        complain(f"{problem} This process does not kill itself.")
        return {}
    place, _, count = text.partition(":")
    complain(f"{VARIABLE} is set: this process kills itself at {place}. Only tests want that.")
    return {place: _Countdown(int(count or 1))}
