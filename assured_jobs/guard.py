"""Stands between Dramatiq and each job: may it start here, is it still ours, how did it end."""

from __future__ import annotations

import threading
import time
from typing import Literal

from .entry import Entry, InstanceInfo, Orphan
from .errors import ForeignValue, LedgerError, LedgerUnreachable
from .events import LateFinish, OrphanSettled, Refused, complain, emit
from .failpoint import reach
from .instance import Instance
from .job import Job
from .ledger import Answer, Ending, Ledger, Outcome
from .outage import Outage

#: What to do with a delivery: start it, drop it without a trace, let the ack or the nack take what is left of it.
Directive = Literal["run", "drop", "ack", "nack"]

_UNRECORDED = "The ledger in Redis cannot record a job: it runs all the same, and counts as never started if we die."

#: Finishes wait for the next flush, or until so many ride along with a begin: one round trip for all of them.
_RIDE_ALONG = 32

#: How often one message is put back because its retry could not be enqueued, and how many are counted.
_MOST_PUT_BACK, _MOST_REMEMBERED = 3, 1000


class Guard:
    def __init__(self, ledger: Ledger, instance: Instance, outage: Outage) -> None:
        self.ledger = ledger
        self.instance = instance
        self.outage = outage
        self._endings: list[Ending] = []
        self._put_back: dict[str, int] = {}
        self._running: dict[str, Job] = {}
        self._lock = threading.Lock()
        instance.on_return = self.record_again

    def may_start(self, job: Job, predecessor: str, successor: tuple[str, str] = ("", "")) -> Directive:
        """fetched -> started, or why not. Waits while the store cannot say whether this process still lives.

        `predecessor`: the delivery this one comes after, as its retry or its forward.
        `successor`: id and queue a delayed message goes on to.
        If interrupted: recorded, and never started: handed back when this process dies.
        """
        while True:
            try:
                if not job.assured:
                    return self._may_start_unassured(job)
                if self.outage.resting:
                    raise LedgerUnreachable
                return self._begin(job, predecessor, successor)
            except LedgerUnreachable as error:
                # A short outage stops nobody. Later, someone else may have been told to run the job: then we wait.
                if self.instance.age < self.instance.settings.heartbeat_ttl:
                    self.outage.failed(error, _UNRECORDED)
                    return self._run(job)
                if self.instance.draining:
                    return "drop"
                time.sleep(0.2)
            except LedgerError as error:
                self.outage.failed(error, _UNRECORDED)
                return self._run(job)

    def may_enqueue(self, job: Job) -> bool:
        """Whether a job may still enqueue anything: a lost one may not."""
        if job.lost or self.instance.is_lost(job.info.id):
            return False
        if self.instance.sure:
            return True
        try:
            return self.owns(job)
        except LedgerError:
            return True  # the broker is the same server: it refuses by itself

    def succeed(self, delivery: str, successor: str, queue: str) -> None:
        """Notes a retry before it is enqueued. If interrupted: noted and not enqueued, which recovery sees."""
        try:
            self.ledger.deliveries.succeed(delivery, successor, self.instance.host.namespace, queue)
        except LedgerError as error:
            self.outage.failed(error, _UNRECORDED)

    def owns(self, job: Job) -> bool:
        """Asks the store; what is lost once stays lost. Raises LedgerError."""
        job.lost = job.lost or self.instance.is_lost(job.info.id) or not self._still_owns(job)
        return not job.lost

    def ended(self, job: Job, outcome: Outcome) -> None:
        """started -> gone, with the next begin or flush. If interrupted: a finished job whose payload is gone."""
        job.outcome = outcome
        with self._lock:
            self._running.pop(job.token, None)
            if job.recorded is False and outcome != "again":
                return
            if not self.instance.is_lost(job.info.id):
                self._endings.append(_ending(job))
                return
        self._tell_late(job.entry, job.info.id)

    def may_put_back(self, job: Job) -> bool:
        """Whether a job whose retry could not be enqueued goes back into its queue. A few times: what never can be
        enqueued would run for ever, and is acked in the end, as Dramatiq does."""
        if len(self._put_back) >= _MOST_REMEMBERED:
            self._put_back.clear()
        self._put_back[job.message_id] = times = self._put_back.get(job.message_id, 0) + 1
        if times > _MOST_PUT_BACK:
            complain(f"Job {job.message_id} of {job.entry.actor!r} failed and its retry cannot be enqueued: given up.")
        return times <= _MOST_PUT_BACK

    def flush(self) -> None:
        """Tells the ledger what ended. Raises LedgerError; then nothing is forgotten."""
        while endings := self._take_endings():
            try:
                accepted = self.ledger.deliveries.finish(endings)
            except LedgerError:
                self._give_back(endings)
                raise
            self._check(endings, accepted)

    def record_again(self) -> None:
        """The store did not answer, or lost its data: what runs here is recorded from memory. Raises LedgerError."""
        for job in list(self._running.values()):
            if self.instance.is_lost(job.info.id):
                continue
            answer, _ = self.ledger.deliveries.begin(job.info, job.entry, job.token, again=True)
            if answer.word == "run":
                with self._lock:
                    job.recorded = True
                    if job.token not in self._running:  # it ended while we asked, and could not tell
                        self._endings.append(_ending(job))

    def _begin(self, job: Job, predecessor: str, successor: tuple[str, str]) -> Directive:
        if not job.entry.forward:
            reach("job.before_begin")
        job.recorded = None
        answer = self._ask_begin(job, predecessor, successor)
        if answer.word == "unknown":
            self.instance.beat()
            job.info = self.instance.info
            answer = self._ask_begin(job, predecessor, successor)
        job.recorded = answer.word == "run"
        if answer.word == "run":
            if not job.entry.forward:
                reach("job.after_begin")
            job.fence, job.crash_count = answer.fence, answer.crashes
            job.recovered_from = answer.recovered_from
            return self._run(job)
        if answer.word == "hold":
            try:
                self._hold(job, answer.crashes)
            except LedgerError as error:
                complain(f"A job at its cap could not be held yet. {error}")
                self.ended(job, "again")  # back into its queue: begin says hold again
            return "drop"
        if answer.word == "gone" and self.instance.loss.took(job.entry.delivery):
            return self._run(job)
        self._tell_refused(job.entry, answer.word)
        if answer.word == "fenced":
            self.instance.check()
        if answer.word == "finished":
            return "nack" if answer.how == "nack" else "ack"
        return "drop"

    def _run(self, job: Job) -> Directive:
        if job.assured:
            self._running[job.token] = job
        return "run"

    def _ask_begin(self, job: Job, predecessor: str, successor: tuple[str, str]) -> Answer:
        endings = self._take_endings() if len(self._endings) >= _RIDE_ALONG else ()
        try:
            answer, accepted = self.ledger.deliveries.begin(
                job.info, job.entry, job.token, predecessor=predecessor, successor=successor, endings=endings
            )
        except LedgerError:
            self._give_back(endings)
            raise
        if self.outage.over():
            self.instance.owe_records()
        self._check(endings, accepted)
        return answer

    def _may_start_unassured(self, job: Job) -> Directive:
        if self.instance.sure and not self.instance.reborn:
            return "run"
        if self._still_fetched(job.info, job.entry.delivery, job.entry.queue):
            return "run"
        self._tell_refused(job.entry, "taken")
        return "drop"

    def _still_owns(self, job: Job) -> bool:
        if job.recorded:
            return self.ledger.deliveries.owns_job(job.info.id, job.entry.delivery, job.token)
        return self._still_fetched(job.info, job.entry.delivery, job.entry.queue)

    def _still_fetched(self, info: InstanceInfo, delivery: str, queue: str) -> bool:
        found = self.ledger.deliveries.look_up(info, delivery, queue)
        if not found.alive:
            self.instance.beat()  # declared dead, or the store lost its data: this tells which
            if self.instance.is_lost(info.id):
                return False
        return found.ours or (not found.exists and self.instance.loss.took(delivery))

    def _hold(self, job: Job, crashes: int) -> None:
        entry = job.entry
        record = self.ledger.estate.records([entry.message_id])[entry.message_id]
        if isinstance(record, ForeignValue):
            raise record
        orphan = Orphan(
            delivery=entry.delivery,
            message_id=entry.message_id,
            actor=entry.actor,
            queue=entry.queue,
            broker_namespace=job.info.broker_namespace,
            instance=job.info.id,
            state="held",
            reason=f"{crashes} workers died running it (max_crashes={entry.policy.max_crashes})",
            crash_count=crashes,
            interrupted_count=record.interrupted,
            orphaned_at=record.history[-1].died_at if record.history else None,
            crashes=record.history,
        )
        if self.ledger.deliveries.hold(job.info, orphan):
            settled = (orphan.message_id, orphan.actor, orphan.queue, orphan.instance, "held", orphan.reason, crashes)
            emit(OrphanSettled(*settled))

    def _take_endings(self) -> tuple[Ending, ...]:
        with self._lock:
            taken = tuple(self._endings[:_RIDE_ALONG])
            del self._endings[:_RIDE_ALONG]
        return taken

    def _give_back(self, endings: tuple[Ending, ...]) -> None:
        with self._lock:
            self._endings[:0] = endings

    def _check(self, endings: tuple[Ending, ...], accepted: list[bool]) -> None:
        for ending, ok in zip(endings, accepted, strict=True):
            if not ok:
                self._tell_late(ending.entry, ending.info.id)

    def _tell_late(self, entry: Entry, instance: str) -> None:
        emit(LateFinish(entry.message_id, entry.actor, entry.queue, instance))

    def _tell_refused(self, entry: Entry, cause: str) -> None:
        emit(Refused(entry.message_id, entry.actor, entry.queue, cause))


def _ending(job: Job) -> Ending:
    return Ending(job.info, job.entry, job.token, job.outcome, job.successors)
