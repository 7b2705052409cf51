"""What one dashboard works with: its settings, and the service under it, opened when it is first needed.

Opened once in each process, after any fork. What it knows of the fleet is a second old at most: however many people
look, Redis is asked once a second.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from assured_jobs.entry import State
from assured_jobs.errors import LedgerError
from assured_jobs.ledger import Ledger, Store
from assured_jobs.metrics import redis_collector
from assured_jobs.orphans import (
    Browser,
    Fleet,
    Kinds,
    Mirror,
    Orphans,
    Redaction,
    Running,
    Selection,
    Status,
    Story,
    tell_story,
)
from assured_jobs.orphans.desk import PATIENCE
from assured_jobs.orphans.redaction import SECRETS, Hook

from .access import Authorize
from .settings import WebSettings

#: Seconds for which a look at the fleet, and a count of kinds, is not repeated.
_FRESH, _FRESH_KINDS = 1.0, 5.0


@dataclass(frozen=True)
class View:
    """The fleet at one moment, and the answer to "is it still bleeding?"."""

    fleet: Fleet
    status: Status

    @property
    def now(self) -> int:
        return self.status.now


@dataclass
class Desk:
    """The service, and what is kept between two requests."""

    ledger: Ledger
    orphans: Orphans = field(init=False)
    browser: Browser = field(init=False)
    running: Running = field(init=False)
    mirror: Mirror = field(init=False)

    def __post_init__(self) -> None:
        self.orphans = Orphans(self.ledger)
        self.browser = Browser(self.orphans)
        self.running = Running(self.ledger)
        self.mirror = Mirror(self.ledger.chronicle)
        self._looking = threading.Lock()
        self._view: tuple[float, View] | None = None
        self._failed: LedgerError | None = None
        self._kinds: tuple[float, Kinds] | None = None

    def look(self) -> View:
        """Everybody, judged; a second old at most. Raises LedgerError.

        Where somebody's connection is gone, this takes until it is known whether it died: the first page at 2 am says
        what is, as the CLI does.

        Where Redis does not answer, one waits for it, and nobody waits for that one: the others hear what was heard
        last. Pages that queue for a Redis that hangs would keep every thread, and /healthz waiting.
        """
        before = self._failed
        if not self._looking.acquire(blocking=before is None):
            raise _again(before)
        try:
            if before is None and self._failed is not None:  # that is what was waited for
                raise _again(self._failed)
            if self._view is None or time.monotonic() - self._view[0] > _FRESH:
                fleet = self.orphans.look(PATIENCE)
                self._view = time.monotonic(), View(fleet, self.orphans.status(fleet))
            self._failed = None
            return self._view[1]
        except LedgerError as error:
            self._failed = error
            raise
        finally:
            self._looking.release()

    def look_again(self) -> View:
        """After something was done: what is known is forgotten first."""
        with self._looking:
            self._view = self._kinds = None
        return self.look()

    def kinds_of(self, state: State, total: int) -> Kinds:
        """What is in a state, counted every few seconds."""
        with self._looking:
            now = time.monotonic()
            if self._kinds is None or now - self._kinds[0] > _FRESH_KINDS:
                chosen = Selection(states=(state,))
                self._kinds = now, self.browser.kinds(chosen, total, newest=True)
            return self._kinds[1]

    def story(self, id: str, fleet: Fleet) -> Story:
        """What is known of one job, from bounded looks. Raises ForeignValue."""
        bounds = {"most": 500, "most_bytes": 1024 * 1024, "most_told": 200}
        return tell_story(self.orphans, id, fleet, told_of=self.mirror.of_message, **bounds)

    @cached_property
    def collector(self) -> Any:
        """For Prometheus, with a watch of its own from scrape to scrape. Needs the extra `metrics`."""
        return redis_collector(self.ledger)

    def close(self) -> None:
        self.orphans.close()
        self.ledger.close()


def _again(error: LedgerError | None) -> LedgerError:
    """The same for another thread: one that is raised collects where it has been."""
    return type(error)(str(error)) if error else LedgerError()


class Office:
    def __init__(
        self,
        settings: WebSettings,
        open_store: Callable[[], Store],
        *,
        authorize: Authorize | None = None,
        redact: Hook | None = None,
    ) -> None:
        self.settings = settings
        self.authorize = authorize
        self.redaction = Redaction(
            names=(*SECRETS, *settings.redact_names), actors=frozenset(settings.redact_actors),
            everything=settings.hide_arguments, hook=redact,
        )  # fmt: skip
        self._open_store = open_store
        self._opening = threading.Lock()
        self._desk: tuple[int, Desk] | None = None

    @property
    def is_open(self) -> bool:
        return self.settings.is_open or self.authorize is not None

    def close(self) -> None:
        """Lets go of Redis; the next request opens it again."""
        with self._opening:
            if self._desk is not None:
                self._desk[1].close()
            self._desk = None

    @property
    def desk(self) -> Desk:
        with self._opening:
            if self._desk is None or self._desk[0] != os.getpid():
                self._desk = os.getpid(), Desk(Ledger(self._open_store()))
            return self._desk[1]
