"""One pass: find what the dead left, judge it, hand it back or hold it, settle; and release what is due.

Any number of passes may run at the same time, beside Dramatiq's own maintenance: each hand-back takes the id out
of the dead instance's ack set and acts on it in one script. The lease only saves work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .entry import Death, Orphan
from .errors import LedgerRefused
from .events import Event, NeverStartedHandedBack, OrphanSettled, StormPaced
from .failpoint import reach
from .hook import Hook
from .judging import judge, order_of
from .ledger import Ledger
from .telling import complain

#: How long `before_hand_back` has for a batch, in seconds; afterwards another recoverer may call it again.
CLAIM = 30.0

#: How long what waits for a hook waits for a worker that has it, in seconds: longer than any back-off and any claim.
HOOK_PATIENCE = 150.0


@dataclass
class Report:
    """What a pass did, counted by outcome: handed_back, deferred, paced, held, discarded, settled, left, elsewhere."""

    dead: list[str] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


class Recovery:
    """Runs passes over one ledger. `breathe` is called between batches: a lease is kept, a tick is sent.

    Without a `hook`, what waits for one is left to a worker that has it. `rate`: how many orphans come back per second.
    """

    def __init__(
        self,
        ledger: Ledger,
        breathe: Callable[[], None] = lambda: None,
        hook: Hook | None = None,
        rate: float | None = None,
    ) -> None:
        self.ledger = ledger
        self.breathe = breathe
        self.hook = hook
        self.rate = rate

    def run(self, dead: list[str]) -> Report:
        """Brings back what the given dead left, and whatever is due.

        If interrupted: each job is either where it was or where it belongs; the next pass goes on.
        """
        report = Report(dead=list(dead))
        for death in self.ledger.instances.deaths(dead):
            try:
                self._bring_back(death, report)
            except LedgerRefused as error:
                complain(f"What {death.info.id} left waits while this lasts. {error}")
                continue
            reach("pass.before_bury")
            if self.ledger.instances.bury(death.info):
                report.buried.append(death.info.id)
            reach("pass.after_bury")
        if (paced := report.outcomes.get("paced", 0)) and self.rate:
            self.ledger.tell(StormPaced(paced, self.rate, paced / self.rate))
        self.release_due(report)
        self.ledger.instances.forget()
        return report

    def release_due(self, report: Report, *, without_hook: bool = False) -> None:
        """deferred (due) or released -> queue. If interrupted: the rest still waits.

        `without_hook`: also what waits for a hook that is not here.
        """
        passed_over = 0
        while due := self.ledger.custody.due(passed_over):
            orphans = self.ledger.custody.read(due)
            if len(orphans) < len(due):
                number = len(due) - len(orphans)
                complain(f"{number} deliveries are due and nobody knows where they belong: they stay where they are.")
            mine = [one for one in orphans if self.hook or without_hook or not one.has_hook or self._waited(one)]
            passed_over += len(due) - len(mine)
            self._release(mine, report)
            self.breathe()

    def _waited(self, orphan: Orphan) -> bool:
        """Whether it has waited long enough for a hook that nobody has any more."""
        if self.ledger.custody.now() - (orphan.since or 0) < HOOK_PATIENCE * 1000:
            return False
        complain(f"Job {orphan.message_id} waits for before_hand_back, and no worker has one: it comes back without.")
        return True

    def _release(self, orphans: list[Orphan], report: Report) -> None:
        claims: dict[str, int] = {}
        if self.hook and (hooked := [orphan for orphan in orphans if orphan.has_hook]):
            until = self.ledger.custody.claim(hooked, CLAIM)
            claims = {orphan.delivery: when for orphan, when in zip(hooked, until, strict=True) if when}
            reach("pass.after_claim")
            self.hook.call([orphan for orphan in hooked if orphan.delivery in claims])
            orphans = [orphan for orphan in orphans if not orphan.has_hook or orphan.delivery in claims]
        if not orphans:
            return
        reach("pass.before_release")
        words = self.ledger.custody.release(orphans, claims)
        reach("pass.after_release")
        told = []
        for orphan, word in zip(orphans, words, strict=True):
            report.count(word)
            if word == "handed_back" and orphan.reason_code != "suspected":  # that one asks again every few seconds
                told.append(_settled(orphan, word, f"its time had come; before: {orphan.reason}"))
        self.ledger.tell(*told)

    def _bring_back(self, death: Death, report: Report) -> None:
        read_at = time.monotonic()
        for batch in self.ledger.estate.left_by(death.info):
            reach("pass.before_judge")
            decisions = judge(self.ledger, death, batch)
            for decision in decisions:
                if decision.verdict.action == "leave":
                    report.count("left")
                    complain(
                        f"Job {decision.orphan.message_id} of {decision.orphan.actor!r}: {decision.verdict.reason}."
                    )
            orders = [decision for decision in decisions if decision.verdict.action != "leave"]
            reach("pass.before_hand_back")
            words = self.ledger.estate.hand_back(death, batch[0].queue, [*map(order_of, orders)], self.rate)
            reach("pass.after_hand_back")
            silent_for = round(death.silent_for + time.monotonic() - read_at, 3)
            untouched = 0
            told: list[Event] = []
            for decision, word in zip(orders, words, strict=True):
                report.count(word)
                if word in ("handed_back", "paced") and not decision.verdict.charge:
                    untouched += 1
                elif word in ("handed_back", "deferred", "paced", "held", "discarded"):
                    ruling = decision.verdict
                    told.append(_settled(decision.orphan, word, ruling.reason, ruling.charge, silent_for))
            if untouched:
                told.append(NeverStartedHandedBack(untouched, batch[0].queue, death.info.id, silent_for))
            self.ledger.tell(*told)
            if self.hook:  # what a person may think about for days must not keep others waiting as long
                held = [one.orphan for one, word in zip(orders, words, strict=True) if word == "held"]
                self.hook.call([orphan for orphan in held if orphan.has_hook])
            self.breathe()


def _settled(
    orphan: Orphan, outcome: str, reason: str, charged: str = "", silent_for: float | None = None
) -> OrphanSettled:
    return OrphanSettled(
        message_id=orphan.message_id,
        actor=orphan.actor,
        queue=orphan.queue,
        instance=orphan.instance,
        outcome=outcome,
        reason=reason,
        crash_count=orphan.crash_count,
        reason_code=orphan.reason_code,
        charged=charged,
        silent_for=silent_for,
    )
