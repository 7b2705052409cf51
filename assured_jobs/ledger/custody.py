"""What waits: for time (deferred), for a person (held), for the next tick (released). And what is gone (discarded)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..entry import Orphan, State
from ..errors import ForeignValue
from ..telling import complain
from .keys import MEMORY, QueueKeys
from .store import Store, pipelined, whole

BATCH = 100


@dataclass(frozen=True)
class Place:
    """Where a page of custody ended."""

    score: int
    delivery: str


class Custody:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def now(self) -> int:
        """The store's clock, in ms."""
        seconds, micros = self.store.ask(lambda client: client.time())
        return int(seconds) * 1000 + int(micros) // 1000

    def due(self, skip: int = 0, limit: int = BATCH) -> list[str]:
        """Deliveries whose time has come, by the store's clock. Of each kind, `skip` are passed over."""
        k, now = self.keys, self.now()
        found: list[bytes] = self.store.ask(
            lambda client: client.zrange(k.released, skip, skip + limit - 1), k.released
        )
        found += self.store.ask(
            lambda client: client.zrangebyscore(k.deferred, "-inf", now, start=skip, num=limit), k.deferred
        )
        return [raw.decode(errors="surrogateescape") for raw in found]

    def claim(self, orphans: list[Orphan], seconds: float) -> list[int]:
        """deferred (due) or released -> deferred, ours for so long. When each claim runs out, in ms; 0 for none.

        If interrupted: due again when the claim runs out.
        """
        keys = [self.keys.deferred, self.keys.released]
        args = [int(seconds * 1000), *(orphan.delivery for orphan in orphans)]
        return [int(until) for until in self.store.run("claim", keys, args)]

    def release(self, orphans: list[Orphan], claims: dict[str, int]) -> list[str]:
        """deferred (due, or claimed until that time) or released -> queue, each with one word: handed_back, settled,
        waiting or gone.

        If interrupted: each is back in its queue once, or still waits.
        """
        k = self.keys
        keys = [k.deferred, k.released, k.orphans]
        for orphan in orphans:
            q = QueueKeys(orphan.broker_namespace, orphan.queue)
            keys += [q.queue, q.msgs, k.custody(orphan.message_id), k.job(orphan.message_id)]
        args: list[str | int] = [MEMORY]
        for orphan in orphans:
            args += [orphan.delivery, claims.get(orphan.delivery, 0)]
        words = self.store.run("release", keys, args)
        return [word.decode() for word in words]

    def retry(self, orphans: list[Orphan], who: str) -> list[str]:
        """held or deferred -> released: "released", "already" or "gone" for each. Grants exactly one more life.

        If interrupted: each released or not; saying it again is harmless.
        """
        k = self.keys
        calls: list[tuple[str, list[str], list[str | int]]] = []
        for orphan in orphans:
            keys = [k.held, k.deferred, k.released, k.job(orphan.message_id), k.orphans]
            told = orphan.becomes(state="released", reason=f"{who} said retry; before: {orphan.reason}")
            calls.append(("retry", keys, [orphan.delivery, orphan.crash_count, told.dumps()]))
        return [word.decode() for word in self.store.run_many(calls)]

    def discard(self, orphans: list[Orphan], who: str) -> list[str]:
        """held, deferred or released -> discarded: "discarded" or "gone" for each. The payload is deleted.

        If interrupted: each discarded or not; saying it again is harmless.
        """
        k = self.keys
        calls = []
        for orphan in orphans:
            keys = [
                k.held, k.deferred, k.released, k.discarded, k.custody(orphan.message_id), k.job(orphan.message_id),
                QueueKeys(orphan.broker_namespace, orphan.queue).msgs, k.orphans,
            ]  # fmt: skip
            told = orphan.becomes(state="discarded", reason=f"{who} said delete; before: {orphan.reason}")
            calls.append(("discard", keys, [orphan.delivery, told.dumps()]))
        return [word.decode() for word in self.store.run_many(calls)]

    def read(self, deliveries: list[str]) -> list[Orphan]:
        """What is known of these deliveries; those that are gone are left out."""
        if not deliveries:
            return []
        rows = self.store.ask(lambda client: client.hmget(self.keys.orphans, deliveries), self.keys.orphans)
        found = [self._orphan(id, raw) for id, raw in zip(deliveries, rows, strict=True) if raw is not None]
        return [orphan for orphan in found if orphan is not None]

    def of_message(self, message_id: str) -> list[str]:
        """The deliveries in custody of one message id."""
        key = self.keys.custody(message_id)
        found = self.store.ask(lambda client: client.smembers(key), key)
        return sorted(raw.decode(errors="surrogateescape") for raw in found)

    def count(self, state: State) -> int:
        key = getattr(self.keys, state)
        return int(self.store.ask(lambda client: client.zcard(key), key))

    def entered(self, state: State, since: int) -> int:
        """How many are in a state since then, in ms. Of the deferred: those due from then on."""
        key = getattr(self.keys, state)
        return int(self.store.ask(lambda client: client.zcount(key, since, "+inf"), key))

    def rows(
        self,
        state: State,
        size: int,
        after: Place | None = None,
        *,
        newest: bool = False,
        sift: Callable[[bytes], bool] | None = None,
    ) -> list[tuple[Place, bytes]]:
        """What is stored of those in one state, each with its place, from the one behind `after` on.

        `newest`: the last that came first. What `sift` refuses, or is not stored, has no bytes. Bounded by `size`.
        """
        key = getattr(self.keys, state)
        start = self._rank_behind(key, after, newest=newest) if after else 0
        scored = self.store.ask(
            lambda client: client.zrange(key, start, start + size - 1, desc=newest, withscores=True), key
        )
        if not scored:
            return []
        raws = self.store.ask(lambda client: client.hmget(self.keys.orphans, [raw for raw, _ in scored]))
        return [
            (
                Place(whole(score), id.decode(errors="surrogateescape")),
                raw if raw is not None and (sift is None or sift(raw)) else b"",
            )
            for (id, score), raw in zip(scored, raws, strict=True)
        ]

    def orphan_at(self, state: State, place: Place, raw: bytes) -> Orphan | None:
        """What `rows` found there; None where it is not ours, which is complained about."""
        orphan = self._orphan(place.delivery, raw) if raw else None
        return orphan.becomes(state=state) if orphan else None

    def page(self, state: State, size: int, after: Place | None = None) -> tuple[list[Orphan], Place | None]:
        """Those in one state, oldest first, from the one behind `after` on; and the place to go on from, if any.

        Nothing is passed over, whoever leaves meanwhile; where `after` itself has left, its contemporaries (of the
        same millisecond) come again.
        """
        key = getattr(self.keys, state)
        start = self._rank_behind(key, after) if after else 0
        rows = self.store.ask(lambda client: client.zrange(key, start, start + size - 1, withscores=True), key)
        ids = [raw.decode(errors="surrogateescape") for raw, _ in rows]
        found = [orphan.becomes(state=state) for orphan in self.read(ids)]
        return found, Place(whole(rows[-1][1]), ids[-1]) if len(rows) == size else None

    def _rank_behind(self, key: str, place: Place, *, newest: bool = False) -> int:
        rank_of, bounds = "ZRANK", ("-inf", f"({place.score}")
        if newest:
            rank_of, bounds = "ZREVRANK", (f"({place.score}", "+inf")
        rank, before = self.store.ask(
            lambda client: pipelined(client, [(rank_of, key, place.delivery), ("ZCOUNT", key, *bounds)])
        )
        return int(before) if rank is None else int(rank) + 1

    def _orphan(self, delivery: str, raw: bytes) -> Orphan | None:
        try:
            return Orphan.loads(raw)
        except (ValueError, TypeError, KeyError):
            complain(
                f"{ForeignValue.__doc__} Expected the orphan {delivery!r} in the hash {self.keys.orphans}, "
                f"got {raw[:80]!r}: it stays where it is."
            )
            return None
