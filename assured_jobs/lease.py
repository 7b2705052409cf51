"""The right to run a pass; an economy, not the safety.

redis-py's Lock will not do: a killed watcher would keep everybody else from recovering its jobs until the lock ran
out. This lease is free as soon as its holder is dead, and it is trusted only while its holder can be sure of it.
"""

from __future__ import annotations

import time

from .ledger import Store

#: Seconds after which a held lease is asked for again: a holder that was paused learns soon that it lost it.
RENEWAL = 3.0


class Lease:
    """Held by at most one living instance. `ttl` and `silence` in seconds; a holder silent for longer loses it."""

    def __init__(self, store: Store, instance: str, ttl: float, silence: float) -> None:
        self.store = store
        self.instance = instance
        self.ttl = ttl
        self.silence = silence
        self._trusted_until = 0.0
        self._renewed = 0.0

    @property
    def held(self) -> bool:
        return time.monotonic() < self._trusted_until

    def obtain(self, *, from_the_silent: bool = False) -> bool:
        """free or mine -> mine; renews what is mine. If interrupted: free as soon as this instance is dead.

        `from_the_silent`: also from a holder that lives, and has sent no tick for too long.
        """
        asked = time.monotonic()
        k = self.store.keys
        silence = 0 if from_the_silent else self.silence
        args = [self.instance, int(self.ttl * 1000), k.presence_prefix, int(silence * 1000)]
        obtained: bool = self.store.run("lease_obtain", [k.lease, k.alive, k.vitals], args) == 1
        self._trusted_until = asked + self.ttl * 0.8 if obtained else 0.0
        self._renewed = asked
        return obtained

    def keep(self) -> bool:
        """Renews every few seconds. False where the lease is lost, be it to somebody who found us silent.

        If interrupted: as `obtain`.
        """
        if self.held and time.monotonic() - self._renewed < min(RENEWAL, self.ttl * 0.4):
            return True
        return self.obtain()

    def let_go(self) -> None:
        """mine -> free, never another's. If interrupted: free as soon as this instance is dead."""
        self._trusted_until = 0.0
        self.store.run("lease_let_go", [self.store.keys.lease], [self.instance])
