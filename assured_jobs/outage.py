"""When the ledger does not answer: one timeout, then nobody asks for a while; said once, with what follows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .errors import LedgerError
from .events import Event, LedgerBack, LedgerLost


class Outage:
    """Shared by everybody in this process who asks the ledger. `rest` seconds pass before a job asks again."""

    def __init__(self, tell: Callable[[Event], None], rest: float = 1.0) -> None:
        self._tell = tell
        self.rest = rest
        self._lock = threading.Lock()
        self._since: float | None = None
        self._ask_again = 0.0

    @property
    def resting(self) -> bool:
        """True while asking would only cost another timeout."""
        return self._since is not None and time.monotonic() < self._ask_again

    @property
    def lasts(self) -> bool:
        return self._since is not None

    def failed(self, error: LedgerError, consequence: str) -> None:
        """Asking failed. Not said while it rests: who does not ask must not put off who asks next."""
        with self._lock:
            if self.resting:
                return
            first, self._since = self._since is None, self._since or time.monotonic()
            self._ask_again = time.monotonic() + self.rest
        if first:
            self._tell(LedgerLost(consequence, str(error)))

    def over(self) -> bool:
        """The ledger answered. True where it had not before."""
        if self._since is None:
            return False
        with self._lock:
            since, self._since = self._since, None
        if since is None:
            return False
        self._tell(LedgerBack(time.monotonic() - since))
        return True
