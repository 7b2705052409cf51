"""The jobs of the dead page by page: in an order, with a place to go on from, and never more than a bounded look.

A filter that few jobs meet would read everything in search of a full page. So a page ends after so many rows as well,
and says where to go on.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, get_args

from ..entry import Orphan, State
from ..foreign import parse
from ..ledger.custody import Place
from .desk import Orphans
from .fleet import Fleet, Status
from .payloads import Shown, show_all
from .selection import Selection

Sort = Literal["oldest", "newest", "actor", "queue", "instance", "crashes"]
SORTS: tuple[Sort, ...] = get_args(Sort)

#: What waits for a person goes before what waits for time. What is gone is shown on request alone.
ORDER: tuple[State, ...] = ("orphaned", "held", "deferred", "released", "discarded")
WAITING: tuple[State, ...] = ORDER[:-1]

#: Rows that one page looks at, at most; and in one round trip.
ROWS, BATCH = 5000, 500

#: Up to so many jobs are put into another order than that of time.
SORTABLE = 1000

#: Jobs of the dead that nobody has judged yet, and that a page looks at.
UNJUDGED = 500

#: Payloads of more bytes are not read for a list.
LARGEST = 16 * 1024

#: Jobs from which kinds are counted, kinds that are told, and jobs that are named for an example.
SAMPLE, KINDS, SAMPLES = 2000, 12, 5


@dataclass(frozen=True)
class Page:
    """`next` is None where nothing follows. `sorted` is False where too many are meant for the order asked for."""

    items: list[Shown]
    next: str | None
    looked_at: int
    sorted: bool = True


@dataclass(frozen=True)
class Number:
    """How many are meant; at least so many, where `exact` is False."""

    value: int
    exact: bool

    def __str__(self) -> str:
        return f"{self.value:,}{'' if self.exact else '+'}"


@dataclass(frozen=True)
class Count:
    """Of those that a selection speaks of: how many are meant, and how many are left out as poison."""

    meant: Number
    spared: Number


@dataclass(frozen=True)
class Kinds:
    """What some of those that are meant are: (actor, queue, reason code, number), the most frequent first.

    `looked_at` of `total`: where fewer were looked at than there are.
    """

    rows: tuple[tuple[str, str, str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    looked_at: int
    total: int
    samples: tuple[Orphan, ...] = ()


@dataclass(frozen=True)
class _Cursor:
    """Behind which row of which state a page ended; of the unjudged, and of an order in memory, behind how many."""

    state: State
    place: Place | None = None
    passed: int = 0

    def dumps(self) -> str:
        where = [self.place.score, self.place.delivery] if self.place else []
        return urlsafe_b64encode(json.dumps([self.state, self.passed, *where]).encode()).decode().rstrip("=")

    @classmethod
    def loads(cls, text: str) -> _Cursor:
        """Raises ValueError."""
        try:
            state, passed, *where = parse(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            place = Place(int(where[0]), str(where[1])) if where else None
        except (ValueError, TypeError, IndexError, OverflowError):
            raise ValueError("a cursor as an earlier answer gave it") from None
        if state not in ORDER or not isinstance(passed, int) or not 0 <= passed <= ROWS:
            raise ValueError("a cursor as an earlier answer gave it")
        return cls(state, place, passed)


class Browser:
    """Reads alone. Raises LedgerError; and ValueError for a cursor that is none."""

    def __init__(self, desk: Orphans) -> None:
        self.desk = desk
        self.custody = desk.ledger.custody

    def page(
        self, selection: Selection, fleet: Fleet, status: Status, *, sort: Sort = "oldest", size: int = 50,
        cursor: str = "",
    ) -> Page:  # fmt: skip
        """The next of those that are meant. No state named means all but the discarded."""
        selection = selection if selection.states else selection.of_states(WAITING)
        start = _Cursor.loads(cursor) if cursor else None
        if sort in ("oldest", "newest"):
            return self._by_time(selection, fleet, size, start, newest=sort == "newest")
        if sum(status.counts[state] for state in selection.states) > SORTABLE:
            page = self._by_time(selection, fleet, size, start, newest=False)
            return Page(page.items, page.next, page.looked_at, sorted=False)
        return self._in_memory(selection, fleet, sort, size, start.passed if start else 0)

    def count(self, selection: Selection, status: Status) -> Count:
        """How many are meant, from a bounded look. Of the unjudged, all where a mark is named."""
        states = selection.within(WAITING) if not selection.states else selection.states
        if not selection.narrows:
            return Count(Number(sum(status.counts[state] for state in states), exact=True), Number(0, exact=True))
        spoken_of = selection.sparing_nobody()
        meant = found = looked = 0
        for state in (state for state in states if state != "orphaned"):
            place = None
            while looked < ROWS and (rows := self.custody.rows(state, BATCH * 2, place, sift=spoken_of.may_admit)):
                looked += len(rows)
                some = [raw for at, raw in rows if raw and self._is_meant(spoken_of, state, at, raw)]
                found += len(some)
                meant += sum(map(selection.may_admit, some))
                place = rows[-1][0]
        return Count(Number(meant, looked < ROWS), Number(found - meant, looked < ROWS))

    def kinds(self, selection: Selection, total: int, *, newest: bool = False, most: int = SAMPLE) -> Kinds:
        """What those that are meant are, from a look at `most` of them in each state."""
        kinds: Counter[tuple[str, str, str]] = Counter()
        reasons: Counter[str] = Counter()
        samples: list[Orphan] = []
        for state in (state for state in ORDER if state in selection.states and state != "orphaned"):
            for at, raw in self.custody.rows(state, most, newest=newest, sift=selection.may_admit):
                orphan = self.custody.orphan_at(state, at, raw)
                if orphan and selection.admits(orphan):
                    kinds[orphan.actor, orphan.queue, orphan.reason_code] += 1
                    reasons[orphan.reason_code] += 1
                    samples += [orphan] * (len(samples) < SAMPLES)
        rows = tuple((*kind, number) for kind, number in kinds.most_common(KINDS))
        looked = kinds.total()
        return Kinds(rows, tuple(reasons.most_common()), looked, max(total, looked), tuple(samples))

    def _is_meant(self, selection: Selection, state: State, at: Place, raw: bytes) -> bool:
        if selection.tells_by_bytes:
            return True
        orphan = self.custody.orphan_at(state, at, raw)
        return orphan is not None and selection.admits(orphan)

    def _by_time(self, selection: Selection, fleet: Fleet, size: int, start: _Cursor | None, *, newest: bool) -> Page:
        items: list[Shown] = []
        orphans: list[Orphan] = []
        looked = 0
        states = [state for state in ORDER if state in selection.states]
        if start:
            states = [state for state in states if ORDER.index(state) >= ORDER.index(start.state)]
        for state in states:
            at = start if start and start.state == state else _Cursor(state)
            if state == "orphaned":
                items, passed = self._unjudged(selection, fleet, size, at.passed)
                looked += passed - at.passed
                if len(items) == size:
                    return Page(items, _Cursor(state, passed=passed).dumps(), looked)
                continue
            place = at.place
            while rows := self._rows(selection, state, place, size - len(items) - len(orphans), newest=newest):
                for place, raw in rows:
                    looked += 1
                    orphan = self.custody.orphan_at(state, place, raw)
                    if orphan and selection.admits(orphan):
                        orphans.append(orphan)
                    if len(items) + len(orphans) == size or looked >= ROWS:
                        return Page(items + self._shown(orphans), _Cursor(state, place).dumps(), looked)
        return Page(items + self._shown(orphans), None, looked)

    def _rows(
        self, selection: Selection, state: State, place: Place | None, wanted: int, *, newest: bool
    ) -> list[tuple[Place, bytes]]:
        size = BATCH if selection.narrows else wanted
        return self.custody.rows(state, size, place, newest=newest, sift=selection.may_admit)

    def _in_memory(self, selection: Selection, fleet: Fleet, sort: Sort, size: int, passed: int) -> Page:
        orphans: list[Orphan] = []
        unjudged: dict[str, Shown] = {}
        for state in (state for state in ORDER if state in selection.states):
            if state == "orphaned":
                shown = islice(self.desk.listing(selection.of_states((state,)), fleet), UNJUDGED)
                unjudged = {one.orphan.delivery: one for one in shown}
                orphans += [one.orphan for one in unjudged.values()]
                continue
            for place, raw in self.custody.rows(state, SORTABLE, sift=selection.may_admit):
                orphan = self.custody.orphan_at(state, place, raw)
                if orphan and selection.admits(orphan):
                    orphans.append(orphan)
        orphans.sort(key=_KEYS[sort])
        some = orphans[passed : passed + size]
        stored = {one.orphan.delivery: one for one in self._shown([o for o in some if o.delivery not in unjudged])}
        items = [unjudged.get(one.delivery) or stored[one.delivery] for one in some]
        more = passed + size < len(orphans)
        return Page(items, _Cursor("held", passed=passed + size).dumps() if more else None, len(orphans))

    def _unjudged(self, selection: Selection, fleet: Fleet, size: int, passed: int) -> tuple[list[Shown], int]:
        items: list[Shown] = []
        everything: Iterator[Shown] = self.desk.listing(Selection(states=("orphaned",)), fleet)
        for shown in islice(everything, passed, UNJUDGED):
            passed += 1
            if selection.admits(shown.orphan):
                items.append(shown)
            if len(items) == size:
                break
        return items, passed

    def _shown(self, orphans: list[Orphan]) -> list[Shown]:
        return show_all(self.desk.ledger, orphans, LARGEST)


_KEYS: dict[str, Callable[[Orphan], Any]] = {
    "actor": lambda one: (one.actor, one.queue, one.since or 0, one.delivery),
    "queue": lambda one: (one.queue, one.actor, one.since or 0, one.delivery),
    "instance": lambda one: (one.instance, one.since or 0, one.delivery),
    "crashes": lambda one: (-one.crash_count, one.since or 0, one.delivery),
}
