"""The filter as it stands in an address, and the address for a filter: what a page shows can be pasted in a chat."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assured_jobs.orphans import REASONS, SORTS, STATES, Selection, Sort

from .refusing import Refusal

#: Characters of one condition, and jobs on one page.
LONGEST, MOST = 200, 200
SIZE = 50

MARKS = ("queue", "actor", "instance", "reason", "state", "q")


@dataclass(frozen=True)
class Filter:
    """`selection` is what is meant; the rest, how it is shown."""

    selection: Selection
    sort: Sort = "oldest"
    size: int = SIZE
    cursor: str = ""

    def query(self, **changes: Any) -> dict[str, Any]:
        """For url_for: without what says nothing, and from the first page on, unless `changes` say where."""
        chosen = self.selection
        found: dict[str, Any] = {
            "q": chosen.text, "state": list(chosen.states), "queue": chosen.queue, "actor": chosen.actor,
            "instance": chosen.instance, "reason": chosen.reason, "sort": self.sort if self.sort != "oldest" else None,
            "limit": self.size if self.size != SIZE else None, **changes,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}

    def command(self, verb: str) -> str:
        """What says the same on the command line."""
        chosen = self.selection
        named = (
            ("queue", chosen.queue), ("actor", chosen.actor), ("instance", chosen.instance), ("reason", chosen.reason),
            ("text", chosen.text),
        )  # fmt: skip
        words = [f"--{name} {shlex.quote(value)}" for name, value in named if value]
        words += [f"--state {state}" for state in chosen.states]
        return " ".join(["assured-jobs", verb, *(words or ["--all"])])


def is_number(text: str, most: int) -> bool:
    """Whether it says a number from 1 to `most`, and nothing that Python alone takes for one."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most


def from_query(args: Any) -> Filter:
    """Raises Refusal where the address says what cannot be meant."""
    size = args.get("limit", str(SIZE))
    if not is_number(size, MOST):
        raise Refusal(400, f"limit: expected a number from 1 to {MOST}.")
    sort = args.get("sort") or "oldest"
    if sort not in SORTS:
        raise Refusal(400, f"sort: expected one of {', '.join(SORTS)}.")
    states = [state for word in args.getlist("state") for state in word.split(",") if state]
    given = {name: args.get(name) for name in MARKS if name != "state"}
    return Filter(select({**given, "state": states}), sort, int(size), args.get("cursor", "")[:1000])


def select(given: Mapping[str, Any]) -> Selection:
    """Raises Refusal where a condition is none, or is not known: a misspelt one must not mean everything."""
    if unknown := set(given) - set(MARKS):
        got = ", ".join(sorted(map(str, unknown)))[:LONGEST]
        raise Refusal(400, f"filter: expected some of {', '.join(MARKS)}, got {got}.")
    states = given.get("state") or []
    states = [states] if isinstance(states, str) else states
    if not isinstance(states, list) or any(state not in STATES for state in states):
        raise Refusal(400, f"state: expected some of {', '.join(STATES)}.")
    words: dict[str, str | None] = {}
    for name in MARKS:
        if name != "state":
            value = given.get(name)
            if value is not None and (not isinstance(value, str) or len(value) > LONGEST):
                raise Refusal(400, f"{name}: expected text of at most {LONGEST} characters.")
            words[name] = value.strip() if name == "q" and value else value
    if words["reason"] and words["reason"] not in REASONS:
        raise Refusal(400, f"reason: expected one of {', '.join(REASONS)}.")
    return Selection(
        tuple(dict.fromkeys(states)), queue=words["queue"] or None, actor=words["actor"] or None,
        instance=words["instance"] or None, reason=words["reason"] or None, text=words["q"] or None,
    )  # fmt: skip
