"""Asks everything there is to ask. What Redis does not answer becomes a finding, too: unknown, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ..errors import ForeignValue, LedgerRefused, LedgerUnreachable
from ..ledger import Ledger
from ..ledger.health import Health, said
from ..ledger.overview import Overview
from ..ledger.roster import Roster, read_roster
from ..ledger.strays import Leaks, Silent, Strays
from .access import judge_presence, judge_scripts
from .finding import LEVELS, Finding
from .fleet import judge_worker_clocks, judge_workers
from .leftovers import SILENCE, judge_descriptions, judge_foreign, judge_leaks, judge_silent, judge_stock
from .server import judge_clock, judge_eviction, judge_keepalive, judge_persistence, judge_version
from .stopping import judge_grace
from .unity import judge_settings
from .writes import judge_role, judge_writes, may_stop

_CONFIG = "Ask whoever runs this server, or: redis-cli ACL SETUSER USER '+config|get'"
_INFO = "Ask whoever runs this server, or: redis-cli ACL SETUSER USER +info"
_KEYS = "Mend what foreign_values names, or let this user read the keys of both namespaces."


@dataclass(frozen=True)
class Question:
    """`doubt` and `mend` are what is said where Redis does not answer."""

    name: str
    answer: Callable[[], list[Finding]]
    doubt: str
    mend: str

    def ask(self) -> list[Finding]:
        """Raises LedgerUnreachable."""
        try:
            return self.answer()
        except LedgerRefused as error:
            return [Finding(self.name, "unknown", f"Redis does not tell: {said(error)}.", self.doubt, self.mend)]


def examine(ledger: Ledger, grace_period: float | None = None) -> list[Finding]:
    """Everything found, the most pressing first. Writes nothing.

    Raises LedgerUnreachable, or LedgerRefused where Redis does not even tell the time: nothing works there.
    """
    ledger.store.ask(lambda client: client.time())
    findings = [finding for question in _Rounds(ledger, grace_period).questions() for finding in question.ask()]
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


class _Rounds:
    """Reads once what several questions rest on."""

    def __init__(self, ledger: Ledger, grace_period: float | None) -> None:
        self.ledger = ledger
        self.namespace = ledger.keys.namespace
        self.grace_period = grace_period
        self.health = Health(ledger.store)
        self.strays = Strays(ledger.store)

    @cached_property
    def roster(self) -> Roster:
        return read_roster(self.ledger.store)

    @cached_property
    def silent(self) -> dict[str, Silent]:
        before = self.roster.now - SILENCE * 1000
        living = self.roster.living_brokers
        return {namespace: self.strays.silent(namespace, before, living) for namespace in self.roster.queues}

    @cached_property
    def leaks(self) -> Leaks:
        sizes: dict[str, int] = {}
        examined = total = 0
        for namespace, queues in self.roster.queues.items():
            silent = self.silent[namespace]
            brokers = [id for id in silent.brokers if id not in self.roster.dead_brokers]
            found = self.strays.leaks(namespace, queues, brokers)
            sizes |= found.sizes
            examined += found.examined
            total += found.total + (silent.total - len(silent.brokers)) * len(queues)
        return Leaks(sizes, examined, total)

    def questions(self) -> list[Question]:
        health, keys, strays = self.health, self.ledger.keys, self.strays
        said_of_workers = "What the workers say of themselves is not known."
        return [
            Question("version", lambda: judge_version(health.info("server")),
                     "Whether the server is new enough is not known.", _INFO),
            Question("role", lambda: judge_role(health.info("replication")),
                     "It may be a replica, which takes no writes.", _INFO),
            Question("writes", self._writes, "It may refuse every write.", _INFO),
            Question("persistence",
                     lambda: judge_persistence(*map(health.option, ("appendonly", "appendfsync", "save"))),
                     "When Redis restarts, every job may be lost.", _CONFIG),
            Question("eviction", lambda: judge_eviction(health.info("memory")),
                     "When memory is full, Redis may throw away payloads.", _INFO),
            Question("tcp_keepalive", lambda: judge_keepalive(health.option("tcp-keepalive")),
                     "A worker whose host loses power may look connected until `stall_ttl`.", _CONFIG),
            Question("scripts", lambda: judge_scripts(self._refusal_of_scripts(), self.namespace), "", ""),
            Question("presence", lambda: judge_presence(health.try_presence(), self.namespace), "", ""),
            Question("clock", self._clock, "", ""),
            Question("foreign_values", lambda: judge_foreign(Overview(self.ledger.store).misfits()),
                     "Our keys may hold what assured_jobs did not write.", _KEYS),
            Question("workers", lambda: judge_workers(self.roster, self.namespace), said_of_workers, _KEYS),
            Question("descriptions", lambda: judge_descriptions(self.roster, keys), said_of_workers, _KEYS),
            Question("worker_clocks", lambda: judge_worker_clocks(self.roster), said_of_workers, _KEYS),
            Question("grace_period", lambda: judge_grace(self.roster, self.grace_period), said_of_workers, _KEYS),
            Question("settings", lambda: judge_settings(self.roster), said_of_workers, _KEYS),
            Question("stale_heartbeats", lambda: judge_silent([*self.silent.values()], self.leaks),
                     "How much Dramatiq's maintenance costs is not known.", _KEYS),
            Question("leaked_ids", lambda: judge_leaks(self.leaks),
                     "Ids may lie in ack sets that nobody looks after.", _KEYS),
            Question("custody", lambda: judge_stock(strays.stock(self.roster.queues), keys.orphans),
                     "Jobs may wait that can never come back.", _KEYS),
        ]  # fmt: skip

    def _writes(self) -> list[Finding]:
        persistence = self.health.info("persistence")
        stops = may_stop(persistence) and self.health.option("stop-writes-on-bgsave-error") == "yes"
        return judge_writes(persistence, self.health.info("memory"), stops=stops)

    def _clock(self) -> list[Finding]:
        clock = self.health.clock()
        return judge_clock(clock.ahead, clock.round_trip)

    def _refusal_of_scripts(self) -> str | None:
        """Why Redis does not run the one script that only looks. A foreign value is another question's."""
        try:
            self.ledger.instances.look(self.ledger.store.client)
        except ForeignValue:
            return None
        except LedgerUnreachable:
            raise
        except LedgerRefused as error:
            return said(error)
        return None
