"""A chaos run: `python -m chaos.run --seconds 120 --seed 7`. Exit code 1 where the books do not balance."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import redis

from assured_jobs.demo.server import Server
from assured_jobs.ledger import Ledger, Store
from chaos.books import Books, Keeper
from chaos.diary import Diary
from chaos.effects import read_all
from chaos.faults import Faults
from chaos.fleet import Fleet
from chaos.sender import Sender
from chaos.story import Follower

#: How long everything may take to come to rest when the faults are over, in seconds, and more for each second of the
#: run: where poison kills a worker every other second, suspects pile up, and each of them runs alone.
DRAIN, MORE = 240.0, 0.75


class Chaos:
    def __init__(self, folder: Path, seed: int, rate: float = 100.0) -> None:
        self.folder, self.seed, self.rate = folder, seed, rate
        self.server = Server(durable=True)
        self.diary = Diary(folder / "diary")

    def run(self, seconds: float) -> Books:
        self.server.start()
        self.redis = redis.Redis.from_url(self.server.url)
        self.ledger = Ledger(Store(self.redis, "assured_jobs", 5))
        fleet = Fleet(self.server.url, self.folder, self.diary)
        follower = Follower(self.ledger)
        try:
            sender = Sender(self.server.url, self.seed, self.rate)
            faults = Faults(fleet, self.server, self.diary, self.seed)
            self._wait(lambda: self.redis.zcard(self.ledger.keys.alive), "a worker registers", 60)
            sender.start()
            faults.start()
            faults.wait(seconds)
            sent = sender.stop()
            faults.stop()
            self.diary.note("rest", "everybody")
            patience = DRAIN + MORE * seconds
            rests = self._wait(self._rests, "everything comes to rest", patience)
            told = follower.stop()
        finally:
            follower.stop()
            fleet.close()
        held = self.ledger.custody.page("held", 10_000)[0]
        books = Keeper(sent, read_all(self.folder), self.diary, told, held).keep()
        if faults.failure:
            books.wrong.append(f"the faults stopped: {faults.failure!r}")
        if not rests:
            books.wrong.append(f"it did not come to rest in {patience:g} s: {self._leftovers()}")
        if letters := self.redis.zcard("dramatiq:default.XQ"):
            books.wrong.append(f"{letters} dead letters, of jobs that all succeed in the end")
        return books

    def close(self) -> None:
        self.server.close()

    def _rests(self) -> bool:
        """Nothing is left but what is held for a person."""
        k = self.ledger.keys
        held = self.redis.zcard(k.held)
        payloads = self.redis.hlen("dramatiq:default.msgs") + self.redis.hlen("dramatiq:default.DQ.msgs")
        waiting = self.redis.zcard(k.deferred) + self.redis.zcard(k.released) + self.redis.hlen(k.owners)
        queued = self.redis.llen("dramatiq:default") + self.redis.llen("dramatiq:default.DQ")
        return payloads == held and waiting == 0 and queued == 0

    def _leftovers(self) -> dict[str, object]:
        """Where everything lies that is not held."""
        k, r = self.ledger.keys, self.redis
        held = set(r.zrange(k.held, 0, -1))
        names = sorted(r.keys("dramatiq:*") + r.keys("{assured_jobs}:entries:*"))
        found: dict[str, object] = {
            "payloads": (set(r.hkeys("dramatiq:default.msgs")) | set(r.hkeys("dramatiq:default.DQ.msgs"))) - held,
            "deferred": r.zrange(k.deferred, 0, -1),
            "owners": r.hgetall(k.owners),
            "alive": r.zrange(k.alive, 0, -1),
            "dead": r.zrange(k.dead, 0, -1),
        }
        for name in names:
            if b"__acks__" in name or r.type(name) == b"list":
                found[name.decode()] = r.smembers(name) if b"__acks__" in name else r.lrange(name, 0, 20)
            elif b"entries:" in name:
                found[name.decode()] = r.hkeys(name)
        return found

    def _wait(self, condition, what: str, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.diary.note(f"waited {seconds:g} s in vain until {what}", "everybody")
                return False
            time.sleep(0.1)
        return True


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=120)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--rate", type=float, default=100, help="jobs per second")
    options.add_argument("--folder", type=Path, default=None)
    told = options.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if told.seed is None else told.seed
    folder = told.folder or Path(tempfile.mkdtemp(prefix="assured-jobs-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Chaos for {told.seconds:g} s, seed {seed}. Logs, diary and effects: {folder}", flush=True)
    chaos = Chaos(folder, seed, told.rate)
    try:
        books = chaos.run(told.seconds)
    finally:
        chaos.close()
    print(books.told())
    verdict = "The books balance." if books.balance() else "THE BOOKS DO NOT BALANCE."
    print(f"{verdict} Seed {seed}.")
    return 0 if books.balance() else 1


if __name__ == "__main__":
    sys.exit(main())
