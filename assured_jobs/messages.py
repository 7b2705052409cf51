"""One message's way through this worker process: may it start, what became of it, is its end told."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

from dramatiq.middleware import SkipMessage

from .choices import choose
from .entry import Entry
from .failpoint import reach
from .job import Job, count_retries, running, running_as
from .refusals import OwnershipLost
from .settings import AssuredJobsSettings
from .worker import WorkerSide

#: In the options of a retry, or of a delayed message that is due: the delivery it comes after.
AFTER = "assured_jobs_after"


class Messages:
    """Called by the middleware's hooks of the same names, in the thread that has the message."""

    def __init__(self, side: WorkerSide, settings: AssuredJobsSettings) -> None:
        self.side = side
        self.settings = settings

    def before_process_message(self, message: Any) -> None:
        """fetched -> started; raises SkipMessage where it may not."""
        self.settle_previous()
        job = self.job_of(message, message.options.get("redis_message_id", message.message_id))
        # Set before the store is asked: an interrupt that hits us while asking must not leave an entry behind.
        running.set(job)
        directive = self.side.guard.may_start(job, message.options.get(AFTER, ""))
        if directive == "run":
            if job.crash_count:
                # It may kill again. A child that dies inside the last step of its boot leaves Dramatiq's master
                # waiting for ever, and no supervisor restarts anything.
                self.side.settled.wait(5)
            if job.assured:
                job.window.open()
            return
        running.set(None)
        message.options["store_results"] = False
        if directive == "nack":
            message.fail()
        elif directive == "drop":
            neutralise(message.options)
        raise SkipMessage(f"assured_jobs refused to start {message.message_id} here")

    def after_process_message(self, message: Any, exception: BaseException | None) -> None:
        if job := running_as(message.options):
            job.window.close()
            job.ended_at = time.monotonic()
            job.outcome = "ack" if exception is None else "retry"
            gave_up = exception is not None or job.window.used
            if gave_up and self.side.aboard.is_lost(job):
                # Neither its ack nor its nack may take away what runs again elsewhere, nor its result be kept.
                job.interrupted = job.window.used or isinstance(exception, OwnershipLost)
                message.options["store_results"] = False
                neutralise(message.options)

    def after_skip_message(self, message: Any) -> None:
        if job := running_as(message.options):
            job.outcome, job.ended_at = "ack", time.monotonic()  # a middleware behind this one decided so

    def before_ack(self, message: Any) -> None:
        job = running_as(message.options)
        if not job:
            return
        # It failed, and its retry never reached the broker: acked now, it would be gone. It is put back instead.
        is_lost = job.successors and not job.retried and job.outcome != "again"
        if is_lost and self.side.guard.may_put_back(job):
            job.outcome = "again"
            neutralise(message.options)
        _reach_ack(job)

    def before_nack(self, message: Any) -> None:
        if job := running_as(message.options):
            job.outcome = "nack"
            _reach_ack(job)

    def after_ack(self, message: Any) -> None:
        """started -> gone; so it is after a nack."""
        job = running_as(message.options)
        if job:
            if job.assured and not job.entry.forward:
                reach("job.after_ack")
            running.set(None)
            self.side.aboard.ended(job, job.outcome)

    def settle_previous(self) -> None:
        """What this thread began, and neither acked nor rejected: its ack, or its forward, failed on the way. Where it
        succeeded the ledger completes the ack; anything else is put back, unless its retry is in the broker."""
        job = running.get()
        if not job:
            return
        running.set(None)
        if not job.recorded and (job.outcome == "ack" or job.retried):
            return  # the ledger has no start whose ack it could complete: the audit acks it, and knows of it until then
        self.side.aboard.ended(job, job.unheard_outcome)

    def job_of(self, message: Any, delivery: str, forward: str = "") -> Job:
        options = {**self.side.host.options_of(message.actor_name), **message.options}
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
            info=self.side.instance.info,
            entry=entry,
            assured=bool(options.get("assured", self.settings.assure_all)),
            ask=self.side.ensure_owned,
            options=message.options,
            retries=count_retries(message.options),
        )


def _reach_ack(job: Job) -> None:
    if job.assured:
        reach("forward.before_ack" if job.entry.forward else "job.before_ack")


def neutralise(options: dict[str, Any]) -> None:
    """Dramatiq acks whatever was skipped or has ended: with a handle nobody knows, that ack takes nothing away."""
    options["redis_message_id"] = f"refused-{uuid4()}"
