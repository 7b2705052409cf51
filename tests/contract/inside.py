"""A `Worker(broker)` in the test's own process, with the ledger beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs
from assured_jobs.ledger import Ledger, Store

QUICK = {"heartbeat_interval": 0.5, "heartbeat_ttl": 3, "presence_grace": 0.7, "stall_ttl": 4}


def wait(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"waited in vain until {what}"
        sleep(0.01)


class Inside:
    """`gate` holds a job until the test lets it go."""

    def __init__(self, url: str, **settings) -> None:
        self.redis = redis.Redis.from_url(url)
        self.broker = RedisBroker(url=url)
        self.ours = AssuredJobs(**{**QUICK, **settings})
        self.broker.add_middleware(self.ours)
        self.ledger = Ledger(Store(self.redis, "assured_jobs", 5))
        self.gate = threading.Event()
        self.worker: dramatiq.Worker | None = None

    def start(self, threads: int = 1) -> None:
        self.worker = dramatiq.Worker(self.broker, worker_threads=threads, worker_timeout=100)
        self.worker.start()

    def actor(self, fn, **options):
        return dramatiq.actor(fn, broker=self.broker, **{"assured": True, **options})

    @property
    def side(self):
        return self.ours._side

    def running(self) -> int:
        return self.redis.hlen(self.ledger.keys.owners)

    def payloads(self) -> int:
        return sum(self.redis.hlen(f"dramatiq:{queue}.msgs") for queue in ("default", "default.DQ"))

    def actions(self) -> list[str]:
        return [told.action for told in self.ledger.chronicle.since()]

    def declare_dead(self) -> str:
        """By a person's word; returns the name that this process lost."""
        info = self.side.instance.info
        died = 0
        while not died:  # a heartbeat in between annuls it
            beat = int(self.redis.zscore(self.ledger.keys.alive, info.id))
            died = self.ledger.instances.declare_dead(
                info, beat=beat, older_than=0, absent=False, draining=False, cause="a test said so"
            )
        return info.id

    def stop(self) -> None:
        self.gate.set()
        if self.worker:
            self.worker.stop(timeout=5000)
            self.side.ledger.close()
        for client in (self.broker.client, self.redis, self.ledger.store.client):
            client.connection_pool.disconnect()
