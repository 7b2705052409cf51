"""One subscribed connection: the kernel closes it the moment this process dies, however it dies.

It stays open however busy the interpreter is. The same connection hears the watcher's ticks and the words sent to
this instance alone.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any
from weakref import WeakSet

from .errors import LedgerError
from .ledger.store import Store, speaking_plainly

logger = logging.getLogger(__name__)

_open: WeakSet[Presence] = WeakSet()


class Presence:
    """Listens in a daemon thread of its own, and reconnects when the connection is lost.

    Args:
        on_change: called in that thread after each (re)connection, loss, or word to this instance: ask the store.
    """

    def __init__(self, store: Store, instance: str, on_change: Callable[[], None]) -> None:
        self.store = store
        self.instance = instance
        self.on_change = on_change
        self.ready = threading.Event()
        self.last_tick = float("-inf")
        self._listening_since = float("inf")
        self._stopped = threading.Event()
        self._pubsub: Any = None
        self._thread = threading.Thread(target=self._run, name="assured-jobs-presence", daemon=True)

    @property
    def connected(self) -> bool:
        return self.ready.is_set()

    @property
    def heard_nobody_for(self) -> float:
        """Seconds of unbroken listening without a tick; 0 where nobody listens."""
        return max(0.0, time.monotonic() - max(self.last_tick, self._listening_since))

    def start(self) -> None:
        _open.add(self)
        self._thread.start()

    def stop(self) -> None:
        """Lets the thread end by itself, within a second: nobody has to wait for it."""
        self._stopped.set()

    def close_in_child(self) -> None:
        """Gives up a forked child's copy of the connection, which would keep a dead parent looking alive."""
        with suppress(Exception):
            connection, self._pubsub = self._pubsub.connection, None
            os.close(connection._sock.detach())  # noqa: SLF001 - the child may not use the client

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except LedgerError as error:
                logger.debug("Presence lost: %s", error)
            except Exception:
                logger.exception("Presence failed; it reconnects.")
            self._lost()
            self._stopped.wait(0.5)

    def _lost(self) -> None:
        was_connected = self.connected
        self.ready.clear()
        self._listening_since = float("inf")
        self._pubsub = None
        if was_connected and not self._stopped.is_set():
            self.on_change()

    def _listen(self) -> None:
        k = self.store.keys
        client = self.store.connect(single=True, socket_keepalive=True)
        mine, ticks = k.presence(self.instance), k.ticks
        pubsub = self._pubsub = client.pubsub()
        with speaking_plainly(()), closing(pubsub), closing(client):
            pubsub.subscribe(mine, ticks)
            while not self._stopped.is_set():
                message = pubsub.get_message(timeout=1.0)
                if message is None:
                    continue
                channel = message["channel"].decode()
                if message["type"] == "subscribe" and channel == mine:
                    self._listening_since = time.monotonic()
                    self.ready.set()
                    self.on_change()
                elif message["type"] == "message" and channel == ticks:
                    self.last_tick = time.monotonic()
                elif message["type"] == "message":
                    self.on_change()  # a word to this instance: it has been declared dead


def _after_fork_in_child() -> None:
    for presence in list(_open):
        presence.close_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
