"""Who this process is: one incarnation after another, each announced, each beating, each with a presence.

An incarnation that is declared dead stays dead. The process drops that name, hands what it had fetched back to the
ledger, and goes on under a fresh one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from . import evidence
from .entry import InstanceInfo
from .errors import LedgerElsewhere, LedgerError
from .events import Fenced, PresenceUnverified, Registered, SignedOff
from .host import Host
from .ledger import Ledger
from .loss import Loss
from .naming import name_of
from .outage import Outage
from .presence import Presence
from .same_server import SameServer
from .settings import AssuredJobsSettings
from .ticker import Ticker

logger = logging.getLogger(__name__)

_UNRECORDED = (
    "The ledger in Redis does not answer: jobs go on, but a job that starts now is not recorded until it does."
)

#: How long a boot waits for the presence, in seconds, where the connection cannot be had at once.
_BOOT_PATIENCE = 1.0

#: So many heartbeats without a verified presence mean that it cannot be had.
UNSEEN = 3


def _clock() -> float:
    """Seconds that also pass while the machine sleeps, where the system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Instance:
    """This worker process in the ledger.

    `on_return` is called when the ledger answers again, or has lost its data: to record again what runs. `on_loss` is
    called with a name that this process has lost: to interrupt what runs under it.
    """

    def __init__(
        self, ledger: Ledger, settings: AssuredJobsSettings, host: Host, outage: Outage, *, has_hook: bool = False
    ) -> None:
        self.ledger = ledger
        self.settings = settings
        self.host = host
        self.outage = outage
        self.has_hook = has_hook
        self.on_return: Callable[[], None] = lambda: None
        self.on_loss: Callable[[str], None] = lambda _former: None
        self.draining = False
        #: True once this process lost a name: messages fetched under it may still be in memory.
        self.reborn = False
        #: Heartbeats so far, and how many deliveries were fetched and not acked at the last one.
        self.beats = self.fetched = 0
        self.loss = Loss()
        self._lost: set[str] = set()
        self._rising_from: str | None = None
        self._owes_records = False
        self._lock = threading.RLock()
        self._confirmed = _clock()
        self._verified = False
        self._unseen = 0
        self._registered = self._left = False
        self._server = SameServer(ledger, host)
        self.info = self._name()
        self.presence = self._new_presence()
        self.heartbeat = Ticker("heartbeat", settings.heartbeat_interval, self._beat_or_tell)

    def start(self) -> None:
        """(unknown) -> alive. Where the store cannot be reached, the heartbeat registers later.

        If interrupted: registered with nothing in its hands, or not at all.
        Raises LedgerElsewhere where the ledger is not on the broker's server.
        """
        self.host.assume(self.info.broker_id)
        try:
            self._register()
        except LedgerElsewhere:
            raise
        except LedgerError as error:
            self.outage.failed(error, _UNRECORDED)
            if self.settings.redis_url:
                self._server.doubt()
        self.presence.start()
        if self._registered and self.presence.ready.wait(_BOOT_PATIENCE):
            self._beat_or_tell()  # verified before the first job can start: also a death in the next instant is seen
        self.heartbeat.start()

    def stop(self) -> bool:
        """alive -> buried, if nothing is held any more. False where something is: then it goes on beating.

        If interrupted: dies like anybody else, and what it holds comes back.
        """
        self.draining = True
        try:
            with self._lock:  # a heartbeat that came in between would find itself dead, and rise again
                if self._registered and not self.ledger.instances.resign(self.info):
                    return False
                signed_off = self._registered
                self._registered, self._left = False, True
        except LedgerError as error:
            logger.debug("Cannot sign off as %s yet. %s", self.info.id, error)
            return False
        if signed_off:
            self.ledger.tell(SignedOff(self.info.id))
        self.heartbeat.stop()
        self.presence.stop()
        return True

    def drain(self) -> None:
        """Says that this process is shutting down: its death will be no job's fault."""
        self.draining = True
        self._beat_or_tell()

    def is_lost(self, instance: str) -> bool:
        """Whether this process knows that it lost the incarnation of that name."""
        return instance in self._lost

    @property
    def age(self) -> float:
        """Seconds since the store last confirmed this incarnation, by a clock that does not stop with the process."""
        return _clock() - self._confirmed

    @property
    def sure(self) -> bool:
        """True while nobody can have declared this incarnation dead, as far as this process can know."""
        fresh = self.age < min(2 * self.settings.heartbeat_interval, self.settings.heartbeat_ttl)
        return self._registered and fresh and (self.presence.connected or not self._verified)

    def beat(self) -> None:
        """One heartbeat, and what follows from its answer. Raises LedgerError."""
        with self._lock:
            if self._left:
                return
            if self._rising_from:
                self._rise()
            elif not self._registered:
                self._register()
            asked, info = _clock(), self.info
            grace = self.settings.presence_grace > 0
            word, seen_by, fetched = self.ledger.instances.beat(
                info, presence=grace, draining=self.draining, signs=evidence.signs()
            )
            if word == "alive":
                self._confirmed = asked
                self._verified = seen_by != "-"
                self.fetched = fetched
                self.beats += 1
                self._warn_of_absence(grace)
            elif word == "fenced":
                self._drop_name()
                self._rise()
            else:
                if word == "unknown":
                    self.loss.happened(self.host.in_memory() | {*self.host.in_hands().values()})
                self._register(again=True)
            if self.outage.over() or word == "unknown":
                self._owes_records = True
            if self._owes_records:
                self.on_return()
                self._owes_records = False

    def check(self) -> None:
        """Somebody says this incarnation is dead, or its presence changed: asks the store, and believes it alone."""
        self.heartbeat.wake()

    def owe_records(self) -> None:
        """The ledger answers again: what started meanwhile is recorded with the next heartbeat, which is now."""
        self._owes_records = True
        self.heartbeat.wake()

    def declared(self) -> None:
        """Announces queues and actors declared since the registration. Never fails: the next heartbeat repeats it."""
        with self._lock:
            if self._registered and (self.host.queues(), self.host.assured()) != (self.info.queues, self.info.assured):
                self.info = self._name(self.info)
                try:
                    self.ledger.instances.register(self.info)
                except LedgerError as error:
                    self._registered = False
                    self.outage.failed(error, _UNRECORDED)

    def _beat_or_tell(self) -> None:
        try:
            self.declared()
            self.beat()
        except LedgerError as error:
            self.outage.failed(error, _UNRECORDED)
            self.heartbeat.interval = min(1.0, self.settings.heartbeat_interval)
        else:
            self.heartbeat.interval = self.settings.heartbeat_interval

    def _warn_of_absence(self, wanted: bool) -> None:
        """Says, once, that a death here will be seen late."""
        self._unseen = 0 if self._verified else self._unseen + 1
        if wanted and self._unseen == UNSEEN:
            s = self.settings
            self.ledger.tell(PresenceUnverified(self.info.id, s.heartbeat_ttl, s.presence_grace))

    def _register(self, *, again: bool = False) -> None:
        asked = _clock()
        self._server.verify()
        if not self.ledger.instances.register(self.info):
            self._drop_name()
            self._rise()
            return
        self._registered, self._confirmed, self._verified = True, asked, False
        self.ledger.tell(Registered(self.info.id, again))

    def _drop_name(self) -> None:
        old, self.info = self.info, self._name()
        self._lost.add(old.id)
        self._rising_from = old.id
        self._registered, self.reborn = False, True
        self.presence.stop()
        self.presence = self._new_presence()
        self.on_loss(old.id)

    def _rise(self) -> None:
        """Goes on under the new name. In this order, so that every id Dramatiq fetches belongs to a name somebody
        watches: the new one registers, the broker takes its id, the old one's ack sets are looked through again.

        If interrupted: the next heartbeat does it again.
        """
        old = self._rising_from
        if old is None:
            return
        self._register()
        self.host.assume(self.info.broker_id)
        self.ledger.instances.reopen(old)
        self._rising_from = None
        self.presence.start()
        self.ledger.tell(Fenced(old, self.info.id))

    def _new_presence(self) -> Presence:
        return Presence(self.ledger.store, self.info.id, self.check)

    def _name(self, former: InstanceInfo | None = None) -> InstanceInfo:
        return name_of(self.settings, self.host, has_hook=self.has_hook, former=former)
