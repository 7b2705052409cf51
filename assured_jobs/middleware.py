"""Dramatiq's hooks -> the ledger's transitions.

| hook                                   | transition                                              |
|----------------------------------------|---------------------------------------------------------|
| before_worker_boot                     | (unknown) -> alive: register, beat, watch               |
| before_process_message                 | fetched -> started (begin), or refused                  |
| before_ack                             | refused where the retry could not be enqueued           |
| after_ack, after_nack                  | started -> gone (finish, with the next begin or flush)  |
| before_delay_message                   | remembers who fetched a delayed message                 |
| before_enqueue, forward of a delayed   | fetched -> started (begin), or refused                  |
| before_enqueue, in a running job       | refused for a lost job; a retry is noted first          |
| (fenced, in the heartbeat)             | what runs under the lost name is interrupted            |
| before_worker_shutdown                 | alive -> draining                                       |
| after_worker_shutdown, process exit    | draining -> buried with empty hands; else dies          |

In a producer no hook does anything: no thread, no connection, no heartbeat.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing.util
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.middleware import Middleware

from .brokers.redis import RedisHost, is_supported
from .choices import CHOICES, problems_of
from .enqueues import Enqueues
from .entry import ConfirmedOrphan
from .errors import ConfigurationError, LedgerElsewhere
from .events import Event
from .ledger.connecting import client_of
from .messages import Messages
from .metering import meter_of, problems_of_metrics
from .misspelt import warn_once
from .refusals import BadActorOption, WrongServer
from .settings import AssuredJobsSettings
from .worker import WorkerSide

logger = logging.getLogger("assured_jobs")


class AssuredJobs(Middleware):
    """Brings a killed worker's jobs back: once, and soon.

    Args:
        settings: an `AssuredJobsSettings`; without it, one is read from the environment and `values`.
        client: a `redis.Redis` to take the server from, instead of the broker's own.
        on_event: called with each event (`assured_jobs.events`) of this process, in a thread of its own.
        before_hand_back: called with each `ConfirmedOrphan` that had been running, before it can be fetched again, and
            as soon as it is held: to free a lock that the dead still hold. At least once, so let it compare `.fence`.
            In the thread that recovers: it has 30 seconds for a batch of 100. An error in it stops nothing.
        values: single settings, as keywords.

    Raises:
        ConfigurationError: naming every setting at fault.
    """

    def __init__(
        self,
        settings: AssuredJobsSettings | None = None,
        *,
        client: Any = None,
        on_event: Callable[[Event], object] | None = None,
        before_hand_back: Callable[[ConfirmedOrphan], object] | None = None,
        **values: Any,
    ) -> None:
        if settings is not None and values:
            raise ConfigurationError(
                [f"{name}: expected in AssuredJobsSettings(...), got beside it" for name in values]
            )
        warn_once()
        self.settings = settings or AssuredJobsSettings(**values)
        if problems := problems_of_metrics(wanted=self.settings.metrics):
            raise ConfigurationError(problems)
        if self.settings.redis_url:
            client_of(self.settings.redis_url)  # what only redis-py can tell is told here too, before a worker boots
        self._client = client
        self._told: dict[str, Any] = {"on_event": on_event, "before_hand_back": before_hand_back}
        self._assured: set[str] = set()
        self._side: WorkerSide | None = None
        self._messages: Messages | None = None
        self._enqueues: Enqueues | None = None

    @property
    def actor_options(self) -> set[str]:
        return {"assured", *CHOICES}

    def before_declare_actor(self, broker: dramatiq.Broker, actor: dramatiq.Actor[Any, Any]) -> None:
        if problems := problems_of(actor.actor_name, actor.options):
            raise BadActorOption(problems)
        if actor.options.get("assured", self.settings.assure_all):
            self._assured.add(actor.actor_name)

    def after_declare_actor(self, broker: dramatiq.Broker, actor: dramatiq.Actor[Any, Any]) -> None:
        if self._side:
            self._side.instance.declared()

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if next(one for one in broker.middleware if isinstance(one, AssuredJobs)) is not self:
            logger.warning("AssuredJobs was added to this broker twice: the first one works, this one does nothing.")
            return
        if not is_supported(broker):
            logger.warning(
                "assured_jobs needs a RedisBroker and got a %s: jobs run unrecorded and nothing is recovered.",
                type(broker).__name__,
            )
            return
        host = RedisHost(broker, worker, lambda: tuple(sorted(self._assured)))
        client = self._client or broker.client
        side = WorkerSide(client, self.settings, host, **self._told, meter=meter_of(self.settings))
        try:
            side.start()
        except LedgerElsewhere as error:
            raise WrongServer([str(error)]) from error
        self._side, self._messages = side, Messages(side, self.settings)
        self._enqueues = Enqueues(self._messages)
        # A second SIGTERM, or one to the whole process group, ends a Dramatiq worker with sys.exit: not a crash.
        atexit.register(side.drain)
        multiprocessing.util.Finalize(None, side.drain, exitpriority=100)

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if self._side:
            self._side.booted()

    def before_worker_thread_shutdown(self, broker: dramatiq.Broker, thread: Any) -> None:
        if self._messages:
            self._messages.settle_previous()

    def before_consumer_thread_shutdown(self, broker: dramatiq.Broker, thread: Any) -> None:
        if self._messages:
            self._messages.settle_previous()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if self._side:
            self._side.drain()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if self._side:
            self._side.stop()

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._messages:
            self._messages.before_process_message(message)

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if self._messages:
            self._messages.after_process_message(message, exception)

    def after_skip_message(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._messages:
            self._messages.after_skip_message(message)

    def before_ack(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._messages:
            self._messages.before_ack(message)

    def before_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._messages:
            self._messages.before_nack(message)

    def after_ack(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._messages:
            self._messages.after_ack(message)

    def after_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._messages:
            self._messages.after_ack(message)

    def before_delay_message(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._enqueues:
            self._enqueues.before_delay_message(message)

    def before_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
        if self._enqueues:
            self._enqueues.before_enqueue(message)

    def after_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
        if self._enqueues:
            self._enqueues.after_enqueue(message)
