"""ASSURED_JOBS_RECOVERY=observe: everything is seen, judged and recorded, and nothing is done.

For the first week in production: `assured-jobs events` says what would have been. Crashes are counted, so that the
counts are right on the day it is switched on. Jobs come back as Dramatiq alone brings them back.
"""

from __future__ import annotations

from .entry import Death
from .events import Event, WouldHave
from .judging import Decision, judge, order_of
from .ledger import Ledger
from .telling import complain
from .vigil import Finding, Vigil

_WOULD = {"front": "handed_back", "tail": "handed_back", "defer": "deferred", "hold": "held", "discard": "discarded"}


class Observer:
    def __init__(self, ledger: Ledger, vigil: Vigil) -> None:
        self.ledger = ledger
        self.vigil = vigil

    def note(self, findings: list[Finding], now: int) -> None:
        """(alive) -> (would be dead), once for each, with what would become of its jobs. `now` in ms of the store.

        If interrupted: the next look goes on; an event may be missing.
        """
        for finding in self.vigil.declare(findings, observe=True):
            info, cause = finding.vitals.info, finding.judgement.cause
            self.ledger.tell(WouldHave("declared_dead", cause, info.id))
            self._foretell(finding.as_death(now), untouched=True)
        by_id = {finding.vitals.info.id: finding for finding in findings}
        for id in self.ledger.observed.ids():
            if id in by_id:
                self._look_after(by_id[id], now)

    def _look_after(self, finding: Finding, now: int) -> None:
        """What could not be charged at once is, and who lives after all, or left nothing, is observed no more."""
        id = finding.vitals.info.id
        if finding.judgement.state == "dead" and self.ledger.estate.entries(id):
            self._foretell(finding.as_death(now), untouched=False)
        if self.ledger.observed.end(finding.vitals.info) == "lives":
            reason = "it beats again: what it ran would have been interrupted here and run again elsewhere"
            self.ledger.tell(WouldHave("declared_dead_falsely", reason, id))

    def _foretell(self, death: Death, *, untouched: bool) -> None:
        for batch in self.ledger.estate.left_by(death.info):
            decisions = judge(self.ledger, death, batch)
            started = [one for one in decisions if one.left.entry is not None]
            fresh = len(decisions) - len(started)
            told: list[Event] = []
            if untouched and fresh:
                reason = f"{fresh} messages that it had fetched and never started, in {batch[0].queue}"
                told.append(WouldHave("relieved", reason, death.info.id, queue=batch[0].queue))
            told += self._charge(death, batch[0].queue, started)
            self.ledger.tell(*told)

    def _charge(self, death: Death, queue: str, decisions: list[Decision]) -> list[Event]:
        if not decisions:
            return []
        words = self.ledger.observed.charge(death, queue, [order_of(one) for one in decisions])
        told: list[Event] = []
        for one, word in zip(decisions, words, strict=True):
            if word == "charged":
                orphan, verdict = one.orphan, one.verdict
                told.append(
                    WouldHave(
                        _WOULD.get(verdict.action, "left"), verdict.reason, death.info.id,
                        orphan.message_id, orphan.actor, orphan.queue, orphan.crash_count,
                    )
                )  # fmt: skip
            elif word == "changed":
                complain(f"Job {one.orphan.message_id} moved while it was judged; the next look judges it again.")
        return told
