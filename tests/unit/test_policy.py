"""Judging is pure: the whole liveness table, and what becomes of an orphan."""

from __future__ import annotations

import pytest

from assured_jobs.entry import InstanceInfo, Policy, Vitals
from assured_jobs.policy import MAX_BACKOFF, MAX_INTERRUPTED, Case, judge, verdict

INFO = InstanceInfo("a.1.x", "a", 1, "b", "dramatiq", ("default",), (), "JSONEncoder", 15, 45, 3, 180, "0")


def _judge(presence, age, *, watched=1000.0, absent_for=0.0, draining=False, **changes):
    info = InstanceInfo(**{**INFO.__dict__, **changes})
    ruling = judge(Vitals(info, 0, age, presence, draining), watched=watched, absent_for=absent_for)
    return (ruling.state, ruling.cause) if ruling.state == "dead" else ruling.state


@pytest.mark.parametrize(
    ("presence", "age", "more", "expected"),
    [
        ("there", 1, {}, "alive"),
        ("there", 46, {}, "stalled"),
        ("there", 181, {}, ("dead", "stalled")),
        ("there", 181, {"watched": 5.0}, "stalled"),  # after a frozen store everybody gets a chance to beat
        ("gone", 1, {"absent_for": 2.9}, "alive"),
        ("gone", 1, {"absent_for": 3.0}, ("dead", "connection lost")),
        ("gone", 46, {"watched": 15.0}, "alive"),  # after an outage every connection may be gone
        ("gone", 46, {"watched": 15.1}, ("dead", "connection lost")),
        ("gone", 46, {"watched": 15.0, "absent_for": 3.0}, ("dead", "connection lost")),
        ("gone", 46, {"watched": None}, ("dead", "connection lost")),  # a judge that only comes by
        ("gone", 46, {"watched": 1.9, "heartbeat_interval": 0.5}, "alive"),
        ("gone", 1, {"absent_for": 999.0, "presence_grace": 0}, "alive"),
        ("gone", 1, {"absent_for": 1.0, "draining": True}, ("dead", "connection lost")),
        ("gone", 1, {"absent_for": 0.9, "draining": True}, "draining"),
        ("gone", 1, {"absent_for": 0.5, "draining": True, "presence_grace": 0.5}, ("dead", "connection lost")),
        ("unknown", 44, {}, "alive"),
        ("unknown", 46, {}, ("dead", "heartbeat expired")),
        ("unknown", 46, {"watched": 14.0}, "alive"),
        ("unknown", 46, {"watched": None}, ("dead", "heartbeat expired")),  # a judge that only comes by
        ("there", 1, {"draining": True}, "draining"),
    ],
)
def test_the_liveness_table(presence, age, more, expected) -> None:
    assert _judge(presence, age, **more) == expected


def test_prefetched_and_delayed_messages_are_never_charged() -> None:
    ruling = verdict(Case(started=False, crashes=2))
    assert (ruling.action, ruling.charge) == ("front", "")


def test_an_unassured_message_is_handed_back_once_to_the_tail_and_then_left() -> None:
    assert verdict(Case(started=False, assured=False)).action == "tail"
    assert verdict(Case(started=False, assured=False, handed_back=1)).action == "leave"


def test_what_cannot_be_decoded_is_held() -> None:
    assert verdict(Case(started=False, decodable=False)).action == "hold"


def test_a_job_that_keeps_killing_waits_longer_each_time_and_is_held_at_its_cap() -> None:
    patient = Policy(max_crashes=20)
    delays = [verdict(Case(started=True, policy=patient, crashes=n)).delay for n in range(19)]
    assert delays[:8] == [0, 1, 2, 4, 8, 16, 32, 60]
    assert max(delays) == MAX_BACKOFF
    assert verdict(Case(started=True, policy=patient, crashes=19)).action == "hold"
    assert [verdict(Case(started=True, crashes=n)).action for n in range(3)] == ["front", "defer", "hold"]


def test_jitter_spreads_a_delay_and_never_shortens_it_below_half() -> None:
    assert verdict(Case(started=True, crashes=1), jitter=0.0).delay == 0.5


def test_a_persons_retry_grants_exactly_one_more_life() -> None:
    assert verdict(Case(started=True, crashes=3, limit=4)).action == "hold"
    assert verdict(Case(started=True, crashes=3, limit=5)).action == "defer"


def test_a_death_while_draining_charges_no_crash() -> None:
    ruling = verdict(Case(started=True, crashes=2, draining=True))
    assert (ruling.action, ruling.charge) == ("front", "interrupted")


def test_a_job_interrupted_again_and_again_is_held() -> None:
    ruling = verdict(Case(started=True, interrupted=MAX_INTERRUPTED - 1, draining=True))
    assert (ruling.action, ruling.charge) == ("hold", "interrupted")


def test_an_orphan_older_than_its_age_limit_is_held_not_revived() -> None:
    ruling = verdict(Case(started=True, policy=Policy(max_orphan_age=3600), since_last_sign=3601))
    assert ruling.action == "hold"
    assert "max_orphan_age=3600 s" in ruling.reason


@pytest.mark.parametrize("choice", ["hold", "discard"])
def test_the_actors_choice_stands_also_for_interruptions(choice) -> None:
    for draining in (False, True):
        assert verdict(Case(started=True, policy=Policy(on_orphan=choice), draining=draining)).action == choice
