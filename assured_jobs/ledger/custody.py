"""What waits: for time (deferred), for a person (held), for the next tick (released). And what is gone (discarded)."""

from __future__ import annotations

from ..entry import Orphan, State
from ..errors import ForeignValue
from ..events import complain
from .keys import MEMORY, QueueKeys
from .store import Store

BATCH = 100


class Custody:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def due(self, skip: int = 0, limit: int = BATCH) -> list[str]:
        """Deliveries whose time has come, by the store's clock. Of each kind, `skip` are passed over."""
        k = self.keys
        seconds, micros = self.store.ask(lambda client: client.time())
        now = seconds * 1000 + micros // 1000
        found: list[bytes] = self.store.ask(
            lambda client: client.zrange(k.released, skip, skip + limit - 1), k.released
        )
        found += self.store.ask(
            lambda client: client.zrangebyscore(k.deferred, "-inf", now, start=skip, num=limit), k.deferred
        )
        return [raw.decode(errors="surrogateescape") for raw in found]

    def release(self, orphans: list[Orphan]) -> list[str]:
        """deferred (due) or released -> queue. One word each: handed_back, settled, waiting or gone.

        If interrupted: each is back in its queue once, or still waits.
        """
        k = self.keys
        keys = [k.deferred, k.released, k.orphans]
        for orphan in orphans:
            q = QueueKeys(orphan.broker_namespace, orphan.queue)
            keys += [q.queue, q.msgs, k.custody(orphan.message_id), k.job(orphan.message_id)]
        words = self.store.run("release", keys, [MEMORY, *(orphan.delivery for orphan in orphans)])
        return [word.decode() for word in words]

    def retry(self, orphan: Orphan) -> str:
        """held or deferred -> released: "released", "already" or "gone". Grants exactly one more life.

        If interrupted: released or not; saying it again is harmless.
        """
        k = self.keys
        keys = [k.held, k.deferred, k.released, k.job(orphan.message_id), k.orphans]
        told = orphan.becomes(state="released", reason=f"a person said retry; before: {orphan.reason}")
        return str(self.store.run("retry", keys, [orphan.delivery, orphan.crash_count, told.dumps()]).decode())

    def discard(self, orphan: Orphan) -> str:
        """held, deferred or released -> discarded: "discarded" or "gone". The payload is deleted.

        If interrupted: discarded or not; saying it again is harmless.
        """
        k = self.keys
        keys = [
            k.held, k.deferred, k.released, k.discarded, k.custody(orphan.message_id), k.job(orphan.message_id),
            QueueKeys(orphan.broker_namespace, orphan.queue).msgs, k.orphans,
        ]  # fmt: skip
        told = orphan.becomes(state="discarded", reason=f"a person said delete; before: {orphan.reason}")
        return str(self.store.run("discard", keys, [orphan.delivery, told.dumps()]).decode())

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

    def page(self, state: State, start: int, size: int) -> list[Orphan]:
        """Those in one state, oldest first."""
        key = getattr(self.keys, state)
        ids = self.store.ask(lambda client: client.zrange(key, start, start + size - 1), key)
        known = self.read([raw.decode(errors="surrogateescape") for raw in ids])
        return [orphan.becomes(state=state) for orphan in known]

    def _orphan(self, delivery: str, raw: bytes) -> Orphan | None:
        try:
            return Orphan.loads(raw)
        except (ValueError, TypeError, KeyError):
            complain(
                f"{ForeignValue.__doc__} Expected the orphan {delivery!r} in the hash {self.keys.orphans}, "
                f"got {raw[:80]!r}: it stays where it is."
            )
            return None
