"""Every transition of the ledger in every order Hypothesis can think of, on a real Redis, beside a model of one page.

After each step: what the model says of every delivery is so in Redis (I1, I2), and the fenced change nothing (I4).
"""

from __future__ import annotations

import os

import dramatiq
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from assured_jobs.entry import Entry, Orphan, Policy
from assured_jobs.judging import judge, order_of
from assured_jobs.ledger import Ending
from assured_jobs.recovery import Recovery
from dead import Fleet
from model import DEFERRED, HELD, QUEUE, RELEASED, Model, acks

CAP = 2
SLOTS = 3
AT = st.integers(0, 50)

#: So many at random; without it, always the same few.
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))


class LedgerMachine(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet(self.url)
        self.fleet.redis.flushall()
        self.ledger, self.redis = self.fleet.ledger, self.fleet.redis
        self.recovery = Recovery(self.ledger)
        self.model = Model(CAP)
        self.number = 0
        self.slots: list[str] = []
        self.names: list[str] = []  # every incarnation there ever was
        self.starts: list[tuple[str, str, str]] = []  # what somebody thinks he runs
        self.judged: list[tuple] = []  # verdicts somebody is about to act on
        self.retries: dict[str, list[str]] = {}  # delivery -> noted successors that may still be enqueued
        self.sent: dict[str, list[str]] = {}
        self.predecessors: dict[str, str] = {}
        for _ in range(SLOTS):
            self.slots.append(self._new_name())

    def teardown(self) -> None:
        self.fleet.broker.close()
        self.ledger.close()
        self.redis.close()

    def _fresh(self, what: str) -> str:
        self.number += 1
        return f"{what}{self.number}"

    def _new_name(self) -> str:
        name = self._fresh("i")
        self.fleet.register(name)
        self.model.lives[name] = "alive"
        self.names.append(name)
        return name

    def _info(self, name: str):
        return self.fleet.infos[name]

    def _entry(self, delivery: str) -> Entry:
        return Entry(delivery, self.model.message_of[delivery], "work", "default", Policy(max_crashes=CAP))

    def _orphan(self, name: str, delivery: str) -> Orphan:
        return Orphan(delivery, self.model.message_of[delivery], "work", "default", "dramatiq", name)

    def _deliveries(self) -> list[str]:
        """The latest ones: those still anywhere, and some that are gone."""
        return list(self.model.message_of)[-12:]

    def _in(self, *places: str) -> list[str]:
        return [delivery for delivery, place in self.model.places.items() if place in places]

    def _everything(self) -> dict[bytes, bytes | None]:
        return {key: self.redis.dump(key) for key in sorted(self.redis.keys("*")) if b"heartbeats" not in key}

    # Dramatiq's part

    @rule()
    def enqueue(self) -> None:
        self._enqueue(self._fresh("d"), self._fresh("m"))

    @rule(at=AT, jobs=st.integers(1, 3))
    def work(self, at: int, jobs: int) -> None:
        """The usual way, all at once: a living worker fetches and begins."""
        name = self.slots[at % SLOTS]
        if self.model.lives.get(name) != "alive":
            return
        if not self._in(QUEUE):
            self.enqueue()
        self._fetch(name, jobs)
        for delivery in self._in(acks(name)):
            if delivery not in self.model.owners:
                self._begin(name, delivery, self._fresh("t"))

    def _enqueue(self, delivery: str, message: str) -> None:
        payload = dramatiq.Message("default", "work", (), {}, {"redis_message_id": delivery}, message_id=message)
        self.fleet.broker.broker_id = "producer"
        self.fleet.broker.do_enqueue("default", delivery, payload.encode())
        self.model.enqueue(delivery, message)

    @rule(at=AT, most=st.integers(1, 3))
    def fetch(self, at: int, most: int) -> None:
        """Also by one that is dead and does not know it: a fetch under a name of old."""
        self._fetch((self.slots * 2 + self.names[-4:])[at % (2 * SLOTS + 4) - 1], most)

    def _fetch(self, name: str, most: int) -> None:
        heads = [raw.decode() for raw in self.redis.lrange("dramatiq:default", 0, most - 1)]
        self.fleet.fetch(self._info(name), most)
        for delivery in heads:
            assert self.model.places[delivery] == QUEUE
            self.model.places[delivery] = acks(name)

    @rule()
    def native_maintenance(self) -> None:
        robbed = [
            raw.decode().removeprefix("broker-of-") for raw in self.redis.zrange("dramatiq:__heartbeats__", 0, -1)
        ]
        queued = self.redis.llen("dramatiq:default")
        self.fleet.native_maintenance()
        for name in robbed:
            self.model.rob(name)
        # Redis has sets in an order of its own in each of its lives: the same choices would lead elsewhere.
        put_back = sorted(self.redis.lrange("dramatiq:default", queued, -1), key=_age)
        self.redis.ltrim("dramatiq:default", 0, queued - 1) if queued else self.redis.delete("dramatiq:default")
        for raw in put_back:
            self.redis.rpush("dramatiq:default", raw)

    @rule(at=AT, reject=st.booleans())
    def ack(self, at: int, reject: bool) -> None:
        """Of one who ran it, whoever owns it by now. A failed job's ack after its retry is `retry`'s."""
        if not self.starts:
            return
        name, delivery, _ = self.starts[at % len(self.starts)]
        self.fleet.broker.broker_id = self._info(name).broker_id
        (self.fleet.broker.do_nack if reject else self.fleet.broker.do_ack)("default", delivery)
        self.model.ack(name, delivery, final=True)

    # Of the living, and of those who think so

    @rule(at=AT)
    def begin(self, at: int) -> None:
        held = [(name, one) for name in self.names for one in self._in(acks(name))]
        if held:
            name, delivery = held[at % len(held)]
            self._begin(name, delivery, self._fresh("t"))

    @rule(who=AT, what=AT)
    def begin_anything(self, who: int, what: int) -> None:
        if latest := self._deliveries():
            name, delivery = self.names[who % len(self.names)], latest[what % len(latest)]
            self._begin(name, delivery, self._fresh("t"))

    @rule(at=AT, again=st.booleans())
    def begin_twice(self, at: int, again: bool) -> None:
        """The reply was lost, or the store's memory."""
        if not self.starts:
            return
        name, delivery, token = self.starts[at % len(self.starts)]
        self._begin(name, delivery, token, again=again)

    def _begin(self, name: str, delivery: str, token: str, *, again: bool = False) -> None:
        before = self._everything() if self.model.lives.get(name) != "alive" else None
        predecessor = self.predecessors.get(delivery, "")
        answer, _ = self.ledger.deliveries.begin(
            self._info(name), self._entry(delivery), token, predecessor=predecessor, again=again
        )
        expected = self.model.begin(name, delivery, token, predecessor, again=again)
        note(f"begin {name} {delivery} -> {answer.word}")
        assert answer.word == expected
        assert before is None or before == self._everything(), "the fenced change nothing"
        if answer.word == "run" and (name, delivery, token) not in self.starts:
            self.starts.append((name, delivery, token))
        elif answer.word == "hold":
            held = self._orphan(name, delivery).becomes(state="held", crash_count=answer.crashes)
            assert self.ledger.deliveries.hold(self._info(name), held) == self.model.set_aside(name, delivery, HELD)
        elif answer.word == "wait":
            waits = self._orphan(name, delivery).becomes(state="deferred")
            done = self.ledger.deliveries.defer(self._info(name), waits, 1.0)
            assert done == self.model.set_aside(name, delivery, DEFERRED)

    @rule(at=AT, how=st.sampled_from(["ack", "nack", "again"]), forget=st.booleans())
    def finish(self, at: int, how: str, forget: bool) -> None:
        if not self.starts:
            return
        name, delivery, token = self.starts[at % len(self.starts)]
        self._finish(name, delivery, token, how)
        if forget:
            self.starts.remove((name, delivery, token))

    def _finish(self, name: str, delivery: str, token: str, how: str) -> None:
        before = self._everything() if self.model.lives.get(name) != "alive" else None
        sent = self.sent.get(token, [])
        ending = Ending(self._info(name), self._entry(delivery), token, how, tuple((one, "default") for one in sent))
        [accepted] = self.ledger.deliveries.finish((ending,))
        assert accepted == self.model.finish(name, delivery, token, how, sent)
        assert before is None or before == self._everything(), "the fenced change nothing"

    @rule(at=AT, until=st.sampled_from(["noted", "enqueued", "acked", "finished"]))
    def retry(self, at: int, until: str) -> None:
        """It raised, and Retries enqueues it again; its process may die between any two steps."""
        if not self.starts:
            return
        name, delivery, token = self.starts[at % len(self.starts)]
        if self.model.lives.get(name) != "alive" or self.model.owners.get(delivery) != (name, token):
            return  # before_enqueue asks, and refuses
        if token in self.sent:
            return  # Retries enqueues once
        successor = self._fresh("d")
        self.predecessors[successor] = delivery
        self.sent.setdefault(token, []).append(successor)
        assert self.ledger.deliveries.succeed(delivery, successor, "dramatiq", "default")
        if self.model.noted.get(delivery) != "begun":
            self.model.noted.setdefault(delivery, []).append(successor)
        if until == "noted":
            self.model.message_of[successor] = self.model.message_of[delivery]
            return
        self._enqueue(successor, self.model.message_of[delivery])
        if until == "enqueued":
            return
        self.fleet.broker.broker_id = self._info(name).broker_id
        self.fleet.broker.do_ack("default", delivery)
        self.model.ack(name, delivery, final=False)
        if until == "finished":
            self._finish(name, delivery, token, "retry")
            self.starts.remove((name, delivery, token))

    @rule(at=AT)
    def put_back(self, at: int) -> None:
        held = [(name, one) for name in self.names for one in self._in(acks(name))]
        if held:
            name, delivery = held[at % len(held)]
            done = self.ledger.deliveries.put_back(self._info(name), "default", delivery)
            assert done == self.model.put_back(name, delivery)

    # Of life and death

    @rule(at=AT)
    def beat(self, at: int) -> None:
        name = self.names[at % len(self.names)]
        word, _, fetched = self.ledger.instances.beat(self._info(name), presence=True, draining=False)
        lives = self.model.lives.get(name)
        assert word == {"alive": "alive", None: "unknown"}.get(lives, "fenced")
        assert word != "alive" or fetched == len(self._in(acks(name)))

    @rule(at=AT)
    def register(self, at: int) -> None:
        """As somebody does who finds himself unknown, or who wakes: whoever is dead looks back once."""
        name = self.names[at % len(self.names)]
        alive = self.ledger.instances.register(self._info(name))
        assert alive == (self.model.lives.get(name) in ("alive", None))
        self.model.lives.setdefault(name, "alive")
        if not alive:
            assert self.ledger.instances.reopen(name)
            self.model.lives[name] = "dead"

    @rule(at=AT, pause=st.booleans())
    def declare_dead(self, at: int, pause: bool) -> None:
        """It is killed, and replaced; or it is paused, and learns nothing of it yet."""
        busy = [
            slot
            for slot, name in enumerate(self.slots)
            if any(owner == name for owner, _ in self.model.owners.values())
        ]
        slot = busy[at % len(busy)] if busy else at % SLOTS
        name = self.slots[slot]
        beat = self.redis.zscore(self.ledger.keys.alive, name)
        died = self.ledger.instances.declare_dead(
            self._info(name), beat=int(beat or 0), older_than=0, absent=True, draining=False, cause="connection lost"
        )
        assert bool(died) == self.model.die(name)
        self.slots[slot] = self._new_name()
        if not pause:
            self.starts = [start for start in self.starts if start[0] != name]

    @rule(at=AT)
    def bury(self, at: int) -> None:
        name = self.names[at % len(self.names)]
        if self.model.lives.get(name) == "dead":
            self.redis.zincrby(self.ledger.keys.dead, -20_000, name)
        assert self.ledger.instances.bury(self._info(name)) == self.model.bury(name)

    @rule(at=AT)
    def kill_and_recover(self, at: int) -> None:
        self.declare_dead(at, pause=False)
        self.recover(at)

    @rule(at=AT)
    def recover(self, at: int) -> None:
        """One whole pass over one of the dead."""
        before = len(self.judged)
        self.judge(at)
        for _ in range(len(self.judged) - before):
            self.hand_back(len(self.judged) - 1, keep=False)

    @rule(at=AT)
    def judge(self, at: int) -> None:
        owed = set(self.model.places.values()) | {acks(name) for name, _ in self.model.owners.values()}
        dead = [name for name, life in self.model.lives.items() if life == "dead" and acks(name) in owed]
        if not dead:
            return
        name = dead[at % len(dead)]
        [death] = self.ledger.instances.deaths([name])
        batches = self.ledger.estate.left_by(self._info(name))
        orders = [order_of(one) for batch in batches for one in judge(self.ledger, death, batch)]
        orders.sort(key=lambda order: _age(order.left.delivery))
        self.judged += [(death, order) for order in orders if order.action != "leave"]

    @rule(at=AT, keep=st.booleans())
    def hand_back(self, at: int, keep: bool) -> None:
        """Of one delivery, perhaps long after it was judged, perhaps for the second time."""
        if not self.judged:
            return
        death, order = self.judged[at % len(self.judged)]
        if not keep:
            self.judged.remove((death, order))
        [word] = self.ledger.estate.hand_back(death, "default", [order])
        seen = order.left.token if order.left.entry else None
        expected = self.model.hand_back(
            death.info.id, order.left.delivery, seen=seen, action=order.action, charge=order.charge, count=order.seen
        )
        assert word == expected

    # Of what waits, and of people

    @rule(only=st.booleans())
    def release(self, only: bool) -> None:
        """What is due: time passes for all that is deferred, or only the released come back."""
        waiting = self._in(RELEASED) if only else self._in(DEFERRED, RELEASED)
        if not only:
            for delivery in self._in(DEFERRED):
                self.redis.zadd(self.ledger.keys.deferred, {delivery: 1})
        orphans = self.ledger.custody.read(waiting)
        assert len(orphans) == len(waiting)
        if orphans:
            claims = self.ledger.custody.claim(orphans, 30)
            assert all(claims)
            held = {one.delivery: until for one, until in zip(orphans, claims, strict=True)}
            assert set(self.ledger.custody.release(orphans, {})) == {"waiting"}, "claimed by another hand"
            words = self.ledger.custody.release(orphans, held)
            assert words == [self.model.release(one.delivery) for one in orphans]

    @rule(at=AT, verb=st.sampled_from(["retry", "retry", "discard"]))
    def decide(self, at: int, verb: str) -> None:
        """A person, who may have looked at the list some time ago."""
        waiting = self._in(HELD, DEFERRED, RELEASED)
        if not waiting:
            return
        delivery = waiting[at % len(waiting)]
        [orphan] = self.ledger.custody.read([delivery])
        if verb == "retry":
            assert self.ledger.custody.retry([orphan], "a test") == [self.model.retry(delivery, orphan.crash_count)]
        else:
            assert self.ledger.custody.discard([orphan], "a test") == [self.model.discard(delivery)]

    @rule(sure=st.integers(0, 3))
    def lose_everything(self, sure: int) -> None:
        """The store comes back empty."""
        if sure == 3 and self.number > 40:
            self.redis.flushall()
            self.model.lose_everything()
            self.judged.clear()

    @invariant()
    def redis_is_as_the_model_says(self) -> None:
        model, keys = self.model, self.ledger.keys
        pipe = self.redis.pipeline(transaction=True)
        pipe.lrange("dramatiq:default", 0, -1).hkeys("dramatiq:default.msgs").hgetall(keys.owners)
        for key in (keys.deferred, keys.held, keys.released):
            pipe.zrange(key, 0, -1)
        for name in self.names:
            pipe.smembers(self._acks_key(name))
        queue, payloads, owners, deferred, held, released, *fetched = pipe.execute()
        found: dict[str, list[str]] = {}
        named = [(QUEUE, queue), (DEFERRED, deferred), (HELD, held), (RELEASED, released)]
        for place, ids in [*named, *((acks(name), ids) for name, ids in zip(self.names, fetched, strict=True))]:
            for raw in ids:
                found.setdefault(raw.decode(), []).append(place)
        assert found == {delivery: [place] for delivery, place in model.places.items()}, "each in exactly one place"
        assert {raw.decode() for raw in payloads} == model.payloads
        assert {k.decode(): tuple(v.decode().split()[:2]) for k, v in owners.items()} == model.owners

    @invariant()
    def nothing_is_lost_and_nothing_is_doubled(self) -> None:
        """Of each message that has not ended: one delivery that leads on to it. A retry that was enqueued leads on in
        the place of its predecessor, which is settled whenever somebody comes to it."""
        model = self.model
        assert model.payloads <= set(model.places), "a payload that nothing leads to"
        leading: dict[str, list[str]] = {}
        for delivery in model.payloads:
            overtaken = delivery in model.owners and model.retry_under_way(delivery)
            if delivery not in model.done and not overtaken:
                leading.setdefault(model.message_of[delivery], []).append(delivery)
        doubled = {message: copies for message, copies in leading.items() if len(copies) > 1}
        assert not doubled
        # Those whose retry is under way and over: their entry still has to be settled, and starts nothing.
        unfinished = {model.message_of[one] for one in model.payloads} - model.ended
        assert all(message in leading or self._is_overtaken(message) for message in unfinished)

    def _is_overtaken(self, message: str) -> bool:
        return any(self.model.retry_under_way(one) for one in self.model.copies_of(message))

    def _acks_key(self, name: str) -> str:
        return f"dramatiq:__acks__.{self._info(name).broker_id}.default"


def _age(delivery: bytes | str) -> int:
    return int(delivery[1:])


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_order_of_transitions_keeps_one_copy_of_every_job(own_server) -> None:
    LedgerMachine.url = own_server(durable=False).url  # where no worker of an earlier test still fetches
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=EXAMPLES or 200, derandomize=not EXAMPLES, stateful_step_count=60, print_blob=True,
            deadline=None, suppress_health_check=list(HealthCheck), phases=[p for p in Phase if p is not Phase.explain],
        ),
    )  # fmt: skip
