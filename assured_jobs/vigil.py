"""A judge's unbroken watch over the fleet, on a connection of its own.

An absence is believed only by a judge whose own connection was never re-made meanwhile, and who looked all the time:
after a pause, an outage or a restart of the store, the watch begins anew.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .entry import Death, InstanceInfo, Presence, Vitals
from .errors import LedgerError
from .events import InstanceDied
from .ledger import Ledger, Look
from .ledger.instances import Seen
from .policy import Judgement, judge

#: A longer gap between two looks breaks the watch, in seconds: who knows what happened in it.
LONGEST_GAP = 5.0

#: Up to here a gap is the usual one between two looks, in seconds. What passes unseen in a longer one is nobody's
#: silence: a frozen store hears no heartbeat, and every one of them is old when it wakes. Of a gap that breaks the
#: watch no more than LONGEST_GAP is taken off: it was the judge who slept, and the new watch is what gives a chance.
USUAL_GAP = 1.0


@dataclass(frozen=True)
class Finding:
    vitals: Vitals
    judgement: Judgement

    def as_death(self, now: int) -> Death:
        """The death that declaring would record. `now` in ms of the store's clock."""
        vitals = self.vitals
        cause = self.judgement.cause
        return Death(vitals.info, now, vitals.beat, now, vitals.draining, cause, vitals.suspects, vitals.signs)


class Vigil:
    """`once`: for a judge that only comes by, and takes old heartbeats at their word."""

    def __init__(self, ledger: Ledger, *, once: bool = False) -> None:
        self.ledger = ledger
        self.once = once
        self._client = ledger.store.connect(single=True)
        self._infos: dict[str, InstanceInfo] = {}
        self._absent: dict[str, float] = {}
        #: Of each living one the heartbeat last seen, and the longest gap between two looks since it came.
        self._gaps: dict[str, tuple[int, float]] = {}
        self._since = 0.0
        self._looked: float | None = None
        self._witness: tuple[int, str] | None = None

    def look(self) -> tuple[Look, list[Finding]]:
        """Looks at everybody and judges. Writes nothing. Raises LedgerError, which breaks the watch."""
        try:
            seen = self.ledger.instances.look(self._client)
            self._learn(seen)
        except LedgerError:
            self.rest()
            raise
        now = time.monotonic()
        witness = (seen.connection, seen.run_id)
        if self._looked is None or now - self._looked > LONGEST_GAP or witness != self._witness:
            self._since, self._witness = now, witness
            self._absent.clear()
        self._note_gaps(seen, 0.0 if self._looked is None else now - self._looked)
        self._looked = now
        findings = [self._judge(seen, one, now) for one in seen.living if one.id in self._infos]
        present = {finding.vitals.info.id for finding in findings if finding.vitals.presence != "gone"}
        self._absent = {id: since for id, since in self._absent.items() if id not in present}
        return seen, findings

    def rest(self) -> None:
        """Breaks the watch."""
        self._looked = None
        self._absent.clear()

    def declare(self, findings: list[Finding], *, observe: bool = False) -> list[Finding]:
        """alive -> dead, for those judged dead and still so when the store is asked. Returns these.

        `observe`: they stay alive, and each is only written down, once.
        If interrupted: the rest is found again by the next look.
        """
        dead = []
        for finding in findings:
            vitals, ruling = finding.vitals, finding.judgement
            if ruling.state != "dead":
                continue
            if self.ledger.instances.declare_dead(
                vitals.info,
                beat=vitals.beat,
                older_than=ruling.older_than,
                absent=ruling.absent,
                draining=vitals.draining,
                cause=ruling.cause,
                observe=observe,
            ):
                dead.append(finding)
                if not observe:
                    self.ledger.tell(InstanceDied(vitals.info.id, ruling.cause))
        return dead

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    def _learn(self, seen: Look) -> None:
        living = {one.id for one in seen.living}
        unknown = [id for id in living if id not in self._infos]
        self._infos = {id: info for id, info in self._infos.items() if id in living}
        self._infos.update(self.ledger.instances.describe(unknown))

    def _note_gaps(self, look: Look, gap: float) -> None:
        fresh = min(gap, LONGEST_GAP) if gap > USUAL_GAP else 0.0
        before, self._gaps = self._gaps, {}
        for one in look.living:
            beat, longest = before.get(one.id, (one.beat, 0.0))
            self._gaps[one.id] = (one.beat, max(longest, fresh) if beat == one.beat else 0.0)

    def _judge(self, look: Look, one: Seen, now: float) -> Finding:
        age = max(0, look.now - one.beat) / 1000
        if look.uptime >= 0:
            age = min(age, look.uptime)  # while the store was down nobody could beat
        age = max(0.0, age - self._gaps[one.id][1])
        if one.seen_by == "-" or one.seen_by != look.run_id or one.subscribers < 0 or look.connection < 0:
            presence: Presence = "unknown"
        else:
            presence = "there" if one.subscribers else "gone"
        absent_for = 0.0
        if presence == "gone":
            absent_for = now - self._absent.setdefault(one.id, now)
        vitals = Vitals(self._infos[one.id], one.beat, age, presence, one.draining, one.signs, one.suspects)
        return Finding(vitals, judge(vitals, watched=None if self.once else now - self._since, absent_for=absent_for))
