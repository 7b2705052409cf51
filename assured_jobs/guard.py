"""Stands between Dramatiq and each job: may it start here, may it enqueue, is it still ours."""

from __future__ import annotations

import time
from typing import Literal

from .aboard import Aboard
from .aside import set_aside
from .endings import RIDE_ALONG
from .entry import Entry, InstanceInfo
from .errors import LedgerError, LedgerUnreachable
from .events import Refused, WouldHave
from .failpoint import reach
from .instance import Instance
from .job import Job
from .ledger import Answer, Ledger
from .outage import Outage
from .telling import complain

#: What to do with a delivery: start it, drop it without a trace, let the ack or the nack take what is left of it.
Directive = Literal["run", "drop", "ack", "nack"]

_UNRECORDED = "The ledger in Redis cannot record a job: it runs all the same, and counts as never started if we die."

#: How often one message is put back because its retry could not be enqueued, and how many are counted.
_MOST_PUT_BACK, _MOST_REMEMBERED = 3, 1000


class Guard:
    def __init__(self, ledger: Ledger, instance: Instance, outage: Outage, aboard: Aboard) -> None:
        self.ledger = ledger
        self.instance = instance
        self.outage = outage
        self.aboard = aboard
        self.endings = aboard.endings
        self._put_back: dict[str, int] = {}
        #: Records and refuses nothing. There, whoever started a job last is the one that is recorded.
        self._observing = instance.settings.recovery == "observe"

    def may_start(self, job: Job, predecessor: str, successor: tuple[str, str] = ("", "")) -> Directive:
        """fetched -> started, or why not. Waits while the store cannot say whether this process still lives.

        `predecessor`: the delivery this one comes after, as its retry or its forward.
        `successor`: id and queue a delayed message goes on to.
        If interrupted: recorded, and never started: handed back when this process dies.
        """
        while True:
            try:
                if not job.assured:
                    return self._run(job) if self._may_start_unassured(job) else "drop"
                if self.outage.resting:
                    raise LedgerUnreachable
                return self._begin(job, predecessor, successor)
            except LedgerUnreachable as error:
                # A short outage stops nobody. Later, someone else may have been told to run the job: then we wait.
                if self._observing or self.instance.age < self.instance.settings.heartbeat_ttl:
                    self.outage.failed(error, _UNRECORDED)
                    return self._run(job)
                if self.instance.draining:
                    return "drop"
                time.sleep(0.2)
            except LedgerError as error:
                self.outage.failed(error, _UNRECORDED)
                return self._run(job)

    def may_enqueue(self, job: Job) -> bool:
        """Whether a job may still start, or enqueue anything: a lost one may not."""
        if self.aboard.is_lost(job):
            return False
        if self.instance.sure or self._observing:
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
        job.lost = self.aboard.is_lost(job) or not self._still_owns(job)
        return not job.lost

    def may_put_back(self, job: Job) -> bool:
        """Whether a job whose retry could not be enqueued goes back into its queue. A few times: what never can be
        enqueued would run for ever, and is acked in the end, as Dramatiq does."""
        if self._observing:
            return False
        if len(self._put_back) >= _MOST_REMEMBERED:
            self._put_back.clear()
        self._put_back[job.message_id] = times = self._put_back.get(job.message_id, 0) + 1
        if times > _MOST_PUT_BACK:
            complain(f"Job {job.message_id} of {job.entry.actor!r} failed and its retry cannot be enqueued: given up.")
        return times <= _MOST_PUT_BACK

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
        if answer.observed:
            self._tell_observed(job, answer.observed)
        if answer.word == "run":
            if not job.entry.forward:
                reach("job.after_begin")
            job.fence, job.crash_count = answer.fence, answer.crashes
            job.recovered_from = answer.recovered_from
            if not job.entry.forward and not self.may_enqueue(job):
                return self._refuse(job, Answer("fenced"))  # we slept since we asked, and it was brought back meanwhile
            return self._run(job)
        return self._refuse(job, answer)

    def _refuse(self, job: Job, answer: Answer) -> Directive:
        if answer.word in ("hold", "wait"):
            try:
                set_aside(self.ledger, job, answer)
            except LedgerError as error:
                complain(f"A job that may not start could not be set aside yet. {error}")
                self.aboard.ended(job, "again")  # back into its queue: begin says so again
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
        self.aboard.take(job)
        return "run"

    def _ask_begin(self, job: Job, predecessor: str, successor: tuple[str, str]) -> Answer:
        endings = self.endings.take() if len(self.endings) >= RIDE_ALONG else ()
        try:
            answer, accepted = self.ledger.deliveries.begin(
                job.info,
                job.entry,
                job.token,
                predecessor=predecessor,
                successor=successor,
                observe=self._observing,
                endings=endings,
            )
        except (
            BaseException
        ):  # an interrupt of the job too: said twice, an end changes nothing; unsaid, it stays for ever
            self.endings.give_back(endings)
            raise
        if self.outage.over():
            self.instance.owe_records()
        self.endings.heard(endings, accepted)
        return answer

    def _may_start_unassured(self, job: Job) -> bool:
        if self._observing or (self.instance.sure and not self.instance.reborn):
            return True
        if self._still_fetched(job.info, job.entry.delivery, job.entry.queue):
            return True
        self._tell_refused(job.entry, "taken")
        return False

    def _still_owns(self, job: Job) -> bool:
        if job.recorded and not self._observing:
            whose = (job.info.id, job.entry.delivery, job.token)
            if self.ledger.deliveries.owns_job(*whose):
                return True
            self.instance.beat()  # declared dead, or the store lost its data and records it again: this tells which
            return not self.instance.is_lost(job.info.id) and self.ledger.deliveries.owns_job(*whose)
        return self._still_fetched(job.info, job.entry.delivery, job.entry.queue)

    def _still_fetched(self, info: InstanceInfo, delivery: str, queue: str) -> bool:
        found = self.ledger.deliveries.look_up(info, delivery, queue)
        if not found.alive:
            self.instance.beat()  # declared dead, or the store lost its data: this tells which
            if self.instance.is_lost(info.id):
                return False
        return found.ours or (not found.exists and self.instance.loss.took(delivery))

    def _tell_observed(self, job: Job, word: str) -> None:
        if word == "wait":
            return
        entry, outcome = job.entry, "held" if word == "hold" else "refused"
        reason = "it has reached its cap" if word == "hold" else f"not started here a second time: {word}"
        told = (outcome, reason, job.info.id, entry.message_id, entry.actor, entry.queue, job.crash_count)
        self.ledger.tell(WouldHave(*told))

    def _tell_refused(self, entry: Entry, cause: str) -> None:
        self.ledger.tell(Refused(entry.message_id, entry.actor, entry.queue, cause))
