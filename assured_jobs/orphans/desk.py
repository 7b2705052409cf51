"""List, retry, delete, recover. A job that is still `orphaned` is only shown: judging is a pass's business (I8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..entry import Death, Orphan
from ..events import InstanceDied, OperatorSaid
from ..judging import judge
from ..ledger import Ledger, Left
from ..recovery import Recovery, Report
from .deciding import Deciding, Plan, Tally, Verb
from .fleet import Fleet, Lookout, Status
from .payloads import Shown, show_all, show_unjudged
from .selection import STATES, Selection

BATCH = 100

#: So many named jobs get an event each; of more there is one for all.
_MOST_TOLD = 100

#: How long somebody's open grace is waited for, in seconds, before an ID counts as unknown or a page is shown.
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


class Orphans:
    """Opened on a ledger. `fleet` is one look that several answers rest on; without it, each looks for itself.

    `rate`: how many orphans `recover` lets come back per second.
    """

    def __init__(self, ledger: Ledger, rate: float | None = None) -> None:
        self.ledger = ledger
        self._lookout = Lookout(ledger)
        self._recovery = Recovery(ledger, rate=rate)
        self._deciding = Deciding(ledger)

    def close(self) -> None:
        self._lookout.close()

    def look(self, patience: float = 0.0) -> Fleet:
        """Everybody, judged; see Lookout.look. Writes nothing."""
        return self._lookout.look(patience)

    def status(self, fleet: Fleet | None = None) -> Status:
        """Counts per state and everybody's state. Reads no list of jobs."""
        return self._lookout.status(fleet or self.look())

    def listing(self, selection: Selection, fleet: Fleet | None = None) -> Iterator[Shown]:
        """What is meant, one page in memory at a time. What moves meanwhile may be missed or seen twice."""
        for state in selection.within(STATES):
            if state == "orphaned":
                unjudged = self._unjudged(fleet or self.look())
                yield from (shown for shown in unjudged if selection.admits(shown.orphan))
                continue
            place = None
            while True:
                page, place = self.ledger.custody.page(state, BATCH, place)
                yield from show_all(self.ledger, [orphan for orphan in page if selection.admits(orphan)])
                if place is None:
                    break

    def forecast(self, fleet: Fleet | None = None) -> Iterator[Forecast]:
        """The verdict on each orphan, as a pass would come to it now. Changes nothing."""
        for death, batch, payloads in self._left(fleet or self.look()):
            for decision in judge(self.ledger, death, batch):
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

    def declare_dead(self, id: str, fleet: Fleet, who: str) -> Literal["declared", "already", "alive"]:
        """alive -> dead, by a person's word. "alive" where it beat again since `fleet` was seen: nothing is done then.

        If interrupted: dead or not; a dead instance's jobs come back with the next pass.
        """
        vitals = next((one.vitals for one in fleet.findings if one.vitals.info.id == id), None)
        if vitals is None:
            return "already"
        cause = f"{who} said so"
        if self.ledger.instances.declare_dead(
            vitals.info, beat=vitals.beat, older_than=0, absent=False, draining=vitals.draining, cause=cause
        ):
            self.ledger.tell(InstanceDied(id, cause), OperatorSaid("declare-dead", who, f"worker {id}", 1))
            return "declared"
        # Refused by the script: it beat, or a watcher or another person was first.
        return "alive" if any(seen.id == id for seen in self.look().look.living) else "already"

    def find(self, id: str) -> list[Orphan]:
        """What is remembered under a message id in custody, or under a delivery."""
        return self.ledger.custody.read([*dict.fromkeys([*self.ledger.custody.of_message(id), id])])

    def retry(self, ids: list[str], who: str) -> Tally:
        """held or deferred -> released, by message id or delivery. "Already released" counts as done.

        If interrupted: each released or not; saying it again is harmless.
        """
        return self._act("retry", ids, who)

    def delete(self, ids: list[str], who: str) -> Tally:
        """held, deferred or released -> discarded, by message id or delivery.

        If interrupted: each discarded or not; saying it again is harmless.
        """
        return self._act("delete", ids, who)

    def unjudged(self, selection: Selection, fleet: Fleet | None = None) -> int:
        """How many jobs of the dead are meant and not judged yet: none where the selection names other states."""
        if selection.states:
            return 0
        if not selection.narrows:
            return self._lookout.count_left(fleet or self.look())
        return sum(selection.admits(shown.orphan) for shown in self._unjudged(fleet or self.look()))

    def plan(self, verb: Verb, selection: Selection, limit: int = 0) -> Plan:
        """What a word about all that is meant would be about. Writes nothing."""
        return self._deciding.plan(verb, selection, limit)

    def carry_out(self, plan: Plan, who: str, progress: Callable[[int], object] = lambda _done: None) -> Tally:
        """The word itself: see Deciding.carry_out."""
        tally = self._deciding.carry_out(plan, who, progress)
        if not plan.only and (unjudged := self.unjudged(plan.selection)):
            tally.refused += unjudged
            jobs = "1 job of a dead worker is" if unjudged == 1 else f"{unjudged:,} jobs of dead workers are"
            tally.notes.append(f"{jobs} not judged yet: `assured-jobs recover` does that.")
        return tally

    def release_all(self, plan: Plan, who: str, progress: Callable[[int], object] = lambda _done: None) -> Tally:
        """Everything in custody -> its queue, for good: before this package is taken out.

        What would wait for `before_hand_back` does not wait for it any more. `done` counts what went into a queue by
        this hand, also where its release had been said before.
        If interrupted: some are back, each once; saying it again goes on.
        """
        tally = self._deciding.carry_out(plan, who, progress)
        report = Report()
        self._recovery.release_due(report, without_hook=True)
        tally.done = report.outcomes.get("handed_back", 0)
        tally.gone = max(0, plan.total - tally.done)
        return tally

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

    def _act(self, verb: Verb, ids: list[str], who: str) -> Tally:
        tally = Tally()
        named: dict[str, tuple[str, Orphan]] = {}
        unknown = set()
        for id in dict.fromkeys(ids):
            found = self.find(id)
            if not found:
                unknown.add(id)
            for orphan in found:
                named.setdefault(orphan.delivery, (id, orphan))
        orphans = [orphan for _, orphan in named.values()]
        words = self._deciding.act(verb, orphans, who)
        told = []
        for (id, orphan), word in zip(named.values(), words, strict=True):
            if word == "gone":
                tally.gone += 1
                tally.notes.append(f"{id}: waits no longer: it was released, deleted or finished meanwhile.")
            else:
                tally.done += 1
                told.append(OperatorSaid(verb, who, f"job {orphan.message_id}", 1, 0, orphan.message_id))
        if len(told) > _MOST_TOLD:
            told = [OperatorSaid(verb, who, f"{len(told)} jobs by name", tally.done, tally.gone)]
        self.ledger.tell(*told)
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
        nothing = "nothing waits under this ID: it runs, has finished, was deleted or never was. `show` tells more."
        tally.notes += [f"{id}: {nothing}" for id in sorted(ids)]
