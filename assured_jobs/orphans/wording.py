"""How values become words and JSON, the same on a terminal, on a page and for programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from ..entry import Orphan
from ..settings import variable
from .fleet import Status
from .payloads import Shown

#: Characters of a value that are shown where nothing else is said.
LONGEST = 120

#: Where `Status.observing`: whoever reads "the watcher" elsewhere would wait for it in vain.
OBSERVING = (
    f"Every living worker has {variable('recovery')}=observe: none of them brings anything back by itself. "
    "Dramatiq alone may, after a minute at the earliest."
)

#: The last moment that has a name, in ms: in the year 9999.
_LAST = 253_402_300_799_999

#: Below this many seconds a tenth matters.
EXACTLY = 10


def safe(value: object, longest: int = LONGEST) -> str:
    """Text that can neither move a cursor, nor reverse a line, nor flood a screen."""
    text = str(value)
    shown = text[:longest]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return shown if len(text) <= longest else f"{shown}... ({len(text)} characters)"


def call(shown: Shown, longest: int = LONGEST) -> str:
    """The job's arguments as a call would have them: `1, "two", retry=true`."""
    if shown.args is None or shown.kwargs is None:
        return f"[arguments not shown: {safe(shown.payload_error)}]"
    words = [json.dumps(value, ensure_ascii=False) for value in shown.args]
    words += [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in dict(shown.kwargs).items()]
    return safe(", ".join(words), longest) or "no arguments"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(seconds: float) -> str:
    """A duration for a person: `4.2 s`, `12 min`, `3 h`, `5 days`."""
    for size, name, next_size in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172800)):
        if seconds < next_size:
            return f"{seconds / size:.{int(seconds < EXACTLY)}f} {name}"
    return f"{seconds / 86400:.0f} days"


def ago(when: int | None, now: int) -> str:
    return "at an unknown time" if when is None else f"{span(max(0, now - when) / 1000)} ago"


def iso(ms: int | None) -> str | None:
    """None also for what is no time: somebody else may have written it."""
    return (
        None
        if ms is None or not 0 <= ms <= _LAST
        else datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds")
    )


def fields(orphan: Orphan) -> dict[str, Any]:
    """An orphan for programs, its times in ISO 8601, UTC."""
    crashes = [
        {
            **asdict(crash),
            "died_at": iso(crash.died_at),
            "last_seen": iso(crash.last_seen),
            "started_at": iso(crash.started_at),
        }
        for crash in orphan.crashes
    ]
    times = {name: iso(getattr(orphan, name)) for name in ("started_at", "orphaned_at", "since")}
    return {**asdict(orphan), **times, "crashes": crashes}


def as_json(shown: Shown) -> dict[str, Any]:
    """An orphan with what it was called with, for programs."""
    return {
        **fields(shown.orphan),
        "args": shown.args,
        "kwargs": shown.kwargs,
        "payload_error": shown.payload_error,
    }


def status_as_json(found: Status) -> dict[str, Any]:
    return {
        "bleeding": found.bleeding,
        "summary": headline(found),
        "counts": found.counts,
        "oldest_orphan": iso(found.oldest_orphan),
        "oldest_held": iso(found.oldest_held),
        "due": found.due,
        "watcher": {"instance": found.watcher, "alive": found.watched, "last_ran": iso(found.last_look)},
        "deaths_last_hour": found.deaths_last_hour,
        "instances": [asdict(member) for member in found.instances],
    }


def headline(found: Status) -> str:
    """The first line: whether it is still bleeding."""
    counts = found.counts
    held = f" {count(counts['held'], 'job')} held for you to decide." if counts["held"] else ""
    if counts["orphaned"]:
        holders = sum(1 for member in found.members("dead") if member.left)
        jobs, dead = count(counts["orphaned"], "job"), count(holders, "dead worker")
        return f"BLEEDING: {jobs} of {dead} not brought back yet.{held}"
    if found.bleeding:
        return f"BLEEDING: {count(found.due, 'job')} due to come back, and nobody watches.{held}"
    if not found.members("alive", "draining", "stalled"):
        return f"NOT BLEEDING, BUT NOBODY WORKS: no worker is alive.{held}"
    if doubtful := sum(member.presence == "gone" for member in found.members("alive", "stalled")):
        return f"NOT KNOWN YET: {count(doubtful, 'worker')} lost the connection, and may be dead.{held}"
    stalled = len(found.members("stalled"))
    silent = f" {count(stalled, 'worker')} stalled: no heartbeat, still connected." if stalled else ""
    return f"NOT BLEEDING: nothing is orphaned.{silent}{held}"


def dumps(value: Any) -> str:
    """ASCII alone, whatever the terminal's encoding; and no NaN, which JSON does not know."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
