"""How events are told: one log line each, and a callback, neither of which can hurt whoever tells.

Each line of the logger `assured_jobs` has the fact itself as `record.event` and its name as `record.action`.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from .events import Event

logger = logging.getLogger("assured_jobs")

#: How many events wait for a callback that is slow, and how long its last ones are waited for, in seconds.
_ROOM, _PATIENCE = 1000, 2.0


def emit(event: Event) -> None:
    """Tells the log. Whatever goes wrong in a log handler stays there: jobs matter more than words about them."""
    try:
        extra = {"action": event.action, "event": event.fact()}
        logger.log(event.severity(), _plain(event.sentence()), extra=extra)
    except Exception:
        logging.getLogger("assured_jobs.telling").debug("could not tell %r", event, exc_info=True)


def _plain(sentence: str) -> str:
    """As any log can carry it: a name may hold what UTF-8 has no bytes for."""
    return sentence.encode(errors="backslashreplace").decode()


class Hearer(Protocol):
    """Who is told each event, in the thread it happens in: it never fails, and waits for nobody."""

    def hear(self, event: Event) -> None: ...


class Meter(Hearer, Protocol):
    """Who counts events, and how long round trips to Redis take. `metrics` has the one for Prometheus."""

    def timed(self, operation: str, seconds: float) -> None: ...


_REPEAT_AFTER = 300.0
_MOST_COMPLAINTS = 1000
_complaints: dict[str, float] = {}


def complain(sentence: str) -> None:
    """Logs an error that a thread would otherwise repeat twice a second: the same sentence once in five minutes."""
    now = time.monotonic()
    if now - _complaints.get(sentence, float("-inf")) > _REPEAT_AFTER:
        if len(_complaints) >= _MOST_COMPLAINTS:
            _complaints.clear()
        _complaints[sentence] = now
        logger.error(_plain(sentence))


class Listener:
    """Calls `on_event` in a daemon thread of its own: it may raise, block or be slow, and no job waits for it.

    Whoever is too slow for a thousand events misses some, which is said.
    """

    def __init__(self, on_event: Callable[[Event], object]) -> None:
        self._on_event = on_event
        self._waiting: queue.Queue[Event | None] = queue.Queue(_ROOM)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="assured-jobs-on-event", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            complain(f"on_event is too slow: {_ROOM} events wait for it, and what comes now is not told to it.")

    def close(self) -> None:
        """Lets the callback hear what it has not yet, for a few seconds at most."""
        if self._thread is not None and self._thread.is_alive():
            with suppress(queue.Full):
                self._waiting.put(None, timeout=_PATIENCE)
                self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._on_event(event)
            except BaseException:  # a callback that calls sys.exit ends itself, not its thread
                logger.exception("on_event failed for %s; the event stands, the callback goes on.", event.action)
