"""Sample orphans of every state, made by the ledger's own calls: what `demo --web` and the pictures show.

Nobody is killed here: workers are registered, begin jobs, and are declared dead. Only the clock is cheated, so that it
looks as if it had happened in the last hours.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from ..entry import Entry, InstanceInfo, Orphan, Policy
from ..events import OrphanSettled
from ..lease import Lease
from ..ledger import Ledger, Store
from ..ledger.connecting import client_of
from ..ledger.keys import QueueKeys
from ..recovery import Recovery, Report
from ..signs import Signs
from ..ticker import Ticker
from .cast import HELD, LIVING, RUNNING

MINUTE = 60_000

_MIB = 2**20


class Samples:
    """A fleet in one namespace on one Redis. `fire`: what the dead held is not judged yet, and one is stalled."""

    def __init__(self, url: str, namespace: str) -> None:
        self.broker = RedisBroker(client=client_of(url), namespace=f"{namespace}-queues", middleware=[])
        self.ledger = Ledger(Store.from_url(url, namespace, 5.0))
        self.presences: list[Any] = []
        self.living: list[InstanceInfo] = []
        self.settled: list[str] = []
        self._ticker: Ticker | None = None

    def make(self, *, fire: bool = True) -> None:
        self._history()
        alive = [self.worker(f"shop-worker-6d9f7c-{name}", queues) for name, queues in LIVING]
        for number, (info, (actor, queue, call)) in enumerate(zip([*alive, *alive], RUNNING, strict=False)):
            self.start(info, actor, queue, **call, step=number)
        for age, host, queue, actor, policy, call in HELD:
            self.hold(host, actor, queue, age=age, policy=policy, **call)
        self._others()
        if fire:
            self._fire()
        self._beat(alive)

    def keep_alive(self) -> None:
        """Beats for the living, and watches in their name, until `close`: what is retried goes into its queue."""
        self._ticker = Ticker("samples", 1.0, self._tick)
        self._ticker.start()

    def _tick(self) -> None:
        self._beat(self.living)
        recovery = Recovery(self.ledger)
        recovery.run(self.settled)
        recovery.release_due(Report())

    def close(self) -> None:
        if self._ticker:
            self._ticker.stop(5)
        for presence in self.presences:
            presence.close()
        self.ledger.close()
        self.broker.client.close()

    def worker(
        self, label: str, queues: tuple[str, ...] = ("default",), *, present: bool = True, **changes: Any
    ) -> InstanceInfo:
        names = tuple(name for queue in queues for name in (queue, f"{queue}.DQ"))
        info = replace(
            InstanceInfo(
                id=f"{label}.1.{uuid4().hex[:8]}", host=f"node-{len(label) % 5 + 1}", pid=1, broker_id=uuid4().hex,
                broker_namespace=self.broker.namespace, queues=names, assured=(), encoder="JSONEncoder",
                heartbeat_interval=15.0, heartbeat_ttl=45.0, presence_grace=3.0, stall_ttl=180.0, version="0.1.0",
            ), **changes,
        )  # fmt: skip
        self.ledger.instances.register(info)
        if present:
            presence = self.ledger.store.connect(single=True).pubsub()
            presence.subscribe(self.ledger.keys.presence(info.id))
            presence.get_message(timeout=5)
            self.presences.append(presence)
            self.living.append(info)
        return info

    def start(
        self, info: InstanceInfo, actor: str, queue: str, *args: Any, policy: Policy | None = None, step: int = 0,
        traceback: str = "", **kwargs: Any,
    ) -> str:  # fmt: skip
        """A job that runs there. Returns its delivery."""
        options = {"retries": 1, "traceback": traceback} if traceback else {}
        self.broker.declare_queue(queue)
        message: dramatiq.Message[None] = self.broker.enqueue(dramatiq.Message(queue, actor, args, kwargs, options))
        delivery = str(message.options["redis_message_id"])
        keys = QueueKeys(self.broker.namespace, queue)
        self.ledger.store.ask(lambda client: client.lrem(keys.queue, 1, delivery))
        self.ledger.store.ask(lambda client: client.sadd(keys.acks(info.broker_id), delivery))
        entry = Entry(delivery, message.message_id, actor, queue, policy or Policy())
        self.ledger.deliveries.begin(info, entry, f"{step}-{delivery}")
        return delivery

    def hold(self, host: str, actor: str, queue: str, *, age: int, policy: Policy, **call: Any) -> Orphan:
        """A job that is held since its worker died, as if that had been `age` minutes ago."""
        info = self.worker(host, (queue,), present=False)
        delivery = self.start(info, actor, queue, policy=policy, **call)
        self._die(info, Signs(3600.0 + 60 * age, 700 * _MIB))
        Recovery(self.ledger).run([info.id])
        return self._backdate(delivery, age)

    def _others(self) -> None:
        """One that is deferred, released, discarded, and one whose payload nobody can read."""
        waits = self.worker("shop-worker-5c8b4-q7t", ("mail",), present=False, has_hook=True)
        later = self.start(waits, "send_newsletter", "mail", list_id=7, segment="autumn", policy=Policy(max_crashes=9))
        again = self.start(waits, "sync_account", "mail", account="acme", policy=Policy(on_orphan="hold"))
        gone = self.start(waits, "resize_image", "mail", path="uploads/9921.png", policy=Policy(on_orphan="hold"))
        message_id = self._message_id(waits, later)
        self.ledger.store.ask(lambda client: client.hset(self.ledger.keys.job(message_id), "crashes", 6))
        self._die(waits)
        Recovery(self.ledger).run([waits.id])
        custody = self.ledger.custody
        custody.retry(custody.read([again]), "ann")
        custody.discard(custody.read([gone]), "ann")
        garbled = self.worker("shop-worker-5c8b4-zz1", ("default",), present=False)
        delivery = self.start(garbled, "import_rows", "default", policy=Policy(on_orphan="hold"))
        msgs = QueueKeys(self.broker.namespace, "default").msgs
        self.ledger.store.ask(lambda client: client.hset(msgs, delivery, b"\x80\x04\x95 not JSON"))
        self._die(garbled)
        Recovery(self.ledger).run([garbled.id])

    def _fire(self) -> None:
        """A worker that died with jobs which nobody has judged, and one that does not beat."""
        dead = self.worker("shop-worker-6d9f7c-x2b", ("payments",), present=False)
        for number in range(3):
            self.start(dead, "charge_card", "payments", payment_id=88120 + number, token="tok_4711")
        self._die(dead)
        self.settled.remove(dead.id)
        stalled = self.worker(
            "shop-worker-6d9f7c-h4p", ("reports",), heartbeat_interval=1.0, heartbeat_ttl=2.0, stall_ttl=86400.0
        )
        self.start(stalled, "render_report", "reports", report="year-end", rows=2_000_000)
        self._beat([stalled])
        self.living.remove(stalled)

    def _die(self, info: InstanceInfo, signs: Signs | None = None) -> None:
        self.ledger.instances.beat(info, presence=False, draining=False, signs=signs or Signs(5400.0, 380 * _MIB))
        scored = self.ledger.store.ask(lambda client: client.zscore(self.ledger.keys.alive, info.id))
        self.settled.append(info.id)
        self.ledger.instances.declare_dead(
            info, beat=int(scored), older_than=0, absent=False, draining=False, cause="connection lost"
        )

    def _beat(self, living: list[InstanceInfo]) -> None:
        for number, info in enumerate(living):
            signs = Signs(7200.0 + 913 * number + time.monotonic() % 3600, (310 + 40 * number) * _MIB)
            self.ledger.instances.beat(info, presence=True, draining=False, signs=signs)
        if living:
            Lease(self.ledger.store, living[0].id, 300.0, 45.0).obtain()
            self.ledger.instances.tick(living[0].id)

    def _message_id(self, info: InstanceInfo, delivery: str) -> str:
        return self.ledger.estate.entries(info.id)[delivery][0].message_id

    def _backdate(self, delivery: str, minutes: int) -> Orphan:
        by = minutes * MINUTE
        orphan = self.ledger.custody.read([delivery])[0]
        crashes = tuple(
            replace(
                one,
                died_at=one.died_at - by,
                started_at=one.started_at - by - 4 * MINUTE,
                last_seen=one.last_seen - by - 9000,
                ran_at_least=231.0,
                ran_at_most=240.0,
            )
            for one in orphan.crashes
        )
        older = orphan.becomes(
            orphaned_at=(orphan.orphaned_at or by) - by,
            started_at=(orphan.started_at or by) - by - 4 * MINUTE,
            crashes=crashes,
        )
        since = (orphan.since or by) - by
        keys = self.ledger.keys
        self.ledger.store.ask(lambda client: client.hset(keys.orphans, delivery, f"{since} {older.dumps()}"))
        self.ledger.store.ask(lambda client: client.zadd(keys.held, {delivery: since}))
        return older

    def _history(self) -> None:
        """What came back in the last hour: a deploy half an hour ago, and a little all the time."""
        now = self.ledger.custody.now()
        for minute in range(59, 0, -1):
            number = {34: 9, 33: 14, 32: 6, 12: 4}.get(minute, int(minute % 7 == 0))
            for one in range(number):
                outcome = "held" if one % 5 == 4 else "handed_back"  # noqa: PLR2004 - a fifth of them
                told = OrphanSettled(
                    str(uuid4()),
                    "send_invoice",
                    "mail",
                    f"shop-worker-5c8b4-{minute:02}.1.0a1b2c3d",
                    outcome,
                    "its worker died",
                    1,
                )
                self._tell(now - minute * MINUTE + one * 100, told)

    def _tell(self, at: int, told: OrphanSettled) -> None:
        row = {"action": told.action, "fact": json.dumps(told.fact())}
        self.ledger.store.ask(lambda client: client.xadd(self.ledger.keys.events, row, id=f"{at}-0"))
