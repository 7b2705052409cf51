"""One account is synchronised by one job at a time, also after a worker died in the middle.

Dramatiq's ConcurrentRateLimiter is a mutex with a time to live of 15 minutes. A killed worker cannot release it, so the
recovered job would be refused for as long. Each start that gets the mutex therefore leaves a note that names it, and
`before_hand_back` frees what the note of the dead start proves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.rate_limits import ConcurrentRateLimiter
from dramatiq.rate_limits.backends import RedisBackend

from assured_jobs import AssuredJobs, ConfirmedOrphan, current_job

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
client = redis.Redis.from_url(REDIS_URL)
backend = RedisBackend(client=client)


def mutex_of(account: str) -> ConcurrentRateLimiter:
    return ConcurrentRateLimiter(backend, f"account:{account}", limit=1)


def note_of(mutex: ConcurrentRateLimiter, fence: int) -> str:
    """The key that says: this start holds it. A fence is given out once, so nobody else's note can be meant."""
    return f"{mutex.key}:held-by:{fence}"


@contextmanager
def alone(account: str) -> Iterator[None]:
    mutex, fence = mutex_of(account), current_job().fence
    with mutex.acquire():  # raises RateLimitExceeded: Dramatiq tries again later
        client.set(note_of(mutex, fence), 1, px=mutex.ttl)
        try:
            yield
        finally:
            client.delete(note_of(mutex, fence))


def free_what_the_dead_held(orphan: ConfirmedOrphan) -> None:
    """Deleting the note is the proof and happens once: called twice, or after the job ran again, it frees nothing."""
    if orphan.actor == "sync_account" and orphan.args:
        mutex = mutex_of(orphan.args[0])
        if client.delete(note_of(mutex, orphan.fence)):
            backend.decr(mutex.key, 1, 0, mutex.ttl)


broker = RedisBroker(url=REDIS_URL)
broker.add_middleware(AssuredJobs(before_hand_back=free_what_the_dead_held))
dramatiq.set_broker(broker)


@dramatiq.actor(assured=True, min_backoff=1_000)
def sync_account(account: str, seconds: float = 10.0) -> None:
    with alone(account):
        print(f"{account}: started", flush=True)
        time.sleep(seconds)
        client.incr(f"synced:{account}")
        print(f"{account}: synchronised", flush=True)
