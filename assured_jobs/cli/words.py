"""How values become words: times, counts, and whatever a job's arguments hold, made harmless for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ..orphans.wording import LONGEST, ago, call, count, dumps, fields, iso, safe, span

__all__ = [
    "LONGEST", "ago", "call", "console", "count", "dumps", "fields", "iso", "print_json", "print_json_list", "safe",
    "span", "state_text",
]  # fmt: skip

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


def print_json(value: Any) -> None:
    click.echo(dumps(value))


def print_json_list(items: Iterable[Any]) -> None:
    """A JSON list, written as it comes: never more than one item in memory."""
    separator = "[\n"
    for item in items:
        click.echo(separator + dumps(item), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[\n" else "\n]")


def state_text(state: str, width: int = 0) -> Text:
    return Text(state.ljust(width), STYLES.get(state, ""))
