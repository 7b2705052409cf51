"""Who follows the ledger's stream of events while the run lasts: it is bounded, and a long run tells more."""

from __future__ import annotations

import threading
from contextlib import suppress

from assured_jobs.errors import LedgerError
from assured_jobs.ledger import Ledger, Told


class Follower:
    def __init__(self, ledger: Ledger) -> None:
        self.told: list[Told] = []
        self._ledger = ledger
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            with suppress(LedgerError):  # Redis is away: what it told meanwhile is there when it is back
                self._read()

    def _read(self) -> None:
        self.told += self._ledger.chronicle.since(self.told[-1].id if self.told else "-")

    def stop(self) -> list[Told]:
        self._stop.set()
        self._thread.join()
        self._read()
        return self.told
