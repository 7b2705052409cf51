"""When the store loses its data: what was fetched before lives on in this process's memory, and nowhere else."""

from __future__ import annotations

import time

#: What a thread had just taken out of memory has come to begin after this many seconds.
_SETTLES = 2.0


class Loss:
    def __init__(self) -> None:
        self._at = float("-inf")
        self._in_memory: set[str] = set()

    def happened(self, in_memory: set[str]) -> None:
        """The store forgot everything; these deliveries were in memory at that moment."""
        self._at = time.monotonic()
        self._in_memory = in_memory

    def took(self, delivery: str) -> bool:
        """Whether the store lost this delivery with its data, so that running it from memory is the only way."""
        return delivery in self._in_memory or time.monotonic() - self._at < _SETTLES
