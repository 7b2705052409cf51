"""What happens to workers, and to the ledger they share."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from .base import Event


@dataclass(frozen=True)
class Registered(Event):
    instance: str
    again: bool = False

    def sentence(self) -> str:
        again = " again: the store had lost its data" if self.again else ""
        return f"Worker registered as {self.instance}{again}."


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
class InstanceDied(Event):
    instance: str
    cause: str
    level: ClassVar[int] = logging.WARNING

    def sentence(self) -> str:
        return f"Worker {self.instance} is dead ({self.cause}); what it held is recovered now."


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
class SignedOff(Event):
    instance: str

    def sentence(self) -> str:
        return f"Worker {self.instance} has shut down in order, with nothing in its hands."


@dataclass(frozen=True)
class WatchBegan(Event):
    instance: str

    def sentence(self) -> str:
        return f"{self.instance} watches the others now, and recovers what the dead leave."


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
