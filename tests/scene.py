"""A fleet made of ledger calls alone, for tests of what an operator sees and does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import dramatiq
import redis
from click.testing import CliRunner, Result
from dramatiq.brokers.redis import RedisBroker

from assured_jobs.cli import main
from assured_jobs.entry import Entry, InstanceInfo, Policy
from assured_jobs.ledger import Ledger, Store
from assured_jobs.recovery import Recovery

NAMESPACE = "night"


class Scene:
    """A fleet made of ledger calls alone, and the command line beside it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.redis = redis.Redis.from_url(url)
        self.ledger = Ledger(Store(self.redis, NAMESPACE, 5))
        self.keys = self.ledger.keys
        self.broker = RedisBroker(client=self.redis, maintenance_chance=0, middleware=[])
        self.presences: dict[str, Any] = {}
        self.actor, self.queue = "charge", "default"  # whose jobs are made from here on

    def run(self, *args: str, **more: Any) -> Result:
        """The command line, on this Redis, in this namespace."""
        return CliRunner().invoke(main, ["--url", self.url, "--namespace", NAMESPACE, *args], **more)

    def json(self, *args: str) -> Any:
        result = self.run(*args, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def register(self, id: str, *, present: bool = False, draining: bool = False, **changes: Any) -> InstanceInfo:
        fields = {
            "id": id, "host": "node-7", "pid": 4711, "broker_id": f"broker-of-{id}", "broker_namespace": "dramatiq",
            "queues": (self.queue, f"{self.queue}.DQ"), "assured": (self.actor,), "encoder": "JSONEncoder",
            "heartbeat_interval": 15.0, "heartbeat_ttl": 45.0, "presence_grace": 0.5, "stall_ttl": 180.0,
            "version": "0.1.0",
        }  # fmt: skip
        info = InstanceInfo(**{**fields, **changes})
        assert self.ledger.instances.register(info)
        if present:
            pubsub = self.presences[id] = self.redis.pubsub()
            pubsub.subscribe(self.keys.presence(id))
            assert pubsub.get_message(timeout=5)["type"] == "subscribe"
            assert self.ledger.instances.beat(info, presence=True, draining=draining)[1] != "-"
        return info

    def lose_connection(self, info: InstanceInfo) -> None:
        """As the kernel does it when the process is killed."""
        self.presences.pop(info.id).close()
        until(lambda: not dict(self.redis.pubsub_numsub(self.keys.presence(info.id)))[self.presence(info)])

    def presence(self, info: InstanceInfo) -> bytes:
        return self.keys.presence(info.id).encode()

    def age_heartbeat(self, info: InstanceInfo, seconds: float) -> None:
        self.redis.zincrby(self.keys.alive, -seconds * 1000, info.id)
        until(
            lambda: self.redis.info("server")["uptime_in_seconds"] >= min(seconds, 1)
        )  # no beat is older than the store

    def send(self, *args: Any, **kwargs: Any) -> tuple[str, str]:
        """Message id and delivery of a message that waits in its queue."""
        message = self.broker.enqueue(dramatiq.Message(self.queue, self.actor, args, kwargs, {}))
        return message.message_id, message.options["redis_message_id"]

    def fetch(self, info: InstanceInfo, delivery: str) -> None:
        assert self.redis.lrem(f"dramatiq:{self.queue}", 1, delivery) == 1
        self.redis.sadd(f"dramatiq:__acks__.{info.broker_id}.{self.queue}", delivery)

    def start(self, info: InstanceInfo, *args: Any, policy: Policy | None = None, **kwargs: Any) -> tuple[str, str]:
        """A job that runs on that instance."""
        message_id, delivery = self.send(*args, **kwargs)
        self.start_as(info, message_id, delivery, policy)
        return message_id, delivery

    def start_as(self, info: InstanceInfo, message_id: str, delivery: str, policy: Policy | None = None) -> None:
        self.fetch(info, delivery)
        entry = Entry(delivery, message_id, self.actor, self.queue, policy or Policy())
        answer, _ = self.ledger.deliveries.begin(info, entry, f"token-{delivery}")
        assert answer.word == "run"

    def declare_dead(self, info: InstanceInfo, *, draining: bool = False) -> None:
        beat = int(self.redis.zscore(self.keys.alive, info.id))
        assert self.ledger.instances.declare_dead(
            info, beat=beat, older_than=0, absent=False, draining=draining, cause="connection lost"
        )

    def orphan(self, *args: Any, worker: str = "web-1.4711.aaaa", **kwargs: Any) -> tuple[str, str]:
        """A job that ran on a worker which is dead by now, and which nobody has judged."""
        info = self.register(worker)
        ids = self.start(info, *args, **kwargs)
        self.declare_dead(info)
        return ids

    def hold(
        self,
        *args: Any,
        worker: str = "web-1.4711.aaaa",
        number: int = 1,
        policy: Policy | None = None,
        has_hook: bool = False,
        **kwargs: Any,
    ) -> list[tuple[str, str]]:
        """Jobs that are held because their worker died with them."""
        info = self.register(worker, has_hook=has_hook)
        chosen = policy or Policy(on_orphan="hold")
        made = [self.start(info, *args, policy=chosen, **kwargs) for _ in range(number)]
        self.declare_dead(info)
        Recovery(self.ledger).run([worker])
        assert all(self.redis.zscore(self.keys.held, delivery) for _, delivery in made)
        return made

    def defer(self, *args: Any, worker: str = "web-2.4712.bbbb", **info: Any) -> tuple[str, str]:
        """A job that has crashed before, and waits for an hour now."""
        held_up = self.register(worker, **info)
        message_id, delivery = self.start(held_up, *args, policy=Policy(max_crashes=9))
        self.redis.hset(self.keys.job(message_id), "crashes", 6)
        self.declare_dead(held_up)
        Recovery(self.ledger).run([worker])
        assert self.redis.zadd(self.keys.deferred, {delivery: (time.time() + 3600) * 1000}, xx=True, ch=True)
        return message_id, delivery

    def queued(self) -> list[str]:
        return [id.decode() for id in self.redis.lrange(f"dramatiq:{self.queue}", 0, -1)]

    def payload(self, delivery: str) -> bytes | None:
        return self.redis.hget("dramatiq:default.msgs", delivery)

    def everything(self) -> dict[bytes, Any]:
        """All that Redis holds, by value: a hash that is only read may be dumped in another order."""
        read = {
            b"string": self.redis.get,
            b"hash": self.redis.hgetall,
            b"set": self.redis.smembers,
            b"list": lambda key: self.redis.lrange(key, 0, -1),
            b"zset": lambda key: self.redis.zrange(key, 0, -1, withscores=True),
            b"stream": self.redis.xrange,
        }
        return {key: read[self.redis.type(key)](key) for key in self.redis.scan_iter()}

    def close(self) -> None:
        for pubsub in self.presences.values():
            pubsub.close()
        self.ledger.close()
        self.redis.close()


def until(condition: Callable[[], Any], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
