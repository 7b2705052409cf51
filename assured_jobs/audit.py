"""Self-audit: nothing strands in the hands of the living either.

A connection error makes Dramatiq forget delayed messages, a time-out leaves a finished job unacked or ends a consumer
thread, an undecodable payload strands the rest of its fetch. Here the worker compares what the store says it has
fetched with what it knows of, in looks two heartbeats apart, and puts the difference right.
"""

from __future__ import annotations

import time

from .aboard import Aboard
from .entry import InstanceInfo
from .errors import LedgerError
from .events import StrayPutRight, ThreadDied, WouldHave
from .host import Host
from .instance import Instance
from .job import Job
from .judging import judge_stray
from .ledger import Ending, Ledger, Left
from .telling import complain

#: Seconds for which a delivery must be missing at every look, and an ended job unheard of: no less than two heartbeats.
PATIENCE = 10.0

#: Every so many looks read all that was fetched, whatever the counts say.
EVERY = 8

#: How many are put right in one look.
MOST = 100


class Audit:
    """`tick` looks once after each heartbeat, which tells how many deliveries this instance has fetched."""

    def __init__(self, ledger: Ledger, instance: Instance, aboard: Aboard, host: Host) -> None:
        self.ledger = ledger
        self.instance = instance
        self.aboard = aboard
        self.host = host
        self.patience = max(PATIENCE, 2 * instance.settings.heartbeat_interval)
        self._looked = 0
        self._looks = 0
        self._missing: dict[str, float] = {}
        #: Where recovery is only observed: what has been told already, deliveries and dead threads.
        self._observing = instance.settings.recovery == "observe"
        self._told: set[object] = set()

    def tick(self) -> None:
        """One look. If interrupted: what is put right is, and the next look sees the rest."""
        if self.instance.draining or self.instance.beats == self._looked:
            return
        self._looked = self.instance.beats
        self._look_after_threads()
        try:
            for job in self.aboard.ended_unheard(self.patience)[:MOST]:
                self._settle(job)
            self.aboard.endings.flush()
            self._look_for_strays()
        except LedgerError as error:
            complain(f"What this worker may have forgotten is not looked for. {error}")

    def leave(self) -> None:
        """What a stopped worker still holds, since Dramatiq could not put it back, goes back now: in a process that
        lives on nobody would ever declare it dead. Raises LedgerError.

        If interrupted: some of it is back; saying it again, or a death, brings the rest.
        """
        if self._observing or not self.host.is_stopped():
            return
        for job in self.aboard.ended_unheard(self.patience):
            self._settle(job)
        self.aboard.endings.flush()
        info, known = self.instance.info, self.aboard.in_hand()
        fetched = {id: queue for id, queue in self.ledger.estate.fetched_by(info).items() if id not in known}
        self._put_all_right(info, fetched)

    def _look_after_threads(self) -> None:
        for name, thread in self.host.threads().items():
            if thread.ident is not None and not thread.is_alive() and thread not in self._told:
                replaced = not self._observing and self.host.replace(thread)
                if self._observing:
                    self._told.add(thread)
                self.ledger.tell(ThreadDied(self.instance.info.id, name, replaced))

    def _settle(self, job: Job) -> None:
        """started -> gone, or back into its queue. Its ack or its rejection failed, and its thread has had no other
        message since, which would have settled it."""
        entry, outcome = job.entry, job.unheard_outcome
        if self._observing:
            self.aboard.ended(job, outcome)
            return
        if not job.recorded and (outcome == "ack" or job.retried):
            # First: where it fails, the job is still known to have ended, and the next look asks again.
            self.host.ack(entry.queue, entry.delivery)
        self.aboard.ended(job, outcome)
        told = StrayPutRight(entry.delivery, entry.queue, job.info.id, "finished", entry.message_id)
        self.ledger.tell(told)

    def _look_for_strays(self) -> None:
        info = self.instance.info
        known = self._known()
        # The counts may hide one behind another that was acked meanwhile: now and then all are looked at.
        self._looks += 1
        if self.instance.fetched <= len(known) and not self._missing and self._looks % EVERY:
            return
        fetched = self.ledger.estate.fetched_by(info)
        now = time.monotonic()
        strange = set(fetched) - known - self._known()  # what came to a thread meanwhile was known before, or is now
        self._missing = {id: self._missing.get(id, now) for id in strange}
        overdue = [id for id, since in self._missing.items() if now - since >= self.patience]
        if overdue:  # or it is in the hands of a thread, where a hook in front of ours takes its time
            held = {*self.host.in_hands().values()}
            self._missing |= {id: now for id in overdue if id in held}
            overdue = [id for id in overdue if id not in held]
        if self._observing:
            self._observe(info, {id: fetched[id] for id in overdue})
            return
        self._put_all_right(info, {id: fetched[id] for id in overdue[:MOST]})
        for id in overdue[:MOST]:
            del self._missing[id]

    def _observe(self, info: InstanceInfo, overdue: dict[str, str]) -> None:
        """Says of each, once, that it would have been put right."""
        fresh = [id for id in overdue if id not in self._told][:MOST]
        self._told -= {one for one in self._told if isinstance(one, str) and one not in overdue}
        self._told.update(fresh)
        reason = "delivery {} ({}) lies forgotten in its hands"
        told = [WouldHave("relieved", reason.format(id, overdue[id]), info.id, queue=overdue[id]) for id in fresh]
        self.ledger.tell(*told)

    def _known(self) -> set[str]:
        return self.host.in_memory() | self.aboard.in_hand()

    def _put_all_right(self, info: InstanceInfo, fetched: dict[str, str]) -> None:
        for queue in {*fetched.values()}:
            ids = [id for id in fetched if fetched[id] == queue]
            for at in range(0, len(ids), MOST):
                batch = self.ledger.estate.read(info, queue, ids[at : at + MOST])
                self.ledger.tell(*filter(None, [self._put_right(info, left) for left in batch]))

    def _put_right(self, info: InstanceInfo, left: Left) -> StrayPutRight | None:
        """fetched -> queue; or held, where no worker could decode it. None where it is no longer ours."""
        orphan = judge_stray(info, left)
        if left.entry is not None:
            ending = Ending(info, left.entry, left.token, "again")
            outcome = "put_back" if self.ledger.deliveries.finish((ending,)) == [True] else ""
        elif orphan is not None:
            outcome = "held" if self.ledger.deliveries.hold(info, orphan) else ""
        else:
            outcome = "put_back" if self.ledger.deliveries.put_back(info, left.queue, left.delivery) else ""
        return StrayPutRight(left.delivery, left.queue, info.id, outcome) if outcome else None
