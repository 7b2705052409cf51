"""List, retry, delete, recover. A job that is still `orphaned` is only shown: judging is a pass's business (I8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import get_args

from ..entry import Death, Orphan, State
from ..ledger import Ledger, Left
from ..recovery import Recovery, Report
from .fleet import Fleet, Lookout, Status
from .payloads import Shown, show_all, show_unjudged

STATES: tuple[State, ...] = get_args(State)

#: What an operator may send back, and what may be thrown away.
RETRIABLE: tuple[State, ...] = ("held", "deferred")
DELETABLE: tuple[State, ...] = ("held", "deferred", "released")

BATCH = 100

#: How long somebody's open grace is waited for before an ID counts as unknown, in seconds.
PATIENCE = 5.0

#: Outcomes of a pass that leave the job where it was: a second pass counts them again.
_UNMOVED = ("changed", "elsewhere", "left", "waiting", "gone", "alive")


@dataclass(frozen=True)
class Forecast:
    """What a pass would do with one orphan now. `action` is a verdict's, or `settle` or `elsewhere`."""

    orphan: Orphan
    action: str
    reason: str
    delay: float = 0.0


@dataclass
class Tally:
    """What became of an operator's word.

    `done`: it holds now, also where it had been said before. `gone`: nothing waits under that ID.
    `refused`: not to be decided yet. `notes` has a sentence for each that is not done.
    """

    done: int = 0
    gone: int = 0
    refused: int = 0
    notes: list[str] = field(default_factory=list)


class Orphans:
    """Opened on a ledger. `fleet` is one look that several answers rest on; without it, each looks for itself."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._lookout = Lookout(ledger)
        self._recovery = Recovery(ledger)

    def close(self) -> None:
        self._lookout.close()

    def look(self, patience: float = 0.0) -> Fleet:
        """Everybody, judged; see Lookout.look. Writes nothing."""
        return self._lookout.look(patience)

    def status(self, fleet: Fleet | None = None) -> Status:
        """Counts per state and everybody's state. Reads no list of jobs."""
        return self._lookout.status(fleet or self.look())

    def listing(self, fleet: Fleet | None = None, states: tuple[State, ...] = STATES) -> Iterator[Shown]:
        """What is in these states, one page in memory at a time. What moves meanwhile may be missed or seen twice."""
        for state in states:
            if state == "orphaned":
                yield from self._unjudged(fleet or self.look())
                continue
            for start in range(0, self.ledger.custody.count(state), BATCH):
                yield from self.page(state, start, BATCH)

    def page(self, state: State, start: int, size: int) -> list[Shown]:
        """One page of what is deferred, held, released or discarded, oldest first."""
        return show_all(self.ledger, self.ledger.custody.page(state, start, size))

    def forecast(self, fleet: Fleet | None = None) -> Iterator[Forecast]:
        """The verdict on each orphan, as a pass would come to it now. Changes nothing."""
        for death, batch, payloads in self._left(fleet or self.look()):
            for decision in self._recovery.judge(death, batch):
                orphan, verdict, left = decision.orphan, decision.verdict, decision.left
                if left.delivery not in payloads:
                    yield Forecast(orphan, "settle", "it ended before its worker died: nothing to bring back")
                elif left.entry is not None and not left.in_ack_set:
                    yield Forecast(orphan, "elsewhere", "already back in its queue: judged when it is next fetched")
                else:
                    yield Forecast(orphan, verdict.action, verdict.reason, verdict.delay)

    def recover(self, fleet: Fleet | None = None) -> Report:
        """One pass, without the lease: every hand-back is atomic by itself.

        If interrupted: each job is either where it was or where it belongs; a pass by anybody goes on.
        """
        total = Report(dead=self._lookout.declare(fleet or self.look()))
        for _ in range(5):  # what was judged on counts that moved meanwhile is judged again
            report = self._recovery.run(total.dead)
            total.buried += report.buried
            for outcome in _UNMOVED:
                total.outcomes.pop(outcome, None)
            for outcome, count in report.outcomes.items():
                total.outcomes[outcome] = total.outcomes.get(outcome, 0) + count
            if not report.outcomes.get("changed"):
                break
        return total

    def find(self, id: str) -> list[Orphan]:
        """What is remembered under a message id in custody, or under a delivery."""
        return self.ledger.custody.read([*dict.fromkeys([*self.ledger.custody.of_message(id), id])])

    def retry(self, ids: list[str]) -> Tally:
        """held or deferred -> released, by message id or delivery. "Already released" counts as done.

        If interrupted: each released or not; saying it again is harmless.
        """
        return self._act(ids, self.ledger.custody.retry)

    def delete(self, ids: list[str]) -> Tally:
        """held, deferred or released -> discarded, by message id or delivery.

        If interrupted: each discarded or not; saying it again is harmless.
        """
        return self._act(ids, self.ledger.custody.discard)

    def retry_all(self) -> Tally:
        """held and deferred -> released: what waits when this begins, not what is held anew meanwhile.

        If interrupted: some released; saying it again goes on.
        """
        return self._act_on_all(RETRIABLE, self.ledger.custody.retry)

    def delete_all(self) -> Tally:
        """held, deferred and released -> discarded: what waits when this begins.

        If interrupted: some discarded; saying it again goes on.
        """
        return self._act_on_all(DELETABLE, self.ledger.custody.discard)

    def _left(self, fleet: Fleet) -> Iterator[tuple[Death, list[Left], dict[str, bytes]]]:
        """What the dead held, batch by batch, with the payloads that still exist."""
        for death in fleet.deaths:
            for batch in self.ledger.estate.left_by(death.info):
                payloads = {left.delivery: left.payload for left in batch if left.payload is not None}
                unread = [left.delivery for left in batch if left.payload is None]
                payloads |= self.ledger.estate.payloads(death.info.broker_namespace, batch[0].queue, unread)
                yield death, batch, payloads

    def _unjudged(self, fleet: Fleet) -> Iterator[Shown]:
        for death, batch, payloads in self._left(fleet):
            yield from show_unjudged(self.ledger, death, batch, payloads)

    def _act(self, ids: list[str], act: Callable[[Orphan], str]) -> Tally:
        tally = Tally()
        unknown = set()
        acted_on = set()
        for id in dict.fromkeys(ids):
            found = self.find(id)
            if not found:
                unknown.add(id)
            for orphan in found:
                if orphan.delivery in acted_on:
                    continue
                acted_on.add(orphan.delivery)
                if act(orphan) != "gone":
                    tally.done += 1
                else:
                    tally.gone += 1
                    tally.notes.append(f"{id}: waits no longer: it was released, deleted or finished meanwhile.")
        if unknown:
            self._refuse(unknown, tally)
        return tally

    def _refuse(self, ids: set[str], tally: Tally) -> None:
        for shown in self._unjudged(self.look(PATIENCE)):
            for id in ids & {shown.orphan.message_id, shown.orphan.delivery}:
                tally.refused += 1
                tally.notes.append(f"{id}: still orphaned, nobody has judged it yet: `assured-jobs recover` does.")
                ids = ids - {id}
        tally.gone += len(ids)
        tally.notes += [f"{id}: nothing waits under this ID: it runs, has finished or never was." for id in sorted(ids)]

    def _act_on_all(self, states: tuple[State, ...], act: Callable[[Orphan], str]) -> Tally:
        tally = Tally()
        for state in states:
            start, remaining = 0, self.ledger.custody.count(state)
            while remaining > 0:
                size = min(BATCH, remaining)
                words = [act(orphan) for orphan in self.ledger.custody.page(state, start, size)]
                gone = words.count("gone")
                tally.done += len(words) - gone
                tally.gone += gone
                remaining -= size
                start += size - len(words)  # what has a place here and no record stays where it is
        if unjudged := self._lookout.count_left(self.look()):
            tally.refused += unjudged
            tally.notes.append(f"{unjudged} jobs of dead workers are not judged yet: `assured-jobs recover` does that.")
        return tally
