"""All that is known of one job: where it is, what happened to it, in the order in which it happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from ..entry import Crash, Orphan
from ..errors import ForeignValue
from ..ledger import Ledger, Record, Told
from .desk import Orphans
from .fleet import Fleet
from .flight import InFlight, in_flight
from .payloads import Shown, show_all
from .selection import Selection

#: Rows of what was thrown away that are looked through in one round trip.
_AT_ONCE = 1000

#: How an end in a job's company was counted, in a word.
COUNTED = {
    "crashes": "a crash",
    "suspicions": "a suspicion: another job was charged",
    "interrupted": "interrupted, not as a crash",
}


#: What a person's word makes of a job.
_SAID = {"retry": "released", "release": "released", "delete": "discarded"}


@dataclass(frozen=True)
class Moment:
    """Something that happened, at a time in ms of the store's clock."""

    at: int
    what: str


@dataclass(frozen=True)
class Story:
    """`waiting`: its deliveries in custody, or in a dead worker's hands. `running`: those under way.

    `earlier`: how many events before the timeline were left out.
    """

    message_id: str
    waiting: tuple[Shown, ...]
    running: tuple[InFlight, ...]
    record: Record
    timeline: tuple[Moment, ...]
    earlier: int = 0

    @property
    def is_known(self) -> bool:
        return bool(self.waiting or self.running or self.timeline or self.record != Record())


def tell_story(
    desk: Orphans,
    id: str,
    fleet: Fleet,
    *,
    told_of: Callable[[str], list[Told]] | None = None,
    most: int | None = None,
    most_bytes: int | None = None,
    most_told: int | None = None,
) -> Story:
    """The story of a message id or a delivery. Reads alone. Raises ForeignValue where its record is not ours.

    `told_of` is asked for its events, where they are known already; `most` jobs that run or are not judged yet are
    looked through; a payload larger than `most_bytes` is not read; the newest `most_told` events are told.
    """
    ledger = desk.ledger
    waiting = show_all(ledger, desk.find(id), most_bytes)
    unjudged = islice(desk.listing(Selection(states=("orphaned",)), fleet), most)
    waiting += [one for one in unjudged if id in (one.orphan.message_id, one.orphan.delivery)]
    flight = islice(in_flight(ledger, fleet.findings, fleet.look.now), most)
    running = tuple(one for one in flight if id in (one.message_id, one.delivery))
    if not waiting and not running:
        waiting = show_all(ledger, _thrown_away(ledger, id), most_bytes)
    named = [*(one.orphan.message_id for one in waiting), *(one.message_id for one in running), id]
    message_id = named[0]
    record = ledger.estate.records([message_id])[message_id]
    if isinstance(record, ForeignValue):
        raise record
    everything = (told_of or ledger.chronicle.of_message)(message_id)
    told = everything[-most_told:] if most_told else everything
    history = next((one.orphan.crashes for one in waiting if one.orphan.crashes), record.history)
    moments = [*_lives(history), *_states(waiting, told), *(Moment(one.at, one.sentence()) for one in told)]
    moments += [Moment(one.started_at, f"Started on {one.instance}, where it runs.") for one in running]
    timeline = tuple(sorted(moments, key=lambda moment: moment.at))
    return Story(message_id, tuple(waiting), running, record, timeline, len(everything) - len(told))


def _thrown_away(ledger: Ledger, message_id: str) -> list[Orphan]:
    """The discarded deliveries of a message id, which are listed under their delivery alone. A bounded list."""
    custody, named = ledger.custody, f'"message_id": {json.dumps(message_id)}'.encode()
    found: list[Orphan] = []
    place = None
    while rows := custody.rows("discarded", _AT_ONCE, place, sift=lambda raw: named in raw):
        found += [orphan for at, raw in rows if (orphan := custody.orphan_at("discarded", at, raw))]
        place = rows[-1][0]
    return found


def _lives(crashes: tuple[Crash, ...]) -> list[Moment]:
    moments = []
    for crash in crashes:
        counted = COUNTED.get(crash.charged_as, crash.charged_as)
        moments.append(Moment(crash.started_at, f"Started on {crash.instance} ({crash.host})."))
        moments.append(Moment(crash.died_at, f"{crash.instance} died: {crash.cause}. Counted as {counted}."))
    return moments


def _states(waiting: list[Shown], told: list[Told]) -> list[Moment]:
    """How it came to where it is now, unless an event tells that already."""
    moments = []
    for orphan in (one.orphan for one in waiting):
        since = orphan.since
        if since is not None and not any(_leads_to(one) == orphan.state for one in told if one.at >= since):
            moments.append(Moment(since, f"{orphan.state.capitalize()}: {orphan.reason}."))
    return moments


def _leads_to(told: Told) -> str:
    """The state that an event says a job has entered."""
    return str(told.fact.get("outcome") or _SAID.get(str(told.fact.get("verb")), ""))
