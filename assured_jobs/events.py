"""What happened, as frozen facts: one for each transition, with stable keys. Arguments of jobs never appear.

`telling` says how they reach a log, a callback and the ledger's stream.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event(ABC):
    """`level` is the log's, `streamed` says whether the ledger keeps it."""

    level: ClassVar[int] = logging.INFO
    streamed: ClassVar[bool] = True

    @property
    def action(self) -> str:
        return type(self).__name__

    def fact(self) -> dict[str, Any]:
        return asdict(self)

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
    streamed: ClassVar[bool] = False

    def sentence(self) -> str:
        return f"{self.consequence} {self.error}"


@dataclass(frozen=True)
class LedgerBack(Event):
    seconds: float

    def sentence(self) -> str:
        return f"The ledger answers again after {self.seconds:.0f} s: jobs are recorded again."


@dataclass(frozen=True)
class InstanceStalled(Event):
    """It sends no heartbeat, and its connection stands: its interpreter is busy, or paused. `silent_for` in seconds."""

    instance: str
    silent_for: float
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        return (
            f"Worker {self.instance} is stalled: no heartbeat for {self.silent_for:.0f} s, and still connected. "
            "Its jobs are left alone until stall_ttl."
        )


@dataclass(frozen=True)
class StallOver(Event):
    instance: str

    def sentence(self) -> str:
        return f"Worker {self.instance} is stalled no longer: it beats again."


@dataclass(frozen=True)
class PresenceUnverified(Event):
    """`ttl` and `grace` in seconds."""

    instance: str
    ttl: float
    grace: float
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        return (
            f"The server does not show the presence of {self.instance}: SUBSCRIBE, PUBSUB NUMSUB or INFO is refused, "
            f"or a proxy stands between. Its death will be seen after {self.ttl:g} s instead of {self.grace:g} s."
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
class ThreadDied(Event):
    """`replaced`: whether Dramatiq's worker was given a new one."""

    instance: str
    thread: str
    replaced: bool
    level: ClassVar[int] = logging.ERROR

    def sentence(self) -> str:
        then = "a new one takes its place" if self.replaced else "restart this worker: its work stands still"
        return f"Dramatiq's {self.thread} of {self.instance} has died by itself: {then}."


@dataclass(frozen=True)
class SignedOff(Event):
    instance: str

    def sentence(self) -> str:
        return f"Worker {self.instance} has shut down in order, with nothing in its hands."


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


_KINDS = {
    kind.__name__: kind
    for kind in (
        InstanceDied, OrphanSettled, NeverStartedHandedBack, Refused, LateFinish, Fenced, Registered, WatchBegan,
        LedgerLost, LedgerBack, SignedOff, WouldHave, OperatorSaid,
        ZombieInterrupted,
        InstanceStalled,
        StallOver,
        PresenceUnverified,
        StrayPutRight,
        ThreadDied,
        StormPaced,
    )
}  # fmt: skip


#: The names of those that are written down.
ACTIONS = tuple(name for name, kind in _KINDS.items() if kind.streamed)


def recall(action: str, fact: Mapping[str, Any]) -> Event | None:
    """The event of which this was written down; None where another version wrote it, with other keys.

    A key that came with a later version, and has a default, may be missing.
    """
    kind = _KINDS.get(action)
    if kind is None or any(field.default is MISSING and field.name not in fact for field in fields(kind)):
        return None
    return kind(**{field.name: fact[field.name] for field in fields(kind) if field.name in fact})
