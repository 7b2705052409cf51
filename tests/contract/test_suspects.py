"""Who pays for a death: the one suspect that was aboard, and nobody on the account of one that was not."""

from __future__ import annotations

import dramatiq
import pytest

from assured_jobs.entry import Entry, InstanceInfo
from assured_jobs.judging import judge, order_of
from assured_jobs.ledger import Ending
from assured_jobs.vigil import Vigil
from dead import VICTIM, Fleet


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


def _end(fleet: Fleet, info: InstanceInfo, message: dramatiq.Message, *, told: bool) -> None:
    delivery = message.options["redis_message_id"]
    fleet.broker.do_ack("default", delivery)
    if told:
        entry = Entry(delivery, message.message_id, "work", "default")
        assert fleet.ledger.deliveries.finish((Ending(info, entry, f"token-{message.message_id}", "ack"),)) == [True]


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
    _bring_back(fleet, info)
    assert [_counts(fleet, one) for one in (poison, other, newcomer)] == [(1, 1), (1, 1), (0, 1)]


@pytest.mark.parametrize("told", [True, False])
def test_the_second_of_two_suspects_still_pays_alone_when_the_first_has_ended(fleet: Fleet, told: bool) -> None:
    first, second, third, newcomer = (_send(fleet, suspect=n < 3) for n in range(4))
    info = fleet.register(VICTIM)
    fleet.fetch(info, 4)
    assert (
        _begin(fleet, info, first) == _begin(fleet, info, second, again=True) == _begin(fleet, info, newcomer) == "run"
    )
    _end(fleet, info, first, told=told)
    assert _begin(fleet, info, third) == "wait"
    _bring_back(fleet, info)
    assert [_counts(fleet, one) for one in (second, newcomer)] == [(1, 1), (0, 1)]


@pytest.mark.parametrize("told", [True, False])
def test_a_suspect_that_has_ended_keeps_nobody_waiting(fleet: Fleet, told: bool) -> None:
    first, second = _send(fleet, suspect=True), _send(fleet, suspect=True)
    info = fleet.register(VICTIM)
    fleet.fetch(info, 2)
    assert _begin(fleet, info, first) == "run"
    assert _begin(fleet, info, second) == "wait"
    _end(fleet, info, first, told=told)
    assert _begin(fleet, info, second) == "run"


def test_a_dry_run_foretells_who_pays_beside_a_suspect_whose_end_is_not_told(fleet: Fleet) -> None:
    ended, poison = _send(fleet, suspect=True), _send(fleet)
    info = fleet.register(VICTIM)
    fleet.fetch(info, 2)
    assert _begin(fleet, info, ended) == _begin(fleet, info, poison) == "run"
    _end(fleet, info, ended, told=False)
    vigil = Vigil(fleet.ledger, once=True)
    seen, [finding] = vigil.look()
    vigil.close()
    left = [one for batch in fleet.ledger.estate.left_by(info) for one in batch]
    charges = {
        one.orphan.message_id: one.verdict.charge for one in judge(fleet.ledger, finding.as_death(seen.now), left)
    }
    assert charges[poison.message_id] == "crashes"
