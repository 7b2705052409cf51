"""Everything that lives in one worker process, put together: ledger, instance, guard, watch, audit."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from .aboard import Aboard
from .audit import Audit
from .endings import Endings
from .entry import ConfirmedOrphan
from .errors import LedgerError, LedgerUnreachable
from .events import Event
from .guard import Guard
from .hook import Hook
from .host import Host
from .instance import Instance
from .job import Job
from .ledger import Ledger, Store
from .outage import Outage
from .pulse import Pulse
from .refusals import OwnershipLost
from .settings import AssuredJobsSettings
from .telling import Listener, Meter, complain
from .ticker import Ticker
from .watch import PERIOD, Watch

logger = logging.getLogger(__name__)


class WorkerSide:
    """Started when a Dramatiq worker boots, after any fork."""

    def __init__(
        self,
        client: Any,
        settings: AssuredJobsSettings,
        host: Host,
        *,
        on_event: Callable[[Event], object] | None = None,
        before_hand_back: Callable[[ConfirmedOrphan], object] | None = None,
        meter: Meter | None = None,
    ) -> None:
        if settings.redis_url:
            store = Store.from_url(settings.redis_url, settings.namespace, settings.redis_timeout)
        else:
            store = Store(client, settings.namespace, settings.redis_timeout)
        self.host = host
        self._listener = Listener(on_event) if on_event else None
        if meter:
            store.on_round_trip = meter.timed
        self.ledger = Ledger(store, *(one for one in (meter, self._listener) if one))
        hook = Hook(self.ledger, before_hand_back) if before_hand_back else None
        outage = Outage(self.ledger.tell)
        self.instance = Instance(self.ledger, settings, host, outage, has_hook=hook is not None)
        self.aboard = Aboard(self.ledger, self.instance, Endings(self.ledger, quiet=settings.recovery == "observe"))
        self.guard = Guard(self.ledger, self.instance, outage, self.aboard)
        self.watch = Watch(self.ledger, self.instance, settings, hook)
        self.audit = Audit(self.ledger, self.instance, self.aboard, host)
        self._left = self._stopped = self._drained = False
        self._stopping = threading.Lock()
        #: Set half a second after the boot: see AssuredJobs.before_process_message.
        self.settled = threading.Event()
        self._housekeeping = Ticker("housekeeping", PERIOD, self._keep_house)
        self._pulse = Pulse(settings.health_file, self.instance, host, self._died) if settings.health_file else None

    def start(self) -> None:
        self.instance.start()
        self._housekeeping.start()
        if self._pulse:
            self._pulse.start()

    def booted(self) -> None:
        settling = threading.Timer(0.5, self.settled.set)
        settling.daemon = True
        settling.start()

    def drain(self) -> None:
        """Says that this process shuts down, unless it is a child that only inherited this object.

        If interrupted: said or not, and said at the exit: a second SIGTERM may come in the middle of it.
        """
        if os.getpid() == self.instance.info.pid and not self._drained:
            self.instance.drain()
            self._drained = True

    def stop(self) -> None:
        """Ends the watch and signs off, as soon as nothing runs here any more: a worker that was stopped within a
        living process may still be running its last jobs. If interrupted: dies like anybody."""
        with self._stopping:
            if not self._stopped:
                self._stopped = True
                self._stop()

    def _stop(self) -> None:
        if self._pulse:
            self._pulse.stop()
        self._housekeeping.stop()
        if self.instance.outage.lasts:
            logger.warning("Leaving without a word, since Redis does not answer: recovery settles what is left here.")
        else:
            self.watch.stop()
            self._leave()
        if not self._left:
            self._housekeeping = Ticker("leaving", PERIOD, self._leave)
            self._housekeeping.start()

    def ensure_owned(self, job: Job) -> None:
        """Asks the store, for as long as nobody can have declared us dead while it does not answer.

        Raises OwnershipLost.
        """
        while True:
            try:
                owns = self.guard.owns(job)
            except LedgerUnreachable as error:
                if self.instance.age > self.instance.settings.heartbeat_ttl:
                    raise OwnershipLost(f"It cannot be known whether this job is still ours. {error}") from None
                time.sleep(0.2)
            except LedgerError as error:
                raise OwnershipLost(f"It cannot be known whether this job is still ours. {error}") from None
            else:
                if not owns:
                    raise OwnershipLost
                return

    def _died(self) -> list[str]:
        """Which of our own threads ended by themselves."""
        return [ticker.name for ticker in (self.instance.heartbeat, self._housekeeping) if ticker.died]

    def _keep_house(self) -> None:
        self.aboard.interrupt_latecomers()
        self._flush()
        self.watch.tick()
        self.audit.tick()
        if self.instance.draining and self.host.is_stopped():
            self.stop()  # where Dramatiq's own stop fails on the way, nobody else says it

    def _leave(self) -> None:
        self._flush()
        self._left = self.instance.stop() or (self._let_go() and self.instance.stop())
        if self._left:
            self._housekeeping.stop()
            if self._listener:
                self._listener.close()

    def _let_go(self) -> bool:
        try:
            self.audit.leave()
        except LedgerError as error:
            complain(f"What this stopped worker still holds cannot be put back yet. {error}")
            return False
        return True

    def _flush(self) -> None:
        try:
            self.aboard.endings.flush()
        except LedgerError as error:
            logger.debug("Ends of jobs wait in memory: %s", error)
