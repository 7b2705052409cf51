"""The jobs that run in this process: who is in, what they learn when a name is lost, how each of them ended."""

from __future__ import annotations

import threading
import time

from .endings import Endings
from .instance import Instance
from .job import Job
from .ledger import Ledger, Outcome


class Aboard:
    """`endings` are what ended here and the ledger has not heard of."""

    def __init__(self, ledger: Ledger, instance: Instance, endings: Endings) -> None:
        self.ledger = ledger
        self.instance = instance
        self.endings = endings
        self._running: dict[str, Job] = {}
        self._lock = threading.Lock()
        instance.on_return = self.record_again
        instance.on_loss = self.interrupt

    def take(self, job: Job) -> None:
        """It runs from now on."""
        self._running[job.token] = job

    def ended(self, job: Job, outcome: Outcome) -> None:
        """started -> gone, with the next begin or flush. If interrupted: a finished job whose payload is gone."""
        with self._lock:
            if job.settled:
                return
            job.outcome, job.settled = outcome, True
            self._running.pop(job.token, None)
            if job.recorded is False and outcome != "again":
                return
            if not self.instance.is_lost(job.info.id):
                self.endings.add(job)
                return
        self.endings.too_late(job)

    def is_lost(self, job: Job) -> bool:
        """Whether it is known that this start is no longer ours."""
        job.lost = job.lost or self.instance.is_lost(job.info.id)
        return job.lost

    def interrupt(self, former: str) -> None:
        """Every job that runs under a name this process has lost: it runs elsewhere, or will."""
        for job in list(self._running.values()):
            if job.assured and job.info.id == former:
                job.lost = True
                job.window.interrupt()

    def interrupt_latecomers(self) -> None:
        """Who was not inside its actor when the name was lost, and is by now: a hook behind ours held it."""
        if self.instance.reborn:
            for job in list(self._running.values()):
                if job.assured and self.instance.is_lost(job.info.id):
                    job.window.interrupt()

    def in_hand(self) -> set[str]:
        """Every delivery that a thread here has taken up and the ledger has not heard the end of."""
        with self._lock:
            return {job.entry.delivery for job in self._running.values()} | self.endings.ids()

    def ended_unheard(self, seconds: float) -> list[Job]:
        """What ended so long ago and was neither acked nor rejected, or whose thread is gone: nobody else will tell.

        Not while its thread is still at it: a hook behind ours, its retry or its ack may take minutes.
        """
        long_ago = time.monotonic() - seconds
        running = list(self._running.values())
        threads = {thread.ident for thread in threading.enumerate()}
        gone = [job for job in running if job.thread not in threads]
        alive = [job for job in running if job.thread in threads]
        late = [job for job in alive if job.ended_at is not None and job.ended_at < long_ago]
        if late:
            at_it = self.instance.host.in_hands()
            late = [job for job in late if job.thread not in at_it]
        return gone + late

    def record_again(self) -> None:
        """The store did not answer, or lost its data: what runs here is recorded from memory. Raises LedgerError."""
        for job in list(self._running.values()):
            if not job.assured or self.instance.is_lost(job.info.id):
                continue
            answer, _ = self.ledger.deliveries.begin(job.info, job.entry, job.token, again=True)
            if answer.word == "run":
                with self._lock:
                    job.recorded = True
                    if job.token not in self._running:  # it ended while we asked, and could not tell
                        self.endings.add(job)
