"""What happened, as frozen facts, and an emit() that can never hurt its caller.

Each fact becomes one log line of the logger `assured_jobs`, with the fact itself as `record.event` and its name as
`record.action`. Arguments of jobs never appear.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import ClassVar

logger = logging.getLogger("assured_jobs")


@dataclass(frozen=True)
class Event(ABC):
    level: ClassVar[int] = logging.INFO

    def severity(self) -> int:
        return self.level

    @abstractmethod
    def sentence(self) -> str:
        """What happened, and what follows, for a person."""


@dataclass(frozen=True)
class InstanceDied(Event):
    instance: str
    cause: str
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        return f"Worker {self.instance} is dead ({self.cause}); what it held is recovered now."


@dataclass(frozen=True)
class OrphanSettled(Event):
    """`outcome` is what the ledger did: handed_back, deferred, held, discarded, left."""

    message_id: str
    actor: str
    queue: str
    instance: str
    outcome: str
    reason: str
    crash_count: int

    def severity(self) -> int:
        """What now waits for a person, or is gone, is worth an alert."""
        return logging.WARNING if self.outcome in ("held", "discarded") else logging.INFO

    def sentence(self) -> str:
        did = self.outcome.replace("_", " ")
        waits = " It waits for a person: assured-jobs orphans." if self.outcome == "held" else ""
        return f"Job {self.message_id} of {self.actor!r} ({self.queue}) {did}: {self.reason}.{waits}"


@dataclass(frozen=True)
class NeverStartedHandedBack(Event):
    """Prefetched and delayed messages, counted: there may be thousands."""

    number: int
    queue: str
    instance: str

    def sentence(self) -> str:
        what = "1 message" if self.number == 1 else f"{self.number} messages"
        return f"{what} that {self.instance} had fetched and never started handed back to {self.queue}."


@dataclass(frozen=True)
class Refused(Event):
    """A delivery was not started here. `cause` is begin's answer."""

    message_id: str
    actor: str
    queue: str
    cause: str

    def sentence(self) -> str:
        return f"Job {self.message_id} of {self.actor!r} ({self.queue}) not started here: {self.cause}."


@dataclass(frozen=True)
class LateFinish(Event):
    """A job ended after its worker had been declared dead: a false death."""

    message_id: str
    actor: str
    queue: str
    instance: str
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        return (
            f"Job {self.message_id} of {self.actor!r} ended here after {self.instance} had been declared dead; "
            "its end counts for nothing, and it runs again elsewhere."
        )


@dataclass(frozen=True)
class Fenced(Event):
    instance: str
    successor: str
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        return (
            f"This worker had been declared dead as {self.instance}: it finishes and enqueues nothing for the jobs it "
            f"lost, and goes on as {self.successor}."
        )


@dataclass(frozen=True)
class Registered(Event):
    instance: str
    again: bool = False

    def sentence(self) -> str:
        again = " again: the store had lost its data" if self.again else ""
        return f"Worker registered as {self.instance}{again}."


@dataclass(frozen=True)
class WatchBegan(Event):
    instance: str

    def sentence(self) -> str:
        return f"{self.instance} watches the others now, and recovers what the dead leave."


@dataclass(frozen=True)
class LedgerLost(Event):
    consequence: str
    error: str
    level: ClassVar[int] = logging.ERROR

    def sentence(self) -> str:
        return f"{self.consequence} {self.error}"


@dataclass(frozen=True)
class LedgerBack(Event):
    seconds: float

    def sentence(self) -> str:
        return f"The ledger answers again after {self.seconds:.0f} s: jobs are recorded again."


def emit(event: Event) -> None:
    """Tells the log. Whatever goes wrong in a log handler stays there: jobs matter more than words about them."""
    try:
        extra = {"action": type(event).__name__, "event": asdict(event)}
        logger.log(event.severity(), event.sentence(), extra=extra)
    except Exception:
        logging.getLogger("assured_jobs.events").debug("could not tell %r", event, exc_info=True)


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
        logger.error(sentence)
