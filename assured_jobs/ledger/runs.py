"""An operator's word about many jobs, carried out step by step: how far it has come, whoever takes the next step.

Kept here and not in the process that steps: that may be killed, and somebody else goes on.
"""

from __future__ import annotations

from collections.abc import Mapping

from .store import Store, pipelined

#: How long a run is remembered, in seconds.
LIFETIME = 86400


class Runs:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def begin(self, nonce: str, fields: Mapping[str, str | int]) -> None:
        """(nothing) -> running. If interrupted: it has begun or not; nothing has been decided yet."""
        key = self.keys.run(nonce)
        commands = [("HSET", key, *_flat(fields)), ("EXPIRE", key, LIFETIME)]
        self.store.ask(lambda client: pipelined(client, commands), key)

    def read(self, nonce: str) -> dict[str, str]:
        """Empty where there is no such run."""
        key = self.keys.run(nonce)
        found = self.store.ask(lambda client: client.hgetall(key), key)
        return {
            name.decode(errors="surrogateescape"): value.decode(errors="surrogateescape")
            for name, value in found.items()
        }

    def advance(self, nonce: str, fields: Mapping[str, str | int], done: int, looked: int) -> None:
        """Where it stands now, and what was done since. If interrupted: as before, and a later step looks again."""
        key = self.keys.run(nonce)
        commands: list[tuple[str | int, ...]] = [("HINCRBY", key, "done", done), ("HINCRBY", key, "looked", looked)]
        commands += [("HSET", key, *_flat(fields))] if fields else []
        self.store.ask(lambda client: pipelined(client, [*commands, ("EXPIRE", key, LIFETIME)]), key)

    def end(self, nonce: str, how: str) -> bool:
        """running -> finished or stopped. True for the first who says so. If interrupted: ended or not."""
        key = self.keys.run(nonce)
        return bool(self.store.ask(lambda client: client.hsetnx(key, "ended", how), key))

    def resume(self, nonce: str) -> bool:
        """stopped -> running. If interrupted: either."""
        key = self.keys.run(nonce)
        return bool(self.store.ask(lambda client: client.hdel(key, "ended"), key))


def _flat(fields: Mapping[str, str | int]) -> list[str | int]:
    return [word for pair in fields.items() for word in pair]
