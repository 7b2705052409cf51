"""Where recovery is only observed: who would be dead, and what that would have cost whom. Nothing else changes."""

from __future__ import annotations

from ..entry import Death, InstanceInfo, dump_crashes
from .estate import Order
from .instances import ack_sets
from .keys import MEMORY, QueueKeys
from .store import Store

#: Who would be dead for so long, in ms, and has left nothing, is forgotten.
PATIENCE = 600_000


class Observed:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def ids(self) -> list[str]:
        """Every instance that would be dead."""
        rows = self.store.ask(lambda client: client.zrange(self.keys.observed, 0, -1), self.keys.observed)
        return [raw.decode(errors="surrogateescape") for raw in rows]

    def charge(self, death: Death, queue: str, orders: list[Order]) -> list[str]:
        """started -> (nobody's), and its crash counted. One word per order: see the script.

        If interrupted: each is charged once, or not yet.
        """
        k, info = self.keys, death.info
        msgs = QueueKeys(info.broker_namespace, queue).msgs
        keys = [k.alive, k.observed, k.entries(info.id), k.owners, k.successors, msgs]
        args: list[str | bytes | int] = [info.id, death.last_beat, MEMORY]
        for order in orders:
            keys.append(k.job(order.message_id))
            args += [order.left.delivery, order.left.raw_entry, order.charge, order.seen, dump_crashes(order.history)]
        return [word.decode() for word in self.store.run("observe", keys, args)]

    def end(self, info: InstanceInfo) -> str:
        """(observed dead) -> alive or forgotten: "lives", "gone" or "waits". If interrupted: asked again."""
        k = self.keys
        keys = [k.alive, k.observed, k.vitals, k.instances, k.entries(info.id), k.suspects(info.id), *ack_sets(info)]
        return str(self.store.run("unobserve", keys, [info.id, PATIENCE]).decode())
