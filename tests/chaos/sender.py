"""Who sends: five kinds of jobs at a steady rate, each remembered by its number."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry


@dataclass
class Sent:
    """`certain` are in the broker; of `doubtful` nobody knows, since the connection broke in the sending."""

    kinds: dict[int, str] = field(default_factory=dict)
    message_ids: dict[int, str] = field(default_factory=dict)
    certain: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)


class Sender:
    def __init__(self, url: str, seed: int, rate: float) -> None:
        self.sent = Sent()
        self._chance = random.Random(f"sender {seed}")
        self._rate = rate
        # Without retries of its own: a message that was sent twice unnoticed would spoil the books.
        client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=5)
        self._broker = RedisBroker(client=client, middleware=[], maintenance_chance=0)
        self._broker.declare_queue("default")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> Sent:
        self._stop.set()
        self._thread.join()
        self._broker.close()
        return self.sent

    def _run(self) -> None:
        n = 0
        while not self._stop.wait(self._chance.expovariate(self._rate / 10)):
            for _ in range(10):
                n += 1
                self._send(n)

    def _send(self, n: int) -> None:
        chance, sent = self._chance, self.sent
        kind = chance.choices(["short", "long", "flaky", "delayed", "poison"], [700, 40, 120, 138, 2])[0]
        actor, args, delay = "errand", (n, chance.randint(0, 20)), None
        if kind == "long":
            args = (n, chance.randint(1_000, 6_000))
        elif kind == "flaky":
            actor, args = "flaky", (n, chance.randint(1, 3))
        elif kind == "delayed":
            delay = chance.randint(50, 6_000)
        elif kind == "poison":
            actor, args = "poison", (n,)
        message: dramatiq.Message = dramatiq.Message("default", actor, args, {}, {})
        sent.kinds[n], sent.message_ids[n] = kind, message.message_id
        try:
            self._broker.enqueue(message, delay=delay)
        except redis.RedisError:
            sent.doubtful.add(n)
        else:
            sent.certain.add(n)
