"""What an actor, or a single message, may choose to happen to its orphans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from .entry import Policy
from .telling import complain

#: What is expected of each option, in words and as a test.
CHOICES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "on_orphan": ("requeue, hold or discard", lambda value: value in ("requeue", "hold", "discard")),
    "max_crashes": ("a whole number, 1 or more", lambda value: type(value) is int and value >= 1),
    "max_orphan_age": ("seconds above 0 or a timedelta", lambda value: _seconds(value) > 0),
}


def problems_of(actor: str, options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options, one sentence for each."""
    return [
        f"{actor}: {name}: expected {expected}, got {options[name]!r}"
        for name, (expected, holds) in CHOICES.items()
        if options.get(name) is not None and not holds(options[name])
    ]


def choose(actor: str, options: Mapping[str, Any], default: Policy) -> Policy:
    """The policy of one message. An option that cannot be meant is complained about, and the default holds: a job is
    not lost over it."""
    if problems := problems_of(actor, options):
        complain(f"An option of a message is ignored, the default holds. {'; '.join(problems)}")
    chosen = {
        name: options[name]
        for name, (_, holds) in CHOICES.items()
        if options.get(name) is not None and holds(options[name])
    }
    if not chosen:
        return default
    if "max_orphan_age" in chosen:
        chosen["max_orphan_age"] = _seconds(chosen["max_orphan_age"])
    return Policy(**{**default.__dict__, **chosen})


def _seconds(value: Any) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return float(value) if type(value) in (int, float) else -1.0
