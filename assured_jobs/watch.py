"""The elected watcher: sees deaths as they happen and calls a pass.

One instance watches, holds the lease and sends a tick each second on a common channel. The others hear it, which
costs the store nothing. Two seconds of silence, and every one of them starts a watch of its own; whoever obtains the
lease goes on as the watcher.
"""

from __future__ import annotations

import logging
import time

from .errors import LedgerError, LedgerUnreachable
from .events import Event, InstanceStalled, StallOver, WatchBegan
from .failpoint import reach
from .hook import Hook
from .instance import Instance
from .lease import Lease
from .ledger import Ledger
from .observer import Observer
from .recovery import Recovery, Report
from .settings import AssuredJobsSettings
from .telling import complain
from .vigil import Finding, Vigil

logger = logging.getLogger(__name__)

#: Seconds between two looks of whoever watches.
PERIOD = 0.5
SILENCE = 2.0

#: Seconds of silence after which the lease is taken from a watcher that lives: it is paused, or its interpreter is.
LONG_SILENCE = 5.0

#: Seconds until the next look at a dead instance that could not be buried: with started jobs unsettled, and without.
LOOK_AGAIN_SOON, LOOK_AGAIN = 1.0, 5.0


class Watch:
    """Ticks every PERIOD in a thread of its caller. `watch=False`: only the passes at start and on delay."""

    def __init__(
        self, ledger: Ledger, instance: Instance, settings: AssuredJobsSettings, hook: Hook | None = None
    ) -> None:
        self.ledger = ledger
        self.instance = instance
        self.settings = settings
        self.vigil = Vigil(ledger, once=not settings.watch)
        self.lease = self._new_lease()
        self.recovery = Recovery(ledger, breathe=self._breathe, hook=hook, rate=settings.recovery_rate)
        self.observer = Observer(ledger, self.vigil)
        booted = time.monotonic()
        delays = range(settings.delayed_recovery_count + 1)
        self._passes = [booted + number * settings.delayed_recovery_interval for number in delays]
        self._ticked = 0.0
        self._tried: dict[str, float] = {}
        self._stalled: set[str] = set()

    def tick(self) -> None:
        """One turn. Never raises LedgerError: a store that does not answer is the heartbeat's to report."""
        try:
            if self.lease.instance != self.instance.info.id:
                self.lease = self._new_lease()  # this process lost its former name, and the lease with it
            scheduled = self._is_scheduled()
            if self.settings.watch:
                self._watch(scheduled)
            elif scheduled:
                self._come_by()
            else:
                self.recovery.release_due(Report())  # nobody watches: everybody releases what is due, each once
        except LedgerUnreachable as error:
            logger.debug("No watch for now: %s", error)
        except LedgerError as error:
            complain(f"Recovery does not work while this lasts. {error}")

    def stop(self) -> None:
        try:
            self.lease.let_go()
        except LedgerError as error:
            logger.debug("The lease runs out by itself: %s", error)
        self.vigil.close()

    def _watch(self, scheduled: bool) -> None:
        if not self.lease.held and self._hears_a_watcher():
            self.vigil.rest()
            return
        watched_before = self.lease.held
        silent = self.instance.presence.heard_nobody_for > LONG_SILENCE and not watched_before
        watching = self.lease.obtain(from_the_silent=True) if silent else self.lease.keep()
        if watching and not watched_before:
            self.ledger.tell(WatchBegan(self.lease.instance))
        look, findings = self.vigil.look()
        died = self._declare(findings, look.now)
        if watching:
            again = [id for id, unsettled in look.dead.items() if scheduled or self._is_time(id, unsettled)]
            if again or died or look.due:
                self._pass([*again, *died])
        if watching:
            self._alarm(findings)
            self._send_tick()

    def _alarm(self, findings: list[Finding]) -> None:
        """Says who stalls, once for each time, and when it is over."""
        ages = {one.vitals.info.id: one.vitals.age for one in findings if one.judgement.state == "stalled"}
        living = {one.vitals.info.id for one in findings if one.judgement.state != "dead"}
        told: list[Event] = [InstanceStalled(id, age) for id, age in ages.items() if id not in self._stalled]
        told += [StallOver(id) for id in self._stalled - set(ages) if id in living]
        self._stalled = set(ages)
        if told:
            self.ledger.tell(*told)

    def _come_by(self) -> None:
        """One pass without a watch: looks until nobody's grace is open, then recovers."""
        if not self.lease.obtain():
            return
        deadline = time.monotonic() + self.settings.presence_grace + 1
        while True:
            look, findings = self.vigil.look()
            died = self._declare(findings, look.now)
            open_question = any(f.vitals.presence == "gone" and f.judgement.state != "dead" for f in findings)
            self._pass([*look.dead, *died])
            if not open_question or time.monotonic() > deadline:
                break
            time.sleep(PERIOD / 2)
        self.vigil.rest()
        self.lease.let_go()

    def _declare(self, findings: list[Finding], now: int) -> list[str]:
        if not self.instance.sure:
            return []  # who may be dead himself declares nobody dead
        if self.settings.recovery == "observe":
            self.observer.note(findings, now)
            return []
        died = [finding.vitals.info.id for finding in self.vigil.declare(findings)]
        if died:
            reach("pass.after_declare")
        return died

    def _pass(self, dead: list[str]) -> None:
        report = self.recovery.run(dead)
        now = time.monotonic()
        self._tried.update(dict.fromkeys(dead, now))
        for id in report.buried:
            self._tried.pop(id, None)

    def _is_time(self, dead: str, unsettled: int) -> bool:
        patience = LOOK_AGAIN_SOON if unsettled else LOOK_AGAIN
        return time.monotonic() - self._tried.get(dead, float("-inf")) >= patience

    def _is_scheduled(self) -> bool:
        if self._passes and time.monotonic() >= self._passes[0]:
            self._passes.pop(0)
            return True
        return False

    def _hears_a_watcher(self) -> bool:
        return time.monotonic() - self.instance.presence.last_tick < SILENCE

    def _breathe(self) -> None:
        self.lease.keep()
        self._send_tick()

    def _send_tick(self) -> None:
        if time.monotonic() - self._ticked >= 1.0:
            self._ticked = time.monotonic()
            self.ledger.instances.tick(self.instance.info.id)

    def _new_lease(self) -> Lease:
        s = self.settings
        return Lease(self.ledger.store, self.instance.info.id, s.recovery_lock_ttl, silence=s.heartbeat_ttl)
