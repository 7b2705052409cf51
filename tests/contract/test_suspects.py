"""Who pays for a death: the one suspect that was aboard, and nobody on the account of one that was not."""

from __future__ import annotations

import dramatiq
import pytest

from assured_jobs.entry import Entry, InstanceInfo
from assured_jobs.errors import LedgerUnreachable
from assured_jobs.judging import judge, order_of
from dead import VICTIM, Fleet
from inside import Inside, wait


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


def _send(fleet: Fleet, *, suspect: bool = False) -> dramatiq.Message:
    fleet.send()
    if suspect:
        fleet.redis.hset(fleet.ledger.keys.job(fleet.message.message_id), "suspicions", 1)
    return fleet.message


def _begin(fleet: Fleet, info: InstanceInfo, message: dramatiq.Message, *, again: bool = False) -> str:
    entry = Entry(message.options["redis_message_id"], message.message_id, "work", "default")
    answer, _ = fleet.ledger.deliveries.begin(info, entry, f"token-{message.message_id}", again=again)
    return answer.word


def _bring_back(fleet: Fleet, info: InstanceInfo) -> None:
    death = fleet.die(info)
    for batch in fleet.ledger.estate.left_by(info):
        orders = [order_of(decision) for decision in judge(fleet.ledger, death, batch)]
        fleet.ledger.estate.hand_back(death, batch[0].queue, orders)


def _counts(fleet: Fleet, message: dramatiq.Message) -> tuple[int, int]:
    record = fleet.ledger.estate.records([message.message_id])[message.message_id]
    return record.crashes, record.suspicions


def test_a_suspect_whose_end_is_not_told_yet_shields_nobody(fleet: Fleet) -> None:
    ended, poison = _send(fleet, suspect=True), _send(fleet)
    info = fleet.register(VICTIM)
    fleet.fetch(info, 2)
    assert _begin(fleet, info, ended) == "run"
    fleet.broker.do_ack("default", ended.options["redis_message_id"])  # its end still waits for the next flush
    assert _begin(fleet, info, poison) == "run"
    _bring_back(fleet, info)
    assert _counts(fleet, poison) == (1, 0)


def test_a_suspect_that_maintenance_took_away_while_it_ran_still_pays_alone(fleet: Fleet) -> None:
    suspect, innocent = _send(fleet, suspect=True), _send(fleet)
    info = fleet.register(VICTIM)
    fleet.fetch(info, 2)
    assert _begin(fleet, info, suspect) == _begin(fleet, info, innocent) == "run"
    acks = f"dramatiq:__acks__.{info.broker_id}.default"
    assert fleet.redis.srem(acks, suspect.options["redis_message_id"])
    assert fleet.redis.rpush("dramatiq:default", suspect.options["redis_message_id"])
    _bring_back(fleet, info)
    assert _counts(fleet, innocent) == (0, 1)


def test_of_two_suspects_that_an_outage_let_in_both_pay_and_a_newcomer_does_not(fleet: Fleet) -> None:
    poison, other, newcomer = _send(fleet, suspect=True), _send(fleet, suspect=True), _send(fleet)
    info = fleet.register(VICTIM)
    fleet.fetch(info, 3)
    assert _begin(fleet, info, poison) == "run"
    assert _begin(fleet, info, other) == "wait"  # the answer is lost, and it runs: recorded when Redis is back
    assert _begin(fleet, info, other, again=True) == "run"
    assert _begin(fleet, info, newcomer) == "run"
    assert fleet.redis.hget(fleet.ledger.keys.aboard, VICTIM) == poison.options["redis_message_id"].encode()
    _bring_back(fleet, info)
    assert [_counts(fleet, one) for one in (poison, other, newcomer)] == [(1, 1), (1, 1), (0, 1)]


def test_a_suspect_that_was_told_to_wait_does_not_start_where_the_next_question_fails(server, monkeypatch) -> None:
    inside = Inside(server.url, watch=False)
    try:
        ran: list[str] = []

        def suspect(name: str) -> None:
            ran.append(name)
            inside.gate.wait(20)

        actor = inside.actor(suspect)
        first, second = actor.message("first"), actor.message("second")
        for message in (first, second):
            inside.redis.hset(inside.ledger.keys.job(message.message_id), "suspicions", 1)
        inside.start(threads=2)
        inside.broker.enqueue(first)
        wait(lambda: ran == ["first"], "the first runs")
        endings = inside.side.aboard.endings
        asked: list[int] = []

        def fail() -> None:
            asked.append(1)
            raise LedgerUnreachable

        monkeypatch.setattr(type(endings), "__len__", lambda _: 1)
        monkeypatch.setattr(endings, "flush", fail)
        inside.broker.enqueue(second)
        wait(lambda: inside.redis.zcard(inside.ledger.keys.deferred) == 1, "the second is set aside")
        assert asked
        assert ran == ["first"]
    finally:
        monkeypatch.undo()
        inside.stop()
