"""One job in every place where a job can be, so that garbage under any key has something to spoil."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import dramatiq

from assured_jobs.entry import Entry, Policy
from assured_jobs.events import InstanceDied
from assured_jobs.ledger import Ending
from assured_jobs.orphans import Selection
from assured_jobs.orphans.running import Order, Running
from assured_jobs.recovery import Recovery
from garbage import Garbage
from scene import Scene

LIVING, VICTIM, PAST = "web-1.1.aaaa", "web-2.2.bbbb", "web-3.3.cccc"


class Nightmare(Scene):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.redis.flushall()
        self.ended: set[str] = set()
        self.messages: dict[str, str] = {}
        self.living = self.register(LIVING)
        self.ledger.instances.beat(self.living, presence=False, draining=False)
        self._fill_custody()
        self._fill_hands()
        self._fill_the_rest()
        self.ids = {id.decode() for id in self.redis.hkeys("dramatiq:default.msgs")}
        assert set(self.where()) == self.ids

    def _fill_custody(self) -> None:
        past = self.register(PAST)
        made = [self.start(past, n, policy=Policy(on_orphan="hold")) for n in range(6)]
        self.declare_dead(past)
        Recovery(self.ledger).run([PAST])
        held, deferred, released, discarded, due, _ = [delivery for _, delivery in made]
        self.messages = {delivery: message for message, delivery in made}
        self.ledger.custody.retry(self.ledger.custody.read([deferred, released, due]), "a test")
        soon = (time.time() + 3600) * 1000
        self.redis.zrem(self.keys.released, deferred, due)
        self.redis.zadd(self.keys.deferred, {deferred: soon, due: 1})
        self.ledger.custody.discard(self.ledger.custody.read([discarded]), "a test")
        self.held = held

    def _fill_hands(self) -> None:
        self.victim = self.register(VICTIM)
        self.ledger.instances.beat(self.victim, presence=False, draining=False)
        started = [self.start(self.victim, n) for n in range(3)]
        fetched = [self.send(n) for n in range(2)]
        for _, delivery in fetched:
            self.fetch(self.victim, delivery)
        self.messages |= {delivery: message for message, delivery in (*started, *fetched)}
        for message, _ in (*started, *fetched):
            self.redis.hset(self.keys.job(message), mapping={"crashes": 1, "limit": 0, "history": "[]"})
        self.ledger.deliveries.succeed(started[1][1], "a-retry", "dramatiq", "default")
        self.redis.sadd(self.keys.suspects(VICTIM), started[0][1])
        self.declare_dead(self.victim)
        running = self.start(self.living, "runs")
        waiting = [self.send(n) for n in range(2)]
        self.messages |= {delivery: message for message, delivery in (running, *waiting)}
        self.running, self.waiting = running[1], [delivery for _, delivery in waiting]

    def _fill_the_rest(self) -> None:
        self.ledger.tell(InstanceDied(VICTIM, "connection lost"))
        self.redis.set(self.keys.lease, LIVING, px=60_000)
        self.ledger.instances.tick(LIVING)
        order = Order("retry", Selection(), self.ledger.custody.now(), 1, exact=True)
        self.run_name = Running(self.ledger).begin(order, "a test").name

    def key(self, garbage: Garbage) -> str:
        """The one that is meant, of those that there are."""
        message = [*self.messages.values()][garbage.at % len(self.messages)]
        delivery = [*self.messages][garbage.at % len(self.messages)]
        instance = (VICTIM, LIVING)[garbage.at % 2]
        named = {
            "entries": instance, "suspects": instance, "job": message, "custody": message,
            "done": (*self.waiting, delivery)[garbage.at % 3], "probe": "0", "run": self.run_name,
        }  # fmt: skip
        found = getattr(self.keys, garbage.name)
        return found(named[garbage.name]) if garbage.name in named else found

    @contextmanager
    def spoilt(self, garbages: list[Garbage]) -> Iterator[None]:
        undo = [one.put(self.redis, self.key(one)) for one in garbages]
        yield
        for take_away in reversed(undo):
            take_away()

    def where(self) -> dict[str, list[str]]:
        """In which places each id is."""
        found: dict[str, list[str]] = {}
        for state in ("held", "deferred", "released"):
            for raw in self.redis.zrange(getattr(self.keys, state), 0, -1):
                found.setdefault(raw.decode(errors="replace"), []).append(state)
        for raw in self.redis.lrange("dramatiq:default", 0, -1):
            found.setdefault(raw.decode(), []).append("queue")
        for id in (LIVING, VICTIM, PAST):
            for raw in self.redis.smembers(f"dramatiq:__acks__.broker-of-{id}.default"):
                found.setdefault(raw.decode(), []).append(id)
        return found

    def assert_nothing_is_lost(self) -> None:
        """Each that has not ended has its payload, and is in one place."""
        where = {id: places for id, places in self.where().items() if id in self.ids}
        payloads = {id.decode() for id in self.redis.hkeys("dramatiq:default.msgs")} & self.ids
        assert payloads == self.ids - self.ended, "payloads of all that has not ended"
        assert {id: len(places) for id, places in where.items()} == dict.fromkeys(payloads, 1), where

    def assert_the_victims_jobs_are_back(self) -> None:
        assert not [id for id, places in self.where().items() if VICTIM in places]

    def forget_the_discarded(self) -> None:
        """A person has said of these that they are to be lost."""
        self.ended |= {raw.decode(errors="replace") for raw in self.redis.zrange(self.keys.discarded, 0, -1)} & self.ids

    def begin_and_finish(self) -> None:
        """The living one takes the next job, and ends it where it may."""
        raw = self.redis.lpop("dramatiq:default")
        if raw is None:
            return
        delivery = raw.decode()
        self.redis.sadd(f"dramatiq:__acks__.{self.living.broker_id}.default", delivery)
        entry = Entry(delivery, self.messages[delivery], self.actor, self.queue, Policy())
        answer, _ = self.ledger.deliveries.begin(self.living, entry, f"token-{delivery}")
        assert answer.word != "finished", "whose done marker is none is run"
        if answer.word != "run":
            return
        self.broker.broker_id = self.living.broker_id
        self.broker.do_ack("default", delivery)
        self.ended.add(delivery)
        self.ledger.deliveries.finish((Ending(self.living, entry, f"token-{delivery}", "ack"),))


def message(**fields: object) -> dramatiq.Message:
    return dramatiq.Message("default", "charge", (), {}, {}, **fields)
