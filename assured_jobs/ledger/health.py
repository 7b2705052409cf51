"""What only a check asks of the server: how it is set up, and whether this user may do what a worker does. Reads alone.

Each question raises LedgerRefused where Redis does not answer it: managed ones often hide their settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ..errors import LedgerError, LedgerRefused
from .store import Store, speaking_plainly

#: Looks at the clock; the one with the shortest way tells most.
_LOOKS = 3


@dataclass(frozen=True)
class Clock:
    """How far this machine's clock is ahead of Redis's, and how long the question took, in seconds."""

    ahead: float
    round_trip: float


@dataclass
class Trial:
    """What came of doing what every worker does for its presence. `refused`: command -> what Redis said."""

    refused: dict[str, str] = field(default_factory=dict)
    subscribers: int | None = None
    heard: bool = False


class Health:
    def __init__(self, store: Store) -> None:
        self.store = store

    def info(self, section: str) -> dict[str, Any]:
        found: dict[str, Any] = self.store.ask(lambda client: client.info(section))
        return found

    def option(self, name: str) -> str:
        """One setting of the server. Asked one at a time: Redis 6 takes no more."""
        found = self.store.ask(lambda client: client.config_get(name))
        if name not in found:
            raise LedgerRefused(f"CONFIG GET {name} tells nothing")
        return str(found[name])

    def clock(self) -> Clock:
        """The best of a few looks: the first one pays for connecting."""
        return min((self._look_at_the_clock() for _ in range(_LOOKS)), key=lambda clock: clock.round_trip)

    def try_presence(self) -> Trial:
        """Subscribes as a worker does, asks who is subscribed, and sends itself one word."""
        keys, trial = self.store.keys, Trial()
        mine = keys.presence(f"check.{uuid4().hex}")
        client = self.store.connect(single=True)
        with closing(client), closing(client.pubsub()) as pubsub:
            try:
                with speaking_plainly(()):
                    pubsub.subscribe(mine, keys.ticks)
                    self._await(pubsub, "subscribe", keys.ticks)
            except LedgerError as error:  # also a connection that is closed: so some proxies refuse
                trial.refused["SUBSCRIBE"] = said(error)
            counts = self._attempt(trial, "PUBSUB NUMSUB", lambda client: client.pubsub_numsub(mine))
            trial.subscribers = counts[0][1] if counts else None
            self._attempt(trial, "INFO", lambda client: client.info("server"))
            self._attempt(trial, "CLIENT ID", lambda client: client.client_id())
            self._attempt(trial, "PUBLISH", lambda client: client.publish(mine, "check"))
            if not {"SUBSCRIBE", "PUBLISH"} & set(trial.refused):
                with speaking_plainly(()):
                    trial.heard = self._await(pubsub, "message", mine)
        return trial

    def _look_at_the_clock(self) -> Clock:
        before = time.time()
        seconds, micros = self.store.ask(lambda client: client.time())
        after = time.time()
        return Clock((before + after) / 2 - (seconds + micros / 1_000_000), after - before)

    def _attempt(self, trial: Trial, command: str, question: Callable[[Any], Any]) -> Any:
        try:
            return self.store.ask(question)
        except LedgerRefused as error:
            trial.refused[command] = said(error)
            return None

    def _await(self, pubsub: Any, kind: str, channel: str) -> bool:
        """Whether such a message comes in time; a watcher's ticks may come before it."""
        deadline = time.monotonic() + self.store.timeout
        while (left := deadline - time.monotonic()) > 0:
            message = pubsub.get_message(timeout=left)
            if message and message["type"] == kind and message["channel"].decode() == channel:
                return True
        return False


def said(error: LedgerError) -> str:
    """What Redis itself said, without our own words around it."""
    return str(error.__cause__ or error)
