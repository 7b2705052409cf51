"""What a worker process needs of the broker it lives in."""

from __future__ import annotations

import threading
from typing import Any, Protocol


class Host(Protocol):
    """A broker and its worker. `brokers/redis.py` has the one for the RedisBroker."""

    namespace: str
    encoder: str
    shutdown_timeout: float | None

    def queues(self) -> tuple[str, ...]:
        """Every declared queue and its delay queue."""

    def assured(self) -> tuple[str, ...]:
        """The assured actors declared so far."""

    def options_of(self, actor: str) -> dict[str, Any]:
        """The options of a declared actor; none where it is unknown."""

    def assume(self, broker_id: str) -> None:
        """Fetches under this id from now on."""

    def sees(self, key: str) -> bool:
        """Whether the broker's own client finds a key. Raises LedgerError."""

    def threads(self) -> dict[str, threading.Thread]:
        """Dramatiq's threads that should be running, by what they are."""

    def replace(self, thread: threading.Thread) -> bool:
        """Gives the worker a new thread in the place of that one. False where it cannot be done."""

    def is_stopped(self) -> bool:
        """Whether none of Dramatiq's threads is left: what is still fetched, nobody here will come to."""

    def in_memory(self) -> set[str]:
        """Every delivery that was fetched and waits for a thread."""

    def in_hands(self) -> dict[int, str]:
        """The threads that have a message in their hands, one of its hooks or its ack included, and its delivery; ""
        where they have not decoded it yet. Not to be asked without need."""

    def ack(self, queue: str, delivery: str) -> None:
        """Lets go of a delivery that ended elsewhere. If interrupted: fetched still, or gone."""
