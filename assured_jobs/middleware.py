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
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import dramatiq
from dramatiq.middleware import Middleware, SkipMessage

from .brokers.redis import RedisHost, is_supported
from .choices import CHOICES, choose, problems_of
from .entry import ConfirmedOrphan, Entry
from .errors import ConfigurationError, LedgerElsewhere
from .events import Event
from .failpoint import reach
from .job import Job, count_retries, running, running_as
from .ledger.connecting import client_of
from .misspelt import warn_once
from .refusals import BadActorOption, NotOurs, OwnershipLost, WrongServer
from .settings import AssuredJobsSettings
from .worker import WorkerSide

logger = logging.getLogger("assured_jobs")

#: In the options of a delayed message, in memory only: who fetched it, under which id.
_FETCHED_AS = "assured_jobs_fetched_as"

#: In the options of a retry, or of a delayed message that is due: the delivery it comes after.
_AFTER = "assured_jobs_after"


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
        if self.settings.redis_url:
            client_of(self.settings.redis_url)  # what only redis-py can tell is told here too, before a worker boots
        self._client = client
        self._told: dict[str, Any] = {"on_event": on_event, "before_hand_back": before_hand_back}
        self._assured: set[str] = set()
        self._side: WorkerSide | None = None

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
        side = WorkerSide(client, self.settings, host, **self._told)
        try:
            side.start()
        except LedgerElsewhere as error:
            raise WrongServer([str(error)]) from error
        self._side = side
        # A second SIGTERM, or one to the whole process group, ends a Dramatiq worker with sys.exit: not a crash.
        atexit.register(side.drain)
        multiprocessing.util.Finalize(None, side.drain, exitpriority=100)

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if self._side:
            self._side.booted()

    def before_worker_thread_shutdown(self, broker: dramatiq.Broker, thread: Any) -> None:
        self._settle_previous()

    def before_consumer_thread_shutdown(self, broker: dramatiq.Broker, thread: Any) -> None:
        self._settle_previous()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if self._side:
            self._side.drain()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if self._side:
            self._side.stop()

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._side is None:
            return
        self._settle_previous()
        job = self._job(self._side, message, message.options.get("redis_message_id", message.message_id))
        # Set before the store is asked: an interrupt that hits us while asking must not leave an entry behind.
        running.set(job)
        directive = self._side.guard.may_start(job, message.options.get(_AFTER, ""))
        if directive == "run":
            if job.crash_count:
                # It may kill again. A child that dies inside the last step of its boot leaves Dramatiq's master
                # waiting for ever, and no supervisor restarts anything.
                self._side.settled.wait(5)
            if job.assured:
                job.window.open()
            return
        running.set(None)
        message.options["store_results"] = False
        if directive == "nack":
            message.fail()
        elif directive == "drop":
            _neutralise(message.options)
        raise SkipMessage(f"assured_jobs refused to start {message.message_id} here")

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if job := running_as(message.options):
            job.window.close()
            job.ended_at = time.monotonic()
            job.outcome = "ack" if exception is None else "retry"
            gave_up = exception is not None or job.window.used
            if gave_up and self._side and self._side.guard.is_lost(job):
                # Neither its ack nor its nack may take away what runs again elsewhere, nor its result be kept.
                job.interrupted = job.window.used or isinstance(exception, OwnershipLost)
                message.options["store_results"] = False
                _neutralise(message.options)

    def after_skip_message(self, broker: dramatiq.Broker, message: Any) -> None:
        if job := running_as(message.options):
            job.outcome, job.ended_at = "ack", time.monotonic()  # a middleware behind this one decided so

    def before_ack(self, broker: dramatiq.Broker, message: Any) -> None:
        job = running_as(message.options)
        if not job or not self._side:
            return
        # It failed, and its retry never reached the broker: acked now, it would be gone. It is put back instead.
        is_lost = job.successors and not job.retried and job.outcome != "again"
        if is_lost and self._side.guard.may_put_back(job):
            job.outcome = "again"
            _neutralise(message.options)
        _reach_ack(job)

    def before_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        if job := running_as(message.options):
            job.outcome = "nack"
            _reach_ack(job)

    def after_ack(self, broker: dramatiq.Broker, message: Any) -> None:
        self._ended(message)

    def after_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        self._ended(message)

    def before_delay_message(self, broker: dramatiq.Broker, message: Any) -> None:
        if self._side:
            message.options[_FETCHED_AS] = [self._side.instance.info.id, message.options.get("redis_message_id")]

    def before_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
        if self._side is None:
            return
        fetched_as = message.options.pop(_FETCHED_AS, None)
        if fetched_as:
            self._before_forward(self._side, message, *fetched_as)
            return
        job = running.get()
        if job is None:
            return
        if not self._side.guard.may_enqueue(job):
            # Dramatiq acks the job in the end; as long as recovery has not come to it, that would take it away.
            _neutralise(job.options)
            raise NotOurs
        if job.assured and message.message_id == job.message_id and job.is_retried_by(message.options):
            message.options[_AFTER] = job.entry.delivery
            job.successors += ((message.options["redis_message_id"], message.queue_name),)
            if job.recorded is not False:
                self._side.guard.succeed(job.entry.delivery, *job.successors[-1])

    def after_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
        job = running.get()
        if job is None or job.message_id != message.message_id:
            return
        if job.entry.forward:
            job.ended_at = time.monotonic()
        elif job.is_retried_by(message.options):
            job.retried = True

    def _before_forward(self, side: WorkerSide, message: Any, instance: str, delivery: str) -> None:
        """A ConsumerThread puts a delayed message that is due into its queue, and acks it afterwards. To the ledger
        that is a start whose successor is known: nobody else does it too, and a death in between doubles nothing."""
        queue = f"{message.queue_name}.DQ"
        job = self._job(side, message, delivery, forward=queue)
        if job.info.id != instance:
            raise NotOurs
        self._settle_previous()
        running.set(job)
        successor = (message.options["redis_message_id"], message.queue_name)
        directive = side.guard.may_start(job, message.options.get(_AFTER, ""), successor)
        if job.recorded:
            message.options[_AFTER] = delivery
        if directive == "run":
            return
        running.set(None)
        try:
            if directive != "drop":
                side.host.ack(queue, delivery)
        finally:
            raise NotOurs  # whatever else happens: any other error, and Dramatiq enqueues it all the same

    def _settle_previous(self) -> None:
        """What this thread began, and neither acked nor rejected: its ack, or its forward, failed on the way. Where it
        succeeded the ledger completes the ack; anything else is put back, unless its retry is in the broker."""
        job = running.get()
        if job and self._side:
            running.set(None)
            self._side.guard.ended(job, job.unheard_outcome)

    def _ended(self, message: Any) -> None:
        job = running_as(message.options)
        if job and self._side:
            if job.assured and not job.entry.forward:
                reach("job.after_ack")
            running.set(None)
            self._side.guard.ended(job, job.outcome)

    def _job(self, side: WorkerSide, message: Any, delivery: str, forward: str = "") -> Job:
        options = {**side.host.options_of(message.actor_name), **message.options}
        policy = choose(message.actor_name, options, self.settings.policy())
        entry = Entry(
            delivery=delivery,
            message_id=message.message_id,
            actor=message.actor_name,
            queue=forward or message.queue_name,
            # A job at its cap is held where it would start, not on the way there.
            policy=replace(policy, max_crashes=sys.maxsize) if forward else policy,
            forward=bool(forward),
        )
        return Job(
            info=side.instance.info,
            entry=entry,
            assured=bool(options.get("assured", self.settings.assure_all)),
            ask=side.ensure_owned,
            options=message.options,
            retries=count_retries(message.options),
        )


def _reach_ack(job: Job) -> None:
    if job.assured:
        reach("forward.before_ack" if job.entry.forward else "job.before_ack")


def _neutralise(options: dict[str, Any]) -> None:
    """Dramatiq acks whatever was skipped or has ended: with a handle nobody knows, that ack takes nothing away."""
    options["redis_message_id"] = f"refused-{uuid4()}"
