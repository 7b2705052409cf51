"""The hand-back script alone, against everybody who may race for the same delivery."""

from __future__ import annotations

import random
import re
import threading
from itertools import pairwise

import pytest

from assured_jobs.errors import ForeignValue
from assured_jobs.judging import judge, order_of
from assured_jobs.recovery import Recovery, Report
from dead import Fleet


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


@pytest.mark.parametrize("seed", range(4))
def test_claimers_native_passes_and_late_acks_leave_one_copy_or_a_finished_job(fleet: Fleet, seed: int) -> None:
    chance = random.Random(seed)
    endings = {"acked": 0, "handed back": 0, "native": 0}
    for _ in range(100):
        fleet.redis.flushall()
        started = chance.random() < 0.5
        delivery = fleet.die_with(started=started)
        racers = [fleet.claim] * 2 + [fleet.native_maintenance] * chance.randint(0, 2)
        if chance.random() < 0.5:
            racers.append(fleet.late_ack)
        chance.shuffle(racers)
        _race(racers, chance)

        copies = fleet.copies(delivery)
        if fleet.payload(delivery) is None:
            endings["acked"] += 1
            fleet.drain()
            assert fleet.copies(delivery) == 0
        else:
            assert copies == 1
            endings["native" if fleet.entry(delivery) else "handed back"] += 1
    assert min(endings["acked"], endings["handed back"]) > 0, endings


def _race(racers, chance: random.Random) -> None:
    barrier = threading.Barrier(len(racers))
    failures = []

    def run(racer) -> None:
        barrier.wait()
        try:
            racer()
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=run, args=(racer,)) for racer in racers]
    chance.shuffle(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_job_someone_else_put_back_goes_through_its_dead_owner_when_fetched(fleet: Fleet) -> None:
    delivery = fleet.die_with(started=True)
    fleet.native_maintenance()
    assert fleet.claim() == ["elsewhere"]

    taker = fleet.register("taker")
    fleet.fetch(taker)
    assert fleet.begin(taker, delivery).word == "taken"
    assert fleet.claim() == ["handed_back"]
    assert fleet.copies(delivery) == 1
    fleet.fetch(taker)
    assert fleet.begin(taker, delivery).word == "run"
    assert fleet.record().crashes == 1


def test_a_robbed_living_owner_gets_its_delivery_back_and_can_ack_it(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    fleet.native_maintenance()
    robber = fleet.register("robber")
    fleet.fetch(robber)

    assert fleet.begin(robber, delivery).word == "taken"

    fleet.late_ack()
    assert fleet.payload(delivery) is None
    assert fleet.finish(delivery) == [True]
    assert fleet.leftovers() == []


def test_a_job_that_ended_while_robbed_is_not_run_again(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    fleet.native_maintenance()
    fleet.late_ack()
    assert fleet.finish(delivery) == [True]

    robber = fleet.register("robber")
    fleet.fetch(robber)
    answer = fleet.begin(robber, delivery)
    assert (answer.word, answer.how) == ("finished", "ack")


def test_a_job_that_was_rejected_while_robbed_reaches_the_dead_letters(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    fleet.native_maintenance()
    fleet.finish(delivery, "nack")
    robber = fleet.register("robber")
    fleet.fetch(robber)
    assert fleet.begin(robber, delivery).how == "nack"


def test_a_finish_completes_an_ack_that_never_arrived(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    assert fleet.finish(delivery) == [True]
    assert fleet.payload(delivery) is None
    assert fleet.copies(delivery) == 0


def test_an_entry_with_a_foreign_token_is_not_finished(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    assert fleet.finish(delivery, token="another") == [False]
    assert fleet.entry(delivery)


def test_a_retry_that_is_in_the_broker_settles_its_predecessor(fleet: Fleet) -> None:
    delivery = fleet.die_with(started=True, successor="enqueued")
    assert fleet.claim() == ["settled"]
    assert fleet.copies(delivery) == 0


def test_a_retry_that_was_noted_and_never_enqueued_does_not_lose_the_job(fleet: Fleet) -> None:
    delivery = fleet.die_with(started=True, successor="noted")
    assert fleet.claim() == ["handed_back"]
    assert fleet.copies(delivery) == 1


def test_a_retry_that_already_ran_elsewhere_settles_its_predecessor(fleet: Fleet) -> None:
    delivery = fleet.die_with(started=True, successor="enqueued")
    other = fleet.register("other")
    fleet.begin_successor(other, delivery)
    assert fleet.claim() == ["settled"]
    assert fleet.copies(delivery) == 0


def test_who_had_only_fetched_a_robbed_job_takes_the_note_of_its_retry_with_nobody(fleet: Fleet) -> None:
    delivery = fleet.die_with(started=True, successor="enqueued")
    fleet.native_maintenance()
    taker = fleet.register("taker")
    fleet.fetch(taker)
    death = fleet.die(taker)
    [batch] = fleet.ledger.estate.left_by(taker)
    orders = [order_of(one) for one in judge(fleet.ledger, death, batch)]
    assert fleet.ledger.estate.hand_back(death, "default", orders) == ["handed_back"]

    third = fleet.register("third")
    fleet.fetch(third)
    assert fleet.begin(third, delivery).word == "taken"
    assert fleet.claim() == ["settled"]
    assert fleet.copies(delivery) == 0


def test_nothing_is_taken_from_a_living_instance(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    assert fleet.claim() == ["alive"]
    assert fleet.copies(delivery) == 0
    assert fleet.payload(delivery)


@pytest.mark.parametrize("key", ["orphans", "held", "custody"])
def test_a_foreign_key_in_the_way_of_custody_stops_a_hand_back_before_it_began(fleet: Fleet, key: str) -> None:
    delivery = fleet.run_job(on_orphan="hold")
    fleet.die()
    keys = fleet.ledger.keys
    name = keys.custody(fleet.message.message_id) if key == "custody" else getattr(keys, key)
    fleet.redis.set(name, "theirs")
    with pytest.raises(ForeignValue, match=re.escape(name)):
        fleet.claim()
    assert fleet.entry(delivery)
    assert fleet.redis.sismember("dramatiq:__acks__.broker-of-victim.default", delivery)
    fleet.redis.delete(name)
    assert fleet.claim() == ["held"]


def test_a_forwarded_message_that_ran_elsewhere_settles_its_delayed_original(fleet: Fleet) -> None:
    delivery = fleet.die_with(started=True)
    other = fleet.register("other")
    fleet.begin_successor(other, delivery)
    assert fleet.claim() == ["settled"]


def test_what_is_due_and_unreadable_does_not_block_what_is_readable(fleet: Fleet) -> None:
    keys = fleet.ledger.keys
    fleet.redis.zadd(keys.deferred, {f"nobody-knows-{n}": n for n in range(150)})
    delivery = fleet.run_job(max_crashes=9)
    fleet.redis.hset(keys.job(fleet.message.message_id), "crashes", 1)
    fleet.die()
    assert fleet.claim() == ["deferred"]
    fleet.redis.zadd(keys.deferred, {delivery: 1000})
    Recovery(fleet.ledger).release_due(Report())
    assert fleet.redis.lrange("dramatiq:default", 0, -1) == [delivery.encode()]


def test_a_mass_hand_back_at_a_rate_comes_back_one_after_the_other_and_is_announced(fleet: Fleet, caplog) -> None:
    fleet.info = fleet.register("victim")
    running = []
    for _ in range(30):
        running.append(delivery := fleet.send())
        fleet.fetch(fleet.info)
        assert fleet.begin(fleet.info, delivery).word == "run"
    fleet.die()
    report = Recovery(fleet.ledger, rate=10).run(["victim"])
    assert (report.outcomes["handed_back"], report.outcomes["paced"]) == (1, 29)
    assert "MASS HAND-BACK: 29 jobs of dead workers come back at 10 per second" in caplog.text
    due = [score for _, score in fleet.redis.zrange(fleet.ledger.keys.deferred, 0, -1, withscores=True)]
    assert {round(later - sooner) for sooner, later in pairwise(due)} == {100}
    assert all(fleet.copies(delivery) == 1 for delivery in running)
    fleet.redis.flushall()
    delivery = fleet.run_job()
    fleet.die()
    assert Recovery(fleet.ledger, rate=10).run(["victim"]).outcomes == {"handed_back": 1}, "one alone is not slowed"
    assert fleet.copies(delivery) == 1


def test_at_a_rate_one_that_waits_for_its_back_off_keeps_no_other_waiting(fleet: Fleet) -> None:
    fleet.info = fleet.register("victim")
    poison = fleet.send()
    fleet.fetch(fleet.info)
    assert fleet.begin(fleet.info, poison, max_crashes=9).word == "run"
    fleet.redis.hset(fleet.ledger.keys.job(fleet.message.message_id), "crashes", 7)
    innocent = [fleet.send() for _ in range(3)]
    fleet.fetch(fleet.info, 3)
    death = fleet.die()
    lefts = {left.delivery: left for batch in fleet.ledger.estate.left_by(fleet.info) for left in batch}
    decisions = judge(fleet.ledger, death, [lefts[id] for id in [poison, *innocent]])
    words = fleet.ledger.estate.hand_back(death, "default", [order_of(one) for one in decisions], rate=10)
    assert words == ["deferred", "paced", "paced", "paced"]
    due = {id: fleet.redis.zscore(fleet.ledger.keys.deferred, id) - death.died_at for id in [poison, *innocent]}
    assert due[poison] >= 30_000
    assert max(due[id] for id in innocent) < 5_000
