"""What happened, as frozen facts: one for each transition, with stable keys. Arguments of jobs never appear.

`telling` says how they reach a log, a callback and the ledger's stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from .base import Event
from .jobs import (
    LateFinish,
    NeverStartedHandedBack,
    OperatorBegan,
    OperatorSaid,
    OrphanSettled,
    Refused,
    StormPaced,
    StrayPutRight,
    WouldHave,
    ZombieInterrupted,
)
from .workers import (
    Fenced,
    InstanceDied,
    InstanceStalled,
    LedgerBack,
    LedgerLost,
    PresenceUnverified,
    Registered,
    SignedOff,
    StallOver,
    ThreadDied,
    WatchBegan,
)

_KINDS = {
    kind.__name__: kind
    for kind in (
        Registered,
        InstanceStalled,
        StallOver,
        PresenceUnverified,
        InstanceDied,
        Fenced,
        SignedOff,
        WatchBegan,
        ThreadDied,
        LedgerLost,
        LedgerBack,
        OrphanSettled,
        NeverStartedHandedBack,
        StormPaced,
        Refused,
        LateFinish,
        ZombieInterrupted,
        StrayPutRight,
        WouldHave,
        OperatorSaid,
        OperatorBegan,
    )
}

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


__all__ = [
    "ACTIONS",
    "Event",
    "Fenced",
    "InstanceDied",
    "InstanceStalled",
    "LateFinish",
    "LedgerBack",
    "LedgerLost",
    "NeverStartedHandedBack",
    "OperatorBegan",
    "OperatorSaid",
    "OrphanSettled",
    "PresenceUnverified",
    "Refused",
    "Registered",
    "SignedOff",
    "StallOver",
    "StormPaced",
    "StrayPutRight",
    "ThreadDied",
    "WatchBegan",
    "WouldHave",
    "ZombieInterrupted",
    "recall",
]
