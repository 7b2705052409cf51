"""Which orphans are meant: what the command line and the dashboard call a filter."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

from ..entry import Orphan, State
from ..policy import ReasonCode

STATES: tuple[State, ...] = get_args(State)
REASONS: tuple[str, ...] = get_args(ReasonCode)

#: Why a job is held that has killed its workers again and again.
POISON = "max_crashes"

#: What an operator may send back, and what may be thrown away.
RETRIABLE: tuple[State, ...] = ("held", "deferred")
DELETABLE: tuple[State, ...] = ("held", "deferred", "released")


@dataclass(frozen=True)
class Selection:
    """Every condition that is given holds. `states` empty means any; `instance` is an instance's id or its label.

    `text`: somewhere in what is known of it, its arguments apart: they may be secret, and a search would tell.
    `spare_poison`: jobs that are held for having killed their workers are left out, unless `reason` asks for them.
    """

    states: tuple[State, ...] = ()
    queue: str | None = None
    actor: str | None = None
    instance: str | None = None
    reason: str | None = None
    text: str | None = None
    spare_poison: bool = False

    def of_states(self, states: tuple[State, ...]) -> Selection:
        return replace(self, states=states)

    def sparing_nobody(self) -> Selection:
        return replace(self, spare_poison=False)

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
            and not (self._spares and orphan.reason_code == POISON)
            and (not self.text or self.text.lower() in _text_of(orphan))
        )

    def may_admit(self, raw: bytes) -> bool:
        """Whether the stored bytes of an orphan may be meant: most of what is not need not be decoded for that.

        `Orphan.dumps` writes each of these names once, and escapes every quote that a job's own names bring along.
        """
        if self._spares and _POISONED in raw:
            return False
        if not all(needle in raw for needle in self._needles):
            return False
        return not self._words or self._words in raw.lower()

    @property
    def _spares(self) -> bool:
        return self.spare_poison and self.reason is None

    @cached_property
    def _needles(self) -> list[bytes]:
        named = {"queue": self.queue, "actor": self.actor, "reason_code": self.reason}
        found = [_needle(name, value) for name, value in named.items() if value is not None]
        return found if self.instance is None else [*found, _needle("instance", self.instance)[:-1]]

    @cached_property
    def _words(self) -> bytes:
        """The text as it stands in stored bytes, in lower case. Empty where other letters are stored as escapes."""
        return json.dumps(self.text)[1:-1].lower().encode() if self.text and self.text.isascii() else b""

    @property
    def tells_by_bytes(self) -> bool:
        """Whether `may_admit` is right whenever it says yes."""
        return self.instance is None and not self.text

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out, by another mark than the state."""
        return self._spares or any((self.queue, self.actor, self.instance, self.reason, self.text))

    def __str__(self) -> str:
        named = {
            "state": ",".join(self.states),
            "queue": self.queue,
            "actor": self.actor,
            "instance": self.instance,
            "reason": self.reason,
            "text": self.text,
        }
        words = [f"{name}={value}" for name, value in named.items() if value]
        return " ".join(words + ["without max_crashes"] * self._spares) or "everything"


def _needle(name: str, value: str) -> bytes:
    return f'"{name}": {json.dumps(value)}'.encode()


_POISONED = _needle("reason_code", POISON)


def _text_of(orphan: Orphan) -> str:
    named = (orphan.message_id, orphan.delivery, orphan.actor, orphan.queue, orphan.instance, orphan.reason)
    return "\n".join((*named, orphan.reason_code, *(crash.cause for crash in orphan.crashes))).lower()


def label_of(instance: str) -> str:
    """What a person called it: `web-1` of `web-1.4711.1a2b3c4d`."""
    return instance.rsplit(".", 2)[0]
