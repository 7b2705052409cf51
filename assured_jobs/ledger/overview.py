"""What only an operator asks: who watches, how much is left, what does not belong here. Reads alone."""

from __future__ import annotations

import re

from ..entry import Death, Entry
from ..errors import ForeignValue
from .keys import QueueKeys
from .store import Store, pipelined

#: What each fixed key holds, where it exists at all.
_TYPES = {
    "alive": "zset", "dead": "zset", "buried": "zset", "instances": "hash", "deaths": "hash", "vitals": "hash",
    "owners": "hash", "successors": "hash", "fence": "string", "deferred": "zset", "held": "zset",
    "released": "zset", "discarded": "zset", "orphans": "hash", "lease": "string", "tick": "string", "turn": "string",
    "observed": "zset", "events": "stream",
}  # fmt: skip

#: Recent deaths are counted up to here, so that the question stays cheap after a mass death.
_MOST = 1000


class Overview:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def watcher(self) -> str | None:
        """The instance that holds the lease, dead or alive."""
        holder = self.store.ask(lambda client: client.get(self.keys.lease))
        return holder.decode(errors="replace") if holder else None

    def last_tick(self) -> int | None:
        """When a watcher last looked after everybody, in ms; None where none ever did."""
        told = self.store.ask(lambda client: client.get(self.keys.tick), self.keys.tick) or b""
        when = told.split(b" ")[0]
        return int(when) if re.fullmatch(rb"\d{1,16}", when) else None

    def running(self, instances: list[str]) -> dict[str, int]:
        """How many started jobs each of them has in its hands."""
        commands = [("HLEN", self.keys.entries(id)) for id in instances]
        return dict(zip(instances, self.store.ask(lambda client: pipelined(client, commands)), strict=True))

    def count_left(self, death: Death) -> int:
        """How many deliveries a dead instance still holds, without reading their payloads."""
        info = death.info
        queues = {name: QueueKeys(info.broker_namespace, name) for name in info.queues}
        sizes = [("SCARD", queue.acks(info.broker_id)) for queue in queues.values()]
        *counts, entries = self.store.ask(
            lambda client: pipelined(client, [*sizes, ("HGETALL", self.keys.entries(info.id))])
        )
        questions: list[tuple[str, ...]] = []
        for field, raw in entries.items():
            delivery = field.decode(errors="surrogateescape")
            queue = queues.get(self._entry(info.id, delivery, raw).queue)
            if queue:
                questions += [("SISMEMBER", queue.acks(info.broker_id), delivery), ("HEXISTS", queue.msgs, delivery)]
        answers = self.store.ask(lambda client: pipelined(client, questions)) if questions else []
        in_no_ack_set = sum(not member and exists for member, exists in zip(answers[::2], answers[1::2], strict=True))
        return int(sum(counts) + in_no_ack_set)

    def deaths_since(self, when: int) -> int:
        """How many instances died since then, at most 1000 of them. Who signed off did not die."""
        keys = (self.keys.dead, self.keys.buried)
        commands = [("ZRANGEBYSCORE", key, when, "+inf", "LIMIT", 0, _MOST) for key in keys]
        dead, buried = self.store.ask(lambda client: pipelined(client, commands))
        ids = list({*dead, *buried})[:_MOST]
        told = self.store.ask(lambda client: client.hmget(self.keys.deaths, ids)) if ids else []
        return sum(not (text or b"").endswith(b" stopped") for text in told)

    def misfits(self, message_ids: tuple[str, ...] = ()) -> list[str]:
        """A phrase for each key of ours that holds another type than we wrote: "<key> (a string, not a hash)"."""
        k = self.keys
        expected = {getattr(k, name): kind for name, kind in _TYPES.items()}
        found = self._strangers(expected)
        if not found:
            fleet = self.store.ask(
                lambda client: pipelined(client, [("ZRANGE", key, 0, -1) for key in (k.alive, k.dead)])
            )
            more = {k.entries(id.decode(errors="replace")): "hash" for ids in fleet for id in ids}
            more |= {k.custody(id): "set" for id in message_ids} | {k.job(id): "hash" for id in message_ids}
            found = self._strangers(more)
        return found

    def _entry(self, instance: str, delivery: str, raw: bytes) -> Entry:
        try:
            return Entry.loads(delivery, raw)
        except (ValueError, TypeError) as error:
            key = self.keys.entries(instance)
            raise ForeignValue(
                f"{ForeignValue.__doc__} Expected an entry in the hash {key}, got {raw[:80]!r}."
            ) from error

    def _strangers(self, expected: dict[str, str]) -> list[str]:
        commands = [("TYPE", key) for key in expected]
        kinds = [raw.decode() for raw in self.store.ask(lambda client: pipelined(client, commands))] if commands else []
        return [
            f"{key} (a {kind}, not a {wanted})"
            for (key, wanted), kind in zip(expected.items(), kinds, strict=True)
            if kind not in (wanted, "none")
        ]
