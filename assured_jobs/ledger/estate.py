"""What the dead leave behind: their ack sets and entries, read in bounded batches, and the way out of their hands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..entry import Crash, Death, Entry, InstanceInfo, Orphan, dump_crashes, load_crashes
from ..errors import ForeignValue
from ..foreign import parse
from .keys import MEMORY, QueueKeys
from .store import Store, pipelined

BATCH = 100

#: How many of those who were aboard are named in the evidence.
MOST_ABOARD = 8

#: Payloads above this many bytes are read one at a time, so that a batch of huge ones stays bounded in memory.
LARGE = 256 * 1024


@dataclass(frozen=True)
class Left:
    """One delivery left behind, as read: nothing is judged yet. `payload` is None where a started job needs none.

    `aboard`: some of the other started jobs that were there, as "<actor> <message id>".
    """

    delivery: str
    queue: str
    in_ack_set: bool
    entry: Entry | None
    raw_entry: bytes
    payload: bytes | None
    aboard: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """Of the start that the entry tells of."""
        return self.raw_entry.split(b" ", 3)[2].decode(errors="replace") if self.entry else ""


@dataclass(frozen=True)
class Record:
    """The crash record of one message id."""

    crashes: int = 0
    suspicions: int = 0
    interrupted: int = 0
    handed_back: int = 0
    limit: int = 0
    history: tuple[Crash, ...] = ()

    def count(self, name: str) -> int:
        return int(getattr(self, name)) if name else 0


@dataclass(frozen=True)
class Order:
    """What is to become of one delivery: the judge's decision, and what the judge saw when deciding."""

    left: Left
    message_id: str
    action: str
    delay: float
    charge: str
    seen: int
    history: tuple[Crash, ...]
    orphan: Orphan


class Estate:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def left_by(self, info: InstanceInfo) -> Iterator[list[Left]]:
        """Everything the dead held: per queue its ack set, then started jobs that are in no ack set any more.

        Raises ForeignValue where an entry is not one of ours.
        """
        started = self.entries(info.id)
        # An entry may name a queue that was declared in the last instant of its worker.
        for queue in dict.fromkeys([*info.queues, *(entry.queue for entry, _ in started.values())]):
            seen: set[str] = set()
            for deliveries in self._fetched(info, queue):
                seen.update(deliveries)
                for at in range(0, len(deliveries), BATCH):
                    yield self._read(info, queue, deliveries[at : at + BATCH], started)
            rest = [
                Left(id, queue, False, entry, raw, None, _others(id, started))
                for id, (entry, raw) in started.items()
                if entry.queue == queue and id not in seen
            ]
            for at in range(0, len(rest), BATCH):
                yield rest[at : at + BATCH]

    def fetched_by(self, info: InstanceInfo) -> dict[str, str]:
        """What an instance has in its ack sets: the queue of each delivery."""
        return {id: queue for queue in info.queues for batch in self._fetched(info, queue) for id in batch}

    def read(self, info: InstanceInfo, queue: str, deliveries: list[str]) -> list[Left]:
        """These deliveries as they lie in the hands of an instance. Raises ForeignValue."""
        return self._read(info, queue, deliveries, self.entries(info.id))

    def _fetched(self, info: InstanceInfo, queue: str) -> Iterator[list[str]]:
        """One queue's ack set, batch by batch, each delivery once."""
        acks = QueueKeys(info.broker_namespace, queue).acks(info.broker_id)
        seen: set[str] = set()
        cursor = None
        while cursor != 0:
            cursor, ids = self._scan(acks, cursor or 0)
            fresh = [id for id in map(_text, ids) if id not in seen]
            seen.update(fresh)
            yield fresh

    def entries(self, instance: str) -> dict[str, tuple[Entry, bytes]]:
        """The started jobs of one instance, by delivery, as read and raw. Raises ForeignValue."""
        key = self.keys.entries(instance)
        found = {}
        for field, raw in self.store.ask(lambda client: client.hgetall(key), key).items():
            delivery = _text(field)
            try:
                found[delivery] = (Entry.loads(delivery, raw), raw)
            except (ValueError, TypeError) as error:
                raise ForeignValue(
                    f"{ForeignValue.__doc__} Expected the entry of delivery {delivery!r} in the hash {key}, "
                    f"got {raw[:80]!r}."
                ) from error
        return found

    def _read(
        self, info: InstanceInfo, queue: str, deliveries: list[str], started: dict[str, tuple[Entry, bytes]]
    ) -> list[Left]:
        fresh = [id for id in deliveries if id not in started]
        payloads = self.payloads(info.broker_namespace, queue, fresh)
        found = []
        for id in deliveries:
            entry, raw = started.get(id, (None, b""))
            others = _others(id, started) if entry else ()
            found.append(Left(id, queue, True, entry, raw, payloads.get(id), others))
        return found

    def sizes(self, namespace: str, queue: str, deliveries: list[str]) -> dict[str, int]:
        """How many bytes each payload has; 0 where there is none."""
        if not deliveries:
            return {}
        msgs = QueueKeys(namespace, queue).msgs
        told = self.store.ask(lambda client: pipelined(client, [("HSTRLEN", msgs, id) for id in deliveries]))
        return {id: int(size) for id, size in zip(deliveries, told, strict=True)}

    def payloads(self, namespace: str, queue: str, deliveries: list[str]) -> dict[str, bytes]:
        """The payloads that still exist, by delivery. Large ones are read one at a time."""
        if not deliveries:
            return {}
        msgs = QueueKeys(namespace, queue).msgs
        sizes = self.sizes(namespace, queue, deliveries)
        small = [id for id, size in sizes.items() if size <= LARGE]
        found = dict(zip(small, self.store.ask(lambda client: client.hmget(msgs, small)), strict=True)) if small else {}
        for id, size in sizes.items():
            if size > LARGE:
                found[id] = self._payload(msgs, id)
        return {id: payload for id, payload in found.items() if payload is not None}

    def _scan(self, acks: str, cursor: int) -> tuple[int, list[bytes]]:
        at, ids = self.store.ask(lambda client: client.sscan(acks, cursor, count=BATCH), acks)
        return int(at), ids

    def _payload(self, msgs: str, delivery: str) -> bytes | None:
        payload: bytes | None = self.store.ask(lambda client: client.hget(msgs, delivery))
        return payload

    def records(self, message_ids: list[str]) -> dict[str, Record | ForeignValue]:
        """The crash records, empty for a message that never crashed; the error itself where a record is not ours."""
        names = ("crashes", "suspicions", "interrupted", "handed_back", "limit", "history")
        commands = [("HMGET", self.keys.job(id), *names) for id in message_ids]
        rows = self.store.ask(lambda client: pipelined(client, commands, raise_on_error=False))
        return {id: _record(self.keys.job(id), row) for id, row in zip(message_ids, rows, strict=True)}

    def hand_back(self, death: Death, queue: str, orders: list[Order], rate: float | None = None) -> list[str]:
        """held by the dead -> queue | deferred | held | discarded | settled. One word per order: see the script.

        `rate`: how many may come back per second, over all the dead; what only waits for its delay is not slowed.
        If interrupted: every delivery is either still in the dead instance's hands, or where the order sent it.
        """
        if not orders:
            return []
        k, info = self.keys, death.info
        q = QueueKeys(info.broker_namespace, queue)
        keys = [
            k.dead, k.entries(info.id), k.owners, k.successors, k.orphans, k.deferred, k.held, k.discarded,
            q.acks(info.broker_id), q.queue, q.msgs, k.turn,
        ]  # fmt: skip
        gap = 1000 / rate if rate and not queue.endswith(".DQ") else 0.0
        args: list[str | bytes | float] = [info.id, MEMORY, gap]
        for order in orders:
            keys += [k.job(order.message_id), k.custody(order.message_id)]
            args += [
                order.left.delivery, order.left.raw_entry, order.action, int(order.delay * 1000), order.charge,
                order.seen, dump_crashes(order.history), order.orphan.dumps(),
            ]  # fmt: skip
        return [word.decode() for word in self.store.run("hand_back", keys, args)]


def _record(key: str, row: Any) -> Record | ForeignValue:
    try:
        crashes, suspicions, interrupted, handed_back, limit = map(_count, row[:5])
        history = load_crashes(parse(row[5] or b"[]"))
        return Record(crashes, suspicions, interrupted, handed_back, limit, history)
    except (ValueError, TypeError) as error:
        foreign = ForeignValue(f"{ForeignValue.__doc__} Expected a crash record in the hash {key}, got {row!r}.")
        foreign.__cause__ = error
        return foreign


def _count(raw: bytes | None) -> int:
    """A number as a script adds to it: Python takes more for one than Redis does. Raises ValueError."""
    if raw is not None and not re.fullmatch(rb"0|[1-9]\d{0,8}", raw):
        raise ValueError("expected a count")
    return int(raw or 0)


def _others(delivery: str, started: dict[str, tuple[Entry, bytes]]) -> tuple[str, ...]:
    """At the first recoverer who comes by; a later one sees fewer."""
    running = (entry for entry, _ in started.values() if entry.delivery != delivery and not entry.forward)
    return tuple(f"{entry.actor} {entry.message_id}" for entry in islice(running, MOST_ABOARD))


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")
