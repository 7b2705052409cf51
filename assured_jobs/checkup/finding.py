"""One answer of a check, in three sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["fault", "unknown", "note", "ok"]

#: The most pressing first.
LEVELS: tuple[Level, ...] = ("fault", "unknown", "note", "ok")

#: How many names a sentence holds.
_NAMED = 3


@dataclass(frozen=True)
class Finding:
    """`name` stays the same from version to version: what is found, what follows from it, what to do about it."""

    name: str
    level: Level
    found: str
    follows: str = ""
    mend: str = ""


def some(names: Sequence[str]) -> str:
    """The first few of them, and how many there are besides."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"


def number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def seconds(value: float) -> str:
    return f"{f'{value:.1f}'.removesuffix('.0')} s"


def capped(examined: int, total: int) -> str:
    """Says where not everything was looked at."""
    return "" if examined >= total else f" Only {examined:,} of {total:,} were examined."
