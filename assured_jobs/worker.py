"""Everything that lives in one worker process, put together: ledger, instance, guard, watch."""

from __future__ import annotations

import logging
from typing import Any

from .errors import LedgerError, OwnershipLost
from .guard import Guard
from .instance import Host, Instance
from .job import Job
from .ledger import Ledger, Store
from .outage import Outage
from .settings import AssuredJobsSettings
from .ticker import Ticker
from .watch import PERIOD, Watch

logger = logging.getLogger(__name__)


class WorkerSide:
    """Started when a Dramatiq worker boots, after any fork."""

    def __init__(self, client: Any, settings: AssuredJobsSettings, host: Host) -> None:
        if settings.redis_url:
            store = Store.from_url(settings.redis_url, settings.namespace, settings.redis_timeout)
        else:
            store = Store(client, settings.namespace, settings.redis_timeout)
        self.host = host
        self.ledger = Ledger(store)
        outage = Outage()
        self.instance = Instance(self.ledger, settings, host, outage)
        self.guard = Guard(self.ledger, self.instance, outage)
        self.watch = Watch(self.ledger, self.instance, settings)
        self._housekeeping = Ticker("housekeeping", PERIOD, self._keep_house)

    def start(self) -> None:
        self.instance.start()
        self._housekeeping.start()

    def drain(self) -> None:
        if not self.instance.draining:
            self.instance.drain()

    def stop(self) -> None:
        """Ends the watch, tells what ended, and signs off with empty hands. If interrupted: dies like anybody."""
        self._housekeeping.stop()
        self.watch.stop()
        try:
            self.guard.flush()
        except LedgerError as error:
            logger.warning("The last jobs' ends were not recorded; recovery settles them. %s", error)
        self.instance.stop()

    def ensure_owned(self, job: Job) -> None:
        try:
            owns = self.guard.owns(job)
        except LedgerError as error:
            raise OwnershipLost(f"It cannot be known whether this job is still ours. {error}") from error
        if not owns:
            raise OwnershipLost

    def _keep_house(self) -> None:
        try:
            self.guard.flush()
        except LedgerError as error:
            logger.debug("Ends of jobs wait in memory: %s", error)
        self.watch.tick()
