"""What happened, kept in memory as well: read once, then only what is new. As many events as the stream keeps.

A page that asks what became of one job, or how many came back in each minute, must not read the whole stream for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from ..ledger import Chronicle, Told
from ..ledger.keys import ROOM

#: What an orphan's settlement is called when it came back by itself.
BACK = ("handed_back", "deferred")


class Mirror:
    """May be asked by several threads."""

    def __init__(self, chronicle: Chronicle) -> None:
        self._chronicle = chronicle
        self._told: deque[Told] = deque(maxlen=ROOM)
        self._reading = threading.Lock()

    def catch_up(self) -> list[Told]:
        """Everything that is remembered, the oldest first. Raises LedgerError."""
        with self._reading:
            newest = self._chronicle.last(1)
            if not newest or (self._told and _order(newest[0]) < _order(self._told[-1])):
                self._told.clear()  # the store has lost its data, or another one answers
            if newest and (not self._told or newest[0].id != self._told[-1].id):
                self._told.extend(self._chronicle.since(self._told[-1].id if self._told else "-"))
            return list(self._told)

    def of_message(self, message_id: str) -> list[Told]:
        return [told for told in self.catch_up() if told.fact.get("message_id") == message_id]

    def back(self, number: int, before: str = "", admits: Callable[[Told], bool] = lambda _: True) -> list[Told]:
        """The newest that are meant, the newest first; of those before an id, where one is given."""
        found: list[Told] = []
        limit = _place(before) if before else None
        for told in reversed(self.catch_up()):
            if len(found) == number:
                break
            if (limit is None or _order(told) < limit) and admits(told):
                found.append(told)
        return found

    def settled(self, since: int) -> Iterator[Told]:
        """What became of jobs of the dead since then, in ms; the newest first."""
        for told in reversed(self.catch_up()):
            if told.at < since:
                return
            if told.action == "OrphanSettled":
                yield told

    def minutes(self, now: int, number: int = 60) -> list[tuple[int, int]]:
        """For each of the last minutes, the oldest first: how many came back, and how many were held or discarded."""
        counts = [[0, 0] for _ in range(number)]
        for told in self.settled(now - number * 60_000):
            minute = number - 1 - max(0, now - told.at) // 60_000
            if 0 <= minute < number:
                counts[minute][told.fact.get("outcome") not in BACK] += 1
        return [(back, kept) for back, kept in counts]


def _order(told: Told) -> tuple[int, int]:
    return _place(told.id)


def _place(id: str) -> tuple[int, int]:
    """Raises ValueError where it is not the id of an event."""
    at, _, number = id.partition("-")
    return int(at), int(number or 0)
