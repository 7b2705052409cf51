"""How values become words: times, counts, and whatever a job's arguments hold, made harmless for a terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ..entry import Orphan
from ..orphans import Shown

LONGEST = 120

#: Below this many seconds a tenth matters.
EXACTLY = 10

STYLES = {
    "orphaned": "bold red", "dead": "bold red", "stalled": "bold yellow", "held": "yellow", "deferred": "cyan",
    "released": "cyan", "draining": "cyan", "alive": "green", "discarded": "dim",
}  # fmt: skip

#: Columns where the output is no terminal: a log or a pipe wraps nothing.
_WIDE = 240


def console() -> Console:
    """Prints values as they are: no markup, no emoji, nothing highlighted."""
    width = None if sys.stdout.isatty() else _WIDE
    return Console(markup=False, emoji=False, highlight=False, width=width)


def safe(value: object, longest: int = LONGEST) -> str:
    """Text that can neither move a cursor, nor reverse a line, nor flood a screen."""
    text = str(value)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:longest])
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
    return None if ms is None else datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds")


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


def print_json(value: Any) -> None:
    click.echo(dumps(value))


def print_json_list(items: Iterable[Any]) -> None:
    """A JSON list, written as it comes: never more than one item in memory."""
    separator = "[\n"
    for item in items:
        click.echo(separator + dumps(item), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[\n" else "\n]")


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


def state_text(state: str, width: int = 0) -> Text:
    return Text(state.ljust(width), STYLES.get(state, ""))
