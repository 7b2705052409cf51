"""What happened, in a bounded stream: for the command line, the dashboard, and whoever asks what became of a job.

It is evidence, not the truth: a process that dies between a transition and its telling leaves it untold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import LedgerError
from ..events import Event, recall
from ..foreign import parse
from ..telling import complain
from .keys import ROOM
from .store import Store, pipelined

BATCH = 500

#: A longer text is cut: names come from jobs, and a job may call itself what it likes.
_LONGEST = 500


@dataclass(frozen=True)
class Told:
    """One event as it was written down. `id` is its place in the stream, `at` ms of the store's clock."""

    id: str
    at: int
    action: str
    fact: dict[str, Any]

    def sentence(self) -> str:
        event = recall(self.action, self.fact)
        # The keys are ours, and what they hold is not.
        with suppress(ValueError, TypeError, AttributeError, ArithmeticError, LookupError):
            if event:
                return event.sentence()
        with suppress(RecursionError):
            return f"{self.action}: {json.dumps(self.fact)}"
        return f"{self.action}: nested too deeply to be told"


class Chronicle:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.key = store.keys.events

    def add(self, events: Sequence[Event]) -> None:
        """Writes them down, in one round trip. Never fails: what is lost is words.

        If interrupted: some are written, the rest is not.
        """
        try:
            self.write(events)
        except LedgerError as error:
            complain(f"What happens is logged and not written down. {error}")

    def write(self, events: Sequence[Event]) -> None:
        """As `add`, for what must be on record. Raises LedgerError."""
        commands = [
            ("XADD", self.key, "MAXLEN", "~", ROOM, "*", "action", event.action, "fact", _dumps(event.fact()))
            for event in events
        ]
        self.store.ask(lambda client: pipelined(client, commands), self.key)

    def last(self, number: int) -> list[Told]:
        """The newest, oldest of them first."""
        rows = self.store.ask(lambda client: client.xrevrange(self.key, count=number), self.key)
        return [_told(*row) for row in reversed(rows)]

    def since(self, id: str = "-") -> Iterator[Told]:
        """Those after `id`, or all, oldest first; one batch in memory at a time."""
        after = id if id == "-" else f"({id}"
        while rows := self._batch(after):
            yield from (_told(*row) for row in rows)
            after = f"({rows[-1][0].decode()}"

    def _batch(self, after: str) -> list[Any]:
        rows: list[Any] = self.store.ask(lambda client: client.xrange(self.key, after, count=BATCH), self.key)
        return rows

    def of_message(self, message_id: str) -> list[Told]:
        """Everything told of one job, oldest first. Reads the whole stream, which is bounded."""
        return [told for told in self.since() if told.fact.get("message_id") == message_id]


def _dumps(fact: dict[str, Any]) -> str:
    return json.dumps({name: value[:_LONGEST] if isinstance(value, str) else value for name, value in fact.items()})


def _told(id: bytes, row: dict[bytes, bytes]) -> Told:
    text = row.get(b"fact", b"{}")
    try:
        fact = parse(text)
    except ValueError:
        fact = None
    known = fact if isinstance(fact, dict) else {"unreadable": text[:80].decode(errors="replace")}
    name = id.decode()
    return Told(name, int(name.split("-")[0]), row.get(b"action", b"?").decode(errors="replace"), known)
