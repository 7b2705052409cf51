"""The ends of jobs, told to the ledger in batches: with the next begin, or with a short flush."""

from __future__ import annotations

import threading

from .events import LateFinish, ZombieInterrupted
from .job import Job
from .ledger import Ending, Ledger

#: Ends wait for the next flush, or until so many ride along with a begin: one round trip for all of them.
RIDE_ALONG = 32


class Endings:
    """What ended here and the ledger has not heard of. `quiet`: a late one is nobody's business."""

    def __init__(self, ledger: Ledger, *, quiet: bool) -> None:
        self.ledger = ledger
        self._quiet = quiet
        self._waiting: list[Ending] = []
        self._on_their_way: list[Ending] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, job: Job) -> None:
        """started -> gone, soon. If interrupted: a finished job whose payload is gone."""
        with self._lock:
            self._waiting.append(Ending(job.info, job.entry, job.token, job.outcome, job.successors))

    def ids(self) -> set[str]:
        with self._lock:
            return {ending.entry.delivery for ending in (*self._waiting, *self._on_their_way)}

    def take(self) -> tuple[Ending, ...]:
        """Some of them, for whoever asks the ledger anyway, and then says `heard` or gives them back."""
        with self._lock:
            taken = tuple(self._waiting[:RIDE_ALONG])
            del self._waiting[:RIDE_ALONG]
            self._on_their_way += taken
        return taken

    def give_back(self, endings: tuple[Ending, ...]) -> None:
        with self._lock:
            self._waiting[:0] = endings
            self._arrived(endings)

    def heard(self, endings: tuple[Ending, ...], accepted: list[bool]) -> None:
        """What the ledger said to each: an end that comes after the death counts for nothing."""
        with self._lock:
            self._arrived(endings)
        for ending, ok in zip(endings, accepted, strict=True):
            if not ok and not self._quiet:
                entry = ending.entry
                self.ledger.tell(LateFinish(entry.message_id, entry.actor, entry.queue, ending.info.id))

    def _arrived(self, endings: tuple[Ending, ...]) -> None:
        self._on_their_way = [one for one in self._on_their_way if one not in endings]

    def too_late(self, job: Job) -> None:
        """It ended after this process had learned that it lost it."""
        entry = job.entry
        event = ZombieInterrupted if job.interrupted else LateFinish
        self.ledger.tell(event(entry.message_id, entry.actor, entry.queue, job.info.id))

    def flush(self) -> None:
        """Tells the ledger what ended. Raises LedgerError; then nothing is forgotten."""
        while endings := self.take():
            try:
                accepted = self.ledger.deliveries.finish(endings)
            except BaseException:  # an interrupt too, in whichever thread this is
                self.give_back(endings)
                raise
            self.heard(endings, accepted)
