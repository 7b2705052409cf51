"""What becomes of jobs: of the dead, of the living, and by a person's word."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from .base import Event


@dataclass(frozen=True)
class OrphanSettled(Event):
    """`outcome` is what the ledger did: handed_back, deferred, paced, held, discarded.

    `reason_code` is `reason` for programs, `charged` the count of its deaths that grew, if any. `silent_for`: seconds
    since its worker's last sign of life; None where it does not come straight from a dead worker.
    """

    message_id: str
    actor: str
    queue: str
    instance: str
    outcome: str
    reason: str
    crash_count: int
    reason_code: str = ""
    charged: str = ""
    silent_for: float | None = None

    def severity(self) -> int:
        """What now waits for a person, or is gone, is worth an alert."""
        return logging.WARNING if self.outcome in ("held", "discarded") else logging.INFO

    def sentence(self) -> str:
        did = self.outcome.replace("_", " ")
        waits = " It waits for a person: assured-jobs orphans." if self.outcome == "held" else ""
        return f"Job {self.message_id} of {self.actor!r} ({self.queue}) {did}: {self.reason}.{waits}"


@dataclass(frozen=True)
class NeverStartedHandedBack(Event):
    """Prefetched and delayed messages, counted: there may be thousands. `silent_for` as in OrphanSettled."""

    number: int
    queue: str
    instance: str
    silent_for: float | None = None

    def sentence(self) -> str:
        what = "1 message" if self.number == 1 else f"{self.number} messages"
        return f"{what} that {self.instance} had fetched and never started handed back to {self.queue}."


@dataclass(frozen=True)
class StormPaced(Event):
    """Many died at once, and their jobs come back one after the other. `rate` per second, `seconds` until the last."""

    number: int
    rate: float
    seconds: float
    level: ClassVar[int] = logging.ERROR

    def sentence(self) -> str:
        return (
            f"MASS HAND-BACK: {self.number} jobs of dead workers come back at {self.rate:g} per second "
            f"(recovery_rate), the last of them in about {self.seconds:.0f} s."
        )


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
class ZombieInterrupted(Event):
    """A job was still running when its worker learned that it had been declared dead, and was stopped there."""

    message_id: str
    actor: str
    queue: str
    instance: str
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        return (
            f"Job {self.message_id} of {self.actor!r} ({self.queue}) interrupted here, since {self.instance} had been "
            "declared dead; it runs again elsewhere."
        )


@dataclass(frozen=True)
class StrayPutRight(Event):
    """A living worker had fetched a delivery and forgotten it. `outcome`: put_back, held, or finished."""

    delivery: str
    queue: str
    instance: str
    outcome: str
    message_id: str = ""
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        did = self.outcome.replace("_", " ")
        return f"Delivery {self.delivery} ({self.queue}) lay forgotten in the hands of {self.instance}: {did}."


@dataclass(frozen=True)
class WouldHave(Event):
    """Only observed, since ASSURED_JOBS_RECOVERY=observe: `outcome` is what would have been done otherwise."""

    outcome: str
    reason: str
    instance: str
    message_id: str = ""
    actor: str = ""
    queue: str = ""
    crash_count: int = 0

    def sentence(self) -> str:
        did = self.outcome.replace("_", " ")
        if not self.message_id:
            return f"Observed: {self.instance} would have been {did}: {self.reason}."
        return f"Observed: job {self.message_id} of {self.actor!r} ({self.queue}) would have been {did}: {self.reason}."


@dataclass(frozen=True)
class OperatorSaid(Event):
    """A person's word. `verb` is retry, delete, release or declare-dead; `what` an id, or a filter in words."""

    verb: str
    who: str
    what: str
    done: int
    gone: int = 0
    message_id: str = ""

    def sentence(self) -> str:
        gone = f", {self.gone} already gone" if self.gone else ""
        return f"{self.who} said {self.verb} to {self.what}: {self.done} done{gone}."


@dataclass(frozen=True)
class OperatorBegan(Event):
    """A person's word about many jobs, written down before the first is touched. `total` as it was shown to them."""

    verb: str
    who: str
    what: str
    total: str
    run: str

    def sentence(self) -> str:
        return f"{self.who} began to {self.verb} {self.total} jobs ({self.what}), run {self.run}."
