"""Which orphans are meant: what the command line and the dashboard call a filter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from ..entry import Orphan, State
from ..policy import ReasonCode

STATES: tuple[State, ...] = get_args(State)
REASONS: tuple[str, ...] = get_args(ReasonCode)

#: What an operator may send back, and what may be thrown away.
RETRIABLE: tuple[State, ...] = ("held", "deferred")
DELETABLE: tuple[State, ...] = ("held", "deferred", "released")


@dataclass(frozen=True)
class Selection:
    """Every condition that is given holds. `states` empty means any; `instance` is an instance's id or its label."""

    states: tuple[State, ...] = ()
    queue: str | None = None
    actor: str | None = None
    instance: str | None = None
    reason: str | None = None

    def of_states(self, states: tuple[State, ...]) -> Selection:
        return replace(self, states=states)

    def within(self, states: tuple[State, ...]) -> tuple[State, ...]:
        """Which of these states are meant."""
        return tuple(state for state in states if not self.states or state in self.states)

    def admits(self, orphan: Orphan) -> bool:
        """Whether an orphan is meant, its state apart."""
        return (
            self.queue in (None, orphan.queue)
            and self.actor in (None, orphan.actor)
            and self.instance in (None, orphan.instance, label_of(orphan.instance))
            and self.reason in (None, orphan.reason_code)
        )

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out, by another mark than the state."""
        return any((self.queue, self.actor, self.instance, self.reason))

    def __str__(self) -> str:
        named = {
            "state": ",".join(self.states),
            "queue": self.queue,
            "actor": self.actor,
            "instance": self.instance,
            "reason": self.reason,
        }
        return " ".join(f"{name}={value}" for name, value in named.items() if value) or "everything"


def label_of(instance: str) -> str:
    """What a person called it: `web-1` of `web-1.4711.1a2b3c4d`."""
    return instance.rsplit(".", 2)[0]
