"""A thread that does one thing every so often, stops at once, and survives a bad tick."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Ticker:
    """Calls `tick` every `interval` seconds, the first time at once, in a daemon thread of its own."""

    def __init__(self, name: str, interval: float, tick: Callable[[], None]) -> None:
        self.interval = interval
        self._tick = tick
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"assured-jobs-{name}", daemon=True)

    @property
    def died(self) -> bool:
        """Whether the thread ended by itself."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopped.is_set()

    @property
    def name(self) -> str:
        return self._thread.name

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Ticks now instead of at the end of the interval."""
        self._wake.set()

    def stop(self, timeout: float = 1.0) -> None:
        """Ends the thread; waits for a tick that is under way, at most `timeout` seconds."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                self._tick()
            except Exception:
                logger.exception("%s failed once; it goes on in %s s.", self._thread.name, self.interval)
            self._wake.wait(self.interval)
