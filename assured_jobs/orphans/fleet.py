"""Who lives and who is dead, for somebody who only comes by; and the answer to "is it still bleeding?"."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from ..entry import Death, RecoveryMode, State
from ..ledger import Ledger, Look
from ..ledger.overview import Overview
from ..vigil import Finding, Vigil
from .selection import label_of

#: Seconds between two looks while somebody's grace is open.
PERIOD = 0.25


@dataclass(frozen=True)
class Fleet:
    """Everybody at one moment of the store. `judged` are dead by judgement, and not declared so yet."""

    look: Look
    findings: list[Finding]
    declared: list[Death]
    judged: list[Death]

    @property
    def deaths(self) -> list[Death]:
        return [*self.declared, *self.judged]

    @property
    def in_doubt(self) -> list[Finding]:
        """Connection gone, and the grace is still open."""
        return [f for f in self.findings if f.vitals.presence == "gone" and f.judgement.state != "dead"]


@dataclass(frozen=True)
class Member:
    """One instance as an operator sees it. `left` counts what a dead one holds, `running` what a living one runs.

    `heartbeat_ttl` and `stall_ttl` are its own, by which it is judged; `uptime` in seconds, `rss` in bytes. `recovery`:
    whether it brings back what the dead left, or only observes.
    """

    id: str
    state: str
    label: str = ""
    host: str = ""
    pid: int | None = None
    version: str = ""
    heartbeat_age: float | None = None
    presence: str = "unknown"
    running: int = 0
    left: int = 0
    cause: str = ""
    uptime: float | None = None
    rss: int | None = None
    heartbeat_ttl: float | None = None
    stall_ttl: float | None = None
    recovery: RecoveryMode | None = None


@dataclass(frozen=True)
class Status:
    """The answer to "is it still bleeding?". Times in ms of the store's clock, `now` too.

    `watcher` holds the lease; `watched` says whether it lives, `last_look` when a watcher last looked.
    `due` waits no longer for time, only for a worker.
    """

    now: int
    counts: dict[State, int]
    oldest_orphan: int | None
    oldest_held: int | None
    due: int
    watcher: str | None
    watched: bool
    last_look: int | None
    deaths_last_hour: int
    instances: list[Member]

    @property
    def bleeding(self) -> bool:
        """Jobs of the dead have not come back, or wait for a watcher that nobody is."""
        return self.counts["orphaned"] > 0 or (self.due > 0 and not self.watched)

    @property
    def observing(self) -> bool:
        """Somebody lives, and nobody acts: the dead are seen, and what they left is brought back by no worker."""
        living = self.members("alive", "draining", "stalled")
        return bool(living) and all(member.recovery == "observe" for member in living)

    def members(self, *states: str) -> list[Member]:
        return [member for member in self.instances if member.state in states]


class Lookout:
    """Keeps one watch over many looks, so that a dashboard which looks often knows more than one look tells.

    May be asked by several threads: the watch has one connection, and they take turns.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.overview = Overview(ledger.store)
        self._vigil = Vigil(ledger, once=True)
        self._looking = threading.Lock()

    def close(self) -> None:
        self._vigil.close()

    def look(self, patience: float = 0.0) -> Fleet:
        """Everybody, judged. Writes nothing.

        Args:
            patience: seconds to go on looking, at most, while somebody's connection is gone and its grace open. A grace
                that is longer is not waited for: it would tell nothing.
        """
        fleet = self._look()
        graces = [finding.vitals.info.presence_grace for finding in fleet.in_doubt]
        longest = max((grace for grace in graces if grace <= patience), default=-1.0)
        deadline = time.monotonic() + min(longest + 1, patience)
        while fleet.in_doubt and time.monotonic() < deadline:
            time.sleep(PERIOD)
            fleet = self._look()
        return fleet

    def declare(self, fleet: Fleet) -> list[str]:
        """alive -> dead, for those judged dead. Returns everybody who is dead now, also by another's word.

        If interrupted: the rest is found again by the next look.
        """
        self._vigil.declare(fleet.findings)
        now_dead = self.ledger.instances.deaths([death.info.id for death in fleet.judged])
        return [*fleet.look.dead, *(death.info.id for death in now_dead)]

    def count_left(self, fleet: Fleet) -> int:
        """How many jobs of the dead nobody has judged yet."""
        return sum(self.overview.count_left(death) for death in fleet.deaths)

    def status(self, fleet: Fleet) -> Status:
        """Counts per state and everybody's state. Reads no list of jobs."""
        custody = self.ledger.custody
        left = {death.info.id: self.overview.count_left(death) for death in fleet.deaths}
        died = [death.died_at for death in fleet.deaths if left[death.info.id]]
        held, _ = custody.page("held", 1)
        watcher = self.overview.watcher()
        return Status(
            now=fleet.look.now,
            counts={
                "orphaned": sum(left.values()),
                "deferred": custody.count("deferred"),
                "held": custody.count("held"),
                "released": custody.count("released"),
                "discarded": custody.count("discarded"),
            },
            oldest_orphan=min(died, default=None),
            oldest_held=held[0].orphaned_at if held else None,
            due=fleet.look.due,
            watcher=watcher,
            watched=any(_is_there(finding) for finding in fleet.findings if finding.vitals.info.id == watcher),
            last_look=self.overview.last_tick(),
            deaths_last_hour=self.overview.deaths_since(fleet.look.now - 3_600_000),
            instances=self._members(fleet, left),
        )

    def _look(self) -> Fleet:
        with self._looking:
            look, findings = self._vigil.look()
        judged = [finding.as_death(look.now) for finding in findings if finding.judgement.state == "dead"]
        return Fleet(look, findings, self.ledger.instances.deaths(list(look.dead)), judged)

    def _members(self, fleet: Fleet, left: dict[str, int]) -> list[Member]:
        running = self.overview.running([finding.vitals.info.id for finding in fleet.findings])
        members = [_member(finding, running, left) for finding in fleet.findings]
        known = {death.info.id for death in fleet.declared}
        members += [_dead_member(death, left[death.info.id]) for death in fleet.declared]
        return members + [Member(id, "dead", cause="unknown") for id in fleet.look.dead if id not in known]


def _is_there(finding: Finding) -> bool:
    return finding.judgement.state != "dead" and finding.vitals.presence != "gone"


def _member(finding: Finding, running: dict[str, int], left: dict[str, int]) -> Member:
    vitals = finding.vitals
    info = vitals.info
    return Member(
        id=info.id,
        state=finding.judgement.state,
        label=label_of(info.id),
        host=info.host,
        pid=info.pid,
        version=info.version,
        heartbeat_age=round(vitals.age, 3),
        presence=vitals.presence,
        running=0 if info.id in left else running[info.id],
        left=left.get(info.id, 0),
        cause=finding.judgement.cause,
        uptime=vitals.signs.uptime,
        rss=vitals.signs.rss,
        heartbeat_ttl=info.heartbeat_ttl,
        stall_ttl=info.stall_ttl,
        recovery=info.recovery,
    )


def _dead_member(death: Death, left: int) -> Member:
    info = death.info
    age = round(death.silent_for, 3)
    return Member(
        info.id, "dead", label_of(info.id), info.host, info.pid, info.version, age, "gone", 0, left, death.cause,
        death.signs.uptime, death.signs.rss, info.heartbeat_ttl, info.stall_ttl,
        info.recovery,
    )  # fmt: skip
