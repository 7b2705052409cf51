"""What running jobs enqueue, their own retries among it, and what the worker forwards from a delay queue."""

from __future__ import annotations

import time
from typing import Any

from .job import running
from .messages import AFTER, Messages, neutralise
from .refusals import NotOurs

#: In the options of a delayed message, in memory only: who fetched it, under which id.
_FETCHED_AS = "assured_jobs_fetched_as"


class Enqueues:
    """Called by the middleware's hooks of the same names, in the thread that enqueues."""

    def __init__(self, messages: Messages) -> None:
        self.messages = messages
        self.side = messages.side

    def before_delay_message(self, message: Any) -> None:
        message.options[_FETCHED_AS] = [self.side.instance.info.id, message.options.get("redis_message_id")]

    def before_enqueue(self, message: Any) -> None:
        fetched_as = message.options.pop(_FETCHED_AS, None)
        if fetched_as:
            self._before_forward(message, *fetched_as)
            return
        job = running.get()
        if job is None:
            return
        if not self.side.guard.may_enqueue(job):
            # Dramatiq acks the job in the end; as long as recovery has not come to it, that would take it away.
            neutralise(job.options)
            raise NotOurs
        if job.assured and message.message_id == job.message_id and job.is_retried_by(message.options):
            message.options[AFTER] = job.entry.delivery
            job.successors += ((message.options["redis_message_id"], message.queue_name),)
            if job.recorded is not False:
                self.side.guard.succeed(job.entry.delivery, *job.successors[-1])

    def after_enqueue(self, message: Any) -> None:
        job = running.get()
        if job is None or job.message_id != message.message_id:
            return
        if not job.entry.forward and job.is_retried_by(message.options):
            job.retried = True

    def _before_forward(self, message: Any, instance: str, delivery: str) -> None:
        """A ConsumerThread puts a delayed message that is due into its queue, and acks it afterwards. To the ledger
        that is a start whose successor is known: nobody else does it too, and a death in between doubles nothing."""
        queue = f"{message.queue_name}.DQ"
        job = self.messages.job_of(message, delivery, forward=queue)
        if job.info.id != instance:
            raise NotOurs
        self.messages.settle_previous()
        running.set(job)
        successor = (message.options["redis_message_id"], message.queue_name)
        directive = self.side.guard.may_start(job, message.options.get(AFTER, ""), successor)
        if job.recorded:
            message.options[AFTER] = delivery
        if directive == "run" and not self.side.guard.may_enqueue(job):
            running.set(None)
            self.side.aboard.ended(job, "again")  # we slept since we asked, and it was brought back meanwhile
            raise NotOurs
        if directive == "run":
            # From now on its end is due: a thread that is at it no more has lost it to an error on the way.
            job.ended_at = time.monotonic()
            return
        running.set(None)
        try:
            if directive != "drop":
                self.side.host.ack(queue, delivery)
        finally:
            raise NotOurs  # whatever else happens: any other error, and Dramatiq enqueues it all the same
