"""A fleet made of ledger calls alone: no processes, so that every interleaving can be had."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from assured_jobs.entry import Death, Entry, InstanceInfo, Policy
from assured_jobs.judging import judge, order_of
from assured_jobs.ledger import Answer, Ending, Ledger, Order, Store

VICTIM = "victim"


@contextmanager
def subscribed(fleet: Fleet, info: InstanceInfo):
    """The instance's presence, for as long as the block lasts."""
    client = fleet.ledger.store.connect(single=True)
    channel = fleet.ledger.keys.presence(info.id)
    pubsub = client.pubsub()
    pubsub.subscribe(channel)
    pubsub.get_message(timeout=5)
    yield
    pubsub.close()
    client.close()
    deadline = time.monotonic() + 5
    while dict(fleet.redis.pubsub_numsub(channel))[channel.encode()]:
        assert time.monotonic() < deadline


class Fleet:
    def __init__(self, url: str) -> None:
        self.redis = redis.Redis.from_url(url)
        self.broker = RedisBroker(url=url, heartbeat_timeout=0, maintenance_chance=0)
        dramatiq.actor(lambda: None, actor_name="work", broker=self.broker)
        self.ledger = Ledger(Store(self.redis, "test", 5))
        self.queue = "default"
        self.message: dramatiq.Message | None = None
        self.info: InstanceInfo | None = None
        self.infos: dict[str, InstanceInfo] = {}

    def register(self, id: str, **changes) -> InstanceInfo:
        self.broker.broker_id = f"broker-of-{id}"
        fields = {
            "id": id, "host": "here", "pid": 1, "broker_id": self.broker.broker_id, "broker_namespace": "dramatiq",
            "queues": ("default", "default.DQ"), "assured": ("work",), "encoder": "JSONEncoder",
            "heartbeat_interval": 15.0, "heartbeat_ttl": 45.0, "presence_grace": 3.0, "stall_ttl": 180.0,
            "version": "0",
        }  # fmt: skip
        info = InstanceInfo(**{**fields, **changes})
        assert self.ledger.instances.register(info)
        self.infos[id] = info
        return info

    def beat(self, id: str, *, presence: bool, draining: bool) -> tuple[str, str, int]:
        info = self.ledger.instances.describe([id]).get(id) or self.infos[id]
        return self.ledger.instances.beat(info, presence=presence, draining=draining)

    def age(self, id: str, seconds: float) -> None:
        """Makes an instance's last heartbeat that much older."""
        self.redis.zincrby(self.ledger.keys.alive, -1000 * seconds, id)

    def send(self, **options) -> str:
        message = dramatiq.Message("default", "work", (), {}, options)
        self.message = self.broker.enqueue(message)
        return self.message.options["redis_message_id"]

    def fetch(self, info: InstanceInfo, most: int = 1) -> None:
        self.broker.broker_id = info.broker_id
        self.broker.do_fetch(self.queue, most)

    def entry_for(self, delivery: str, **policy) -> Entry:
        return Entry(delivery, self.message.message_id, "work", self.queue, Policy(**policy))

    def begin(self, info: InstanceInfo, delivery: str, **policy) -> Answer:
        answer, _ = self.ledger.deliveries.begin(info, self.entry_for(delivery, **policy), f"token-{info.id}")
        return answer

    def run_job(self, **policy) -> str:
        """The victim fetches a job and starts it."""
        self.info = self.register(VICTIM)
        delivery = self.send()
        self.fetch(self.info)
        assert self.begin(self.info, delivery, **policy).word == "run"
        return delivery

    def die(self, info: InstanceInfo | None = None, cause: str = "connection lost", draining: bool = False) -> Death:
        info = info or self.info
        beat = int(self.redis.zscore(self.ledger.keys.alive, info.id))
        assert self.ledger.instances.declare_dead(
            info, beat=beat, older_than=0, absent=True, draining=draining, cause=cause
        )
        return self.ledger.instances.deaths([info.id])[0]

    def die_with(self, *, started: bool, successor: str = "") -> str:
        """The victim dies with one delivery in its hands."""
        if started:
            delivery = self.run_job()
        else:
            self.info = self.register(VICTIM)
            delivery = self.send()
            self.fetch(self.info)
        if successor:
            note = "retry-id"
            self.ledger.deliveries.succeed(delivery, note, "dramatiq", "default")
            if successor == "enqueued":
                self.redis.hset("dramatiq:default.msgs", note, b"{}")
        self.die()
        return delivery

    def begin_successor(self, info: InstanceInfo, predecessor: str) -> None:
        """The retry runs elsewhere, under yet another id, and is done."""
        delivery = self.send()
        self.fetch(info)
        entry = self.entry_for(delivery)
        answer, _ = self.ledger.deliveries.begin(info, entry, "t", predecessor=predecessor)
        assert answer.word == "run"
        self.broker.do_ack(self.queue, delivery)
        self.redis.hdel("dramatiq:default.msgs", "retry-id")
        assert self.ledger.deliveries.finish((Ending(info, entry, "t", "ack"),)) == [True]

    def claim(self) -> list[str]:
        """One recoverer, judging and acting on what it finds."""
        death = Death(self.info, 2000, 1000, 2000, False, "connection lost")
        words = []
        for batch in self.ledger.estate.left_by(self.info):
            decisions = judge(self.ledger, death, batch)
            orders = [self._order(decision) for decision in decisions]
            words += self.ledger.estate.hand_back(death, batch[0].queue, orders)
        return words

    def _order(self, decision) -> Order:
        return order_of(decision)

    def native_maintenance(self) -> None:
        """Dramatiq takes every worker for dead."""
        broker = RedisBroker(client=self.redis, heartbeat_timeout=-1, maintenance_chance=1_000_000)
        broker.broker_id = f"maintainer-{random.random()}"
        broker.do_qsize(self.queue)

    def late_ack(self) -> None:
        broker = RedisBroker(client=self.redis, maintenance_chance=0)
        broker.broker_id = self.info.broker_id
        for delivery in self.redis.hkeys("dramatiq:default.msgs"):
            broker.do_ack(self.queue, delivery)

    def finish(self, delivery: str, outcome: str = "ack", token: str = f"token-{VICTIM}") -> list[bool]:
        return self.ledger.deliveries.finish((Ending(self.info, self.entry_for(delivery), token, outcome),))

    def drain(self) -> None:
        """Takes everything out of the queue, as a fetch of ids without payload does."""
        while self.redis.lpop("dramatiq:default"):
            pass

    def copies(self, delivery: str) -> int:
        """In how many deliverable places an id is."""
        keys = self.ledger.keys
        waiting = [self.redis.zscore(key, delivery) for key in (keys.deferred, keys.held, keys.released)]
        queued = self.redis.lrange("dramatiq:default", 0, -1).count(delivery.encode())
        return queued + sum(score is not None for score in waiting)

    def payload(self, delivery: str) -> bytes | None:
        return self.redis.hget("dramatiq:default.msgs", delivery)

    def entry(self, delivery: str) -> bytes | None:
        return self.redis.hget(self.ledger.keys.entries(self.info.id), delivery)

    def record(self):
        message_id = self.message.message_id
        return self.ledger.estate.records([message_id])[message_id]

    def leftovers(self) -> list[str]:
        """Keys about jobs that should be gone once a job is."""
        names = ("owners", "entries", "successors", "job:", "done:", "orphans", "custody:", "held", "deferred")
        return [key.decode() for key in self.redis.keys("{test}:*") if any(name in key.decode() for name in names)]
