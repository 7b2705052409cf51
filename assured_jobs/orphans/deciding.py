"""A person decides: one more life, or never again. For named jobs, or for all that a plan has shown before.

Every step is a compare-and-set by itself: said twice, or by two people, it is done once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..entry import Orphan, State
from ..events import OperatorSaid
from ..ledger import Ledger
from .selection import DELETABLE, RETRIABLE, Selection

Verb = Literal["retry", "delete", "release"]

BATCH = 250

#: How many jobs a plan shows by name, and how many kinds of them.
_SAMPLES, _KINDS = 5, 12

#: In which states a job may be given which word.
DECIDABLE: dict[Verb, tuple[State, ...]] = {"retry": RETRIABLE, "delete": DELETABLE, "release": RETRIABLE}


@dataclass(frozen=True)
class Plan:
    """What a word would be about, as it was at `as_of`, in ms of the store's clock: what comes later is left out.

    `kinds`: actor, queue, reason code and number, the most frequent first. `only` names the deliveries it keeps to,
    where a limit was given; empty where there was none.
    """

    verb: Verb
    selection: Selection
    as_of: int
    total: int
    kinds: tuple[tuple[str, str, str, int], ...]
    samples: tuple[Orphan, ...]
    only: frozenset[str] = frozenset()


@dataclass
class Tally:
    """What became of an operator's word.

    `done`: it holds now; of a named ID also where it had been said before. `gone`: nothing waits under that ID, or
    another hand was first. `refused`: not to be decided yet. `notes` has a sentence for what is not done.
    """

    done: int = 0
    gone: int = 0
    refused: int = 0
    notes: list[str] = field(default_factory=list)


class Deciding:
    """`who` is the person, in words that will be read later."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def plan(self, verb: Verb, selection: Selection, limit: int = 0) -> Plan:
        """What would be retried or deleted, the oldest of each state first, `limit` at most. Writes nothing."""
        as_of = self.ledger.custody.now()
        only: set[str] = set()
        kinds: Counter[tuple[str, str, str]] = Counter()
        samples: list[Orphan] = []
        for found in self._each(verb, selection, as_of):
            batch = found[: limit - kinds.total()] if limit else found
            kinds.update((orphan.actor, orphan.queue, orphan.reason_code) for orphan in batch)
            samples += batch[: _SAMPLES - len(samples)]
            if limit:
                only.update(orphan.delivery for orphan in batch)
                if kinds.total() == limit:
                    break
        most = tuple((*kind, number) for kind, number in kinds.most_common(_KINDS))
        return Plan(verb, selection, as_of, kinds.total(), most, tuple(samples), frozenset(only))

    def carry_out(self, plan: Plan, who: str, progress: Callable[[int], object] = lambda _done: None) -> Tally:
        """held, deferred -> released; or held, deferred, released -> discarded: what was there when it was planned.

        `progress` is told how many have been decided so far. If interrupted: some are; saying it again goes on.
        """
        tally = Tally()
        decided = 0
        for found in self._each(plan.verb, plan.selection, plan.as_of):
            batch = [orphan for orphan in found if not plan.only or orphan.delivery in plan.only]
            words = self.act(plan.verb, batch, who)
            # "already" is somebody else's word: two people who say the same share the number, and none counts twice.
            tally.done += sum(word in ("released", "discarded") for word in words)
            decided += len(words)
            progress(decided)
        # What left before its page was read is gone as well, though no script was asked about it.
        tally.gone = max(0, plan.total - tally.done)
        if tally.done or tally.gone:
            self.ledger.tell(OperatorSaid(plan.verb, who, str(plan.selection), tally.done, tally.gone))
        return tally

    def act(self, verb: Verb, orphans: list[Orphan], who: str) -> list[str]:
        """What the ledger says to each: released, already, discarded or gone."""
        act = self.ledger.custody.discard if verb == "delete" else self.ledger.custody.retry
        return act(orphans, who)

    def _each(self, verb: Verb, selection: Selection, as_of: int) -> Iterator[list[Orphan]]:
        """Batch by batch, those that are in such a state and are meant."""
        for state in selection.within(DECIDABLE[verb]):
            place = None
            before: set[str] = set()
            while True:
                page, place = self.ledger.custody.page(state, BATCH, place)
                fresh = [one for one in page if one.delivery not in before]  # a page may begin with some of the last
                if chosen := [one for one in fresh if selection.admits(one) and (one.since or 0) <= as_of]:
                    yield chosen
                before = {one.delivery for one in page}
                if place is None:
                    break
