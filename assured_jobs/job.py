"""The job that this thread, or this async task, is running: what users may ask about it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from .entry import Entry, InstanceInfo
from .interrupt import Window
from .ledger import Outcome


@dataclass
class Job:
    """One start of one delivery.

    Attributes:
        message_id: Dramatiq's id of the message, the same in every life of the job.
        fence: a number that grows with every start of any job: let the job's own writes refuse a smaller one.
            0 where the start could not be recorded.
        crash_count: how many workers have died running this job.
        recovered_from: the instance whose death brought it back last, or None.
    """

    info: InstanceInfo
    entry: Entry
    assured: bool
    ask: Callable[[Job], None] = field(repr=False)
    options: dict[str, Any] = field(repr=False)
    retries: int = 0
    token: str = field(default_factory=lambda: uuid4().hex[:12])
    fence: int = 0
    crash_count: int = 0
    recovered_from: str | None = None
    recorded: bool | None = False  # None: asked for, and the answer never came
    lost: bool = False
    interrupted: bool = False
    thread: int = field(default_factory=threading.get_ident)
    ended_at: float | None = None
    settled: bool = False
    window: Window = field(default_factory=Window, repr=False)
    retried: bool = False
    successors: tuple[tuple[str, str], ...] = ()
    outcome: Outcome = "retry"

    @property
    def message_id(self) -> str:
        return self.entry.message_id

    def is_retried_by(self, options: dict[str, Any]) -> bool:
        """Whether these are the options of a retry of this start: Dramatiq's Retries has counted one more."""
        return count_retries(options) > self.retries

    @property
    def unheard_outcome(self) -> Outcome:
        """How it ended, where neither its ack nor its rejection came through: what failed is put back, unless its
        retry is in the broker, which the ledger finds out."""
        return "again" if self.outcome == "retry" else self.outcome

    def ensure_owned(self) -> None:
        """Asks the store whether this job is still this worker's: call it before an effect that must not happen twice.

        Raises:
            OwnershipLost: it is not, or it cannot be known.
        """
        self.ask(self)


#: A context variable, not a thread local: Dramatiq's event loop hands the context of the worker thread to async actors.
running: ContextVar[Job | None] = ContextVar("assured_jobs_running", default=None)


def current_job() -> Job | None:
    """The assured job that is running here, or None."""
    job = running.get()
    return job if job is not None and job.assured else None


def count_retries(options: dict[str, Any]) -> int:
    """How often Dramatiq has retried a message; a count that is none is nobody's retry."""
    value = options.get("retries")
    return value if type(value) is int else 0


def running_as(options: dict[str, Any]) -> Job | None:
    """What this thread is running, if these are the options of its message."""
    job = running.get()
    if job is None or job.options is options or job.entry.delivery == options.get("redis_message_id"):
        return job
    return None
