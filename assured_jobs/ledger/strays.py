"""What lies where nobody comes by: silent brokers, ack sets without an owner, custody that leads nowhere.

For a check; reads alone. Everything is reached from names that are known: no KEYS, no SCAN; and of everything at most
MOST are examined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from ..entry import Orphan, State
from .keys import QueueKeys, heartbeats
from .store import Store, batches

MOST = 10_000

_WAITING: tuple[State, ...] = ("held", "deferred", "released")


@dataclass(frozen=True)
class Silent:
    """The brokers in one `__heartbeats__` that were silent for long: how many, and as many ids as were read."""

    key: str
    total: int
    brokers: tuple[str, ...]


@dataclass(frozen=True)
class Leaks:
    """Ack sets that hold ids, with their sizes; `examined` of `total` possible ones."""

    sizes: dict[str, int]
    examined: int
    total: int


@dataclass(frozen=True)
class Stray:
    """A delivery in custody that lacks its record (`message_id` is None then) or its payload."""

    place: str
    delivery: str
    message_id: str | None = None


@dataclass(frozen=True)
class Stock:
    """What is wrong in custody. `home` is the queue that still has the payload of the first one without a record."""

    nameless: tuple[Stray, ...]
    emptied: tuple[Stray, ...]
    home: str | None
    examined: int
    total: int


class Strays:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def silent(self, namespace: str, before: int, living: set[str]) -> Silent:
        """The brokers, not counting the living, that sent their last command before that time, in ms."""
        key = heartbeats(namespace)
        total = int(self.store.ask(lambda client: client.zcount(key, "-inf", before), key))
        ids = self.store.ask(lambda client: client.zrangebyscore(key, "-inf", before, start=0, num=MOST), key)
        found = tuple(id for id in map(_text, ids) if id not in living)
        return Silent(key, total - (len(ids) - len(found)), found)

    def leaks(self, namespace: str, queues: Iterable[str], brokers: Sequence[str]) -> Leaks:
        """What is left in the ack sets of these brokers."""
        names = sorted(queues)
        pairs = (QueueKeys(namespace, queue).acks(broker) for broker in brokers for queue in names)
        acks = list(islice(pairs, MOST))
        sizes = self.store.ask_many([("SCARD", key) for key in acks])
        left = {key: int(size) for key, size in zip(acks, sizes, strict=True) if size}
        return Leaks(left, len(acks), len(brokers) * len(names))

    def stock(self, queues: dict[str, set[str]]) -> Stock:
        """What waits in custody and cannot come back from there."""
        nameless: list[Stray] = []
        emptied: list[Stray] = []
        examined = total = 0
        for state in _WAITING:
            key = getattr(self.keys, state)
            total += int(self.store.ask_many([("ZCARD", key)])[0])
            (ids,) = self.store.ask_many([("ZRANGE", key, 0, MOST - examined - 1)]) if examined < MOST else [[]]
            examined += len(ids)
            for some in batches([_text(id) for id in ids]):
                lost, empty = self._examine(key, some)
                nameless += lost
                emptied += empty
        home = self._home(nameless[0].delivery, queues) if nameless else None
        return Stock(tuple(nameless), tuple(emptied), home, examined, total)

    def _examine(self, place: str, deliveries: Sequence[str]) -> tuple[list[Stray], list[Stray]]:
        (rows,) = self.store.ask_many([("HMGET", self.keys.orphans, *deliveries)])
        records = {id: _orphan(raw) for id, raw in zip(deliveries, rows, strict=True)}
        named = {id: orphan for id, orphan in records.items() if orphan}
        homes = [(QueueKeys(orphan.broker_namespace, orphan.queue).msgs, id) for id, orphan in named.items()]
        kept = self.store.ask_many([("HEXISTS", *home) for home in homes])
        lost = [Stray(place, id) for id in records if id not in named]
        empty = [
            Stray(place, id, orphan.message_id)
            for (id, orphan), yes in zip(named.items(), kept, strict=True)
            if not yes
        ]
        return self._still_there(lost), self._still_there(empty)

    def _still_there(self, strays: list[Stray]) -> list[Stray]:
        """Whoever left custody between two of these questions was never a stray."""
        scores = self.store.ask_many([("ZSCORE", stray.place, stray.delivery) for stray in strays])
        return [stray for stray, score in zip(strays, scores, strict=True) if score is not None]

    def _home(self, delivery: str, queues: dict[str, set[str]]) -> str | None:
        known = [QueueKeys(namespace, queue) for namespace, names in queues.items() for queue in sorted(names)]
        there = self.store.ask_many([("HEXISTS", queue.msgs, delivery) for queue in known])
        return next((queue.queue for queue, yes in zip(known, there, strict=True) if yes), None)


def _orphan(raw: bytes | None) -> Orphan | None:
    try:
        return None if raw is None else Orphan.loads(raw)
    except (ValueError, TypeError, KeyError):
        return None


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")
