"""Values of ours that are none, one by one: whatever stands there, no job is lost over it, and our errors say so."""

from __future__ import annotations

import json
import time

import dramatiq
import pytest

from assured_jobs.entry import Entry, InstanceInfo, Orphan, Policy, load_crashes
from assured_jobs.errors import ForeignValue
from assured_jobs.events import Refused
from assured_jobs.ledger import Record
from assured_jobs.orphans.running import Order
from assured_jobs.orphans.selection import Selection
from assured_jobs.orphans.wording import iso
from assured_jobs.recovery import Recovery
from assured_jobs.signs import Signs
from assured_jobs.telling import complain, emit
from dead import VICTIM, Fleet


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


def job_key(fleet: Fleet) -> str:
    return fleet.ledger.keys.job(fleet.message.message_id)


# No script stops in the middle, and none takes long


@pytest.mark.parametrize("count", ["05", "+5", " 5", "1_000", "1.5", "inf", str(2**63 - 1), "9" * 5000])
def test_a_count_that_redis_does_not_add_to_loses_no_job(fleet: Fleet, count: str) -> None:
    delivery = fleet.run_job()
    fleet.redis.hset(job_key(fleet), "crashes", count)
    death = fleet.die()
    Recovery(fleet.ledger).run([VICTIM])
    acks = f"dramatiq:__acks__.{death.info.broker_id}.default"
    assert fleet.redis.sismember(acks, delivery), "it waits where it was: its record is not ours"
    fleet.redis.delete(job_key(fleet))
    Recovery(fleet.ledger).run([VICTIM])
    assert (fleet.copies(delivery), fleet.record().crashes) == (1, 1)


@pytest.mark.parametrize("turn", ["inf", "nan", "1e300", "-1", "not a time", str(2**53), b"\xff"])
def test_a_turn_that_is_none_loses_no_job_and_keeps_nobody_waiting(fleet: Fleet, turn) -> None:
    delivery = fleet.run_job()
    fleet.die()
    fleet.redis.set(fleet.ledger.keys.turn, turn)
    report = Recovery(fleet.ledger, rate=100).run([VICTIM])
    assert report.outcomes == {"handed_back": 1}
    assert fleet.copies(delivery) == 1


def test_a_turn_of_another_type_loses_no_job(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    death = fleet.die()
    fleet.redis.rpush(fleet.ledger.keys.turn, "theirs")
    Recovery(fleet.ledger, rate=100).run([VICTIM])
    assert fleet.redis.sismember(f"dramatiq:__acks__.{death.info.broker_id}.default", delivery)
    fleet.redis.delete(fleet.ledger.keys.turn)
    Recovery(fleet.ledger, rate=100).run([VICTIM])
    assert fleet.copies(delivery) == 1


def test_a_turn_of_ours_is_still_waited_for(fleet: Fleet) -> None:
    fleet.run_job()
    fleet.die()
    fleet.redis.set(fleet.ledger.keys.turn, int(time.time() * 1000) + 5000, px=6000)
    assert Recovery(fleet.ledger, rate=100).run([VICTIM]).outcomes == {"paced": 1}


def test_a_finish_beside_a_foreign_value_changes_nothing_and_can_be_said_again(fleet: Fleet) -> None:
    delivery = fleet.run_job()
    fleet.redis.set(fleet.ledger.keys.suspects(VICTIM), "theirs")
    with pytest.raises(ForeignValue):
        fleet.finish(delivery)
    assert fleet.entry(delivery)
    fleet.redis.delete(fleet.ledger.keys.suspects(VICTIM))
    assert fleet.finish(delivery) == [True]
    assert fleet.entry(delivery) is None


@pytest.mark.parametrize("noted", [b"[" * 200_000, b"x " * 100_000, b"\n" * 100_000, b"a b\n" * 1000])
def test_a_long_foreign_successor_does_not_keep_redis_from_everybody(fleet: Fleet, noted: bytes) -> None:
    delivery = fleet.run_job()
    fleet.redis.hset(fleet.ledger.keys.successors, delivery, noted)
    fleet.die()
    before = time.monotonic()
    Recovery(fleet.ledger).run([VICTIM])
    assert time.monotonic() - before < 2
    assert fleet.copies(delivery) == 1


# What begin is told


@pytest.mark.parametrize("marker", [b"", b"\xff\x00", b"done", b"1"])
def test_a_done_marker_that_is_none_ends_no_job(fleet: Fleet, marker: bytes) -> None:
    info = fleet.register("a")
    delivery = fleet.send()
    fleet.redis.set(fleet.ledger.keys.done(delivery), marker)
    fleet.fetch(info)
    assert fleet.begin(info, delivery).word == "run"


@pytest.mark.parametrize("fence", ["inf", "nan", "-inf", "1e300", "not a number", b"\xff"])
def test_a_fence_that_is_none_stops_no_job(fleet: Fleet, fence) -> None:
    info = fleet.register("a")
    fleet.redis.set(fleet.ledger.keys.fence, fence)
    fences = []
    for _ in range(2):
        delivery = fleet.send()
        fleet.fetch(info)
        answer = fleet.begin(info, delivery)
        assert answer.word == "run"
        fences.append(answer.fence)
    assert 0 < fences[0] < fences[1] < 2**53


def test_an_instance_named_in_no_alphabet_stops_no_job(fleet: Fleet) -> None:
    info = fleet.register("a")
    delivery = fleet.send()
    fleet.redis.hset(job_key(fleet), "last_instance", b"\xff\xfe")
    fleet.fetch(info)
    assert fleet.begin(info, delivery).recovered_from == "\udcff\udcfe"


# Names that UTF-8 does not have


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb", "x\udc80"], ids=ascii)
def test_a_job_with_half_a_character_for_a_name_comes_back_like_any_other(fleet: Fleet, name: str) -> None:
    fleet.info = fleet.register(VICTIM)
    fleet.message = dramatiq.Message("default", "work", (), {}, {}, message_id=name)
    started, fetched = [fleet.broker.enqueue(fleet.message).options["redis_message_id"] for _ in range(2)]
    fleet.fetch(fleet.info, 2)
    assert fleet.begin(fleet.info, started, max_crashes=1).word == "run"
    fleet.die()
    Recovery(fleet.ledger).run([VICTIM])
    assert [fleet.copies(delivery) for delivery in (started, fetched)] == [1, 1]
    assert fleet.ledger.custody.of_message(name) == [started]


def test_what_is_said_of_it_reaches_every_log(caplog) -> None:
    complain("Job \ud800\udcff of 'work' \u00e9")
    emit(Refused("\ud800", "work", "default", "taken"))
    assert caplog.messages[0] == "Job \\ud800\\udcff of 'work' \u00e9"
    assert all(message.encode() for message in caplog.messages)


# What is read


@pytest.mark.parametrize(
    "change",
    [
        {"queues": 5}, {"queues": [["default"]]}, {"assured": None}, {"heartbeat_ttl": "45"}, {"pid": True}, {"id": []},
        {"heartbeat_ttl": float("nan")}, {"recovery": "perhaps"}, {"cgroup": {}}, {"stall_ttl": 10**400},
    ],
)  # fmt: skip
def test_a_description_of_the_wrong_types_is_none(fleet: Fleet, change: dict) -> None:
    told = json.loads(fleet.register("a").dumps())
    assert InstanceInfo.loads(json.dumps(told)) == fleet.infos["a"]
    with pytest.raises(ValueError):
        InstanceInfo.loads(json.dumps({**told, **change}))


@pytest.mark.parametrize("text", [b"1", b"[]", b"null", b"[" * 5000, b'{"a": ' * 5000, b"\xff", b""])
def test_json_of_another_kind_is_nothing_of_ours(text: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        InstanceInfo.loads(text)
    with pytest.raises((ValueError, TypeError, KeyError)):
        Orphan.loads(b"1 " + text)
    with pytest.raises(ValueError):
        Entry.loads("d", b"1 2 token 0 " + text)


@pytest.mark.parametrize(
    "change", [{"crash_count": "3"}, {"state": 5}, {"crashes": [1]}, {"crashes": 7}, {"queue": []}]
)
def test_an_orphan_of_the_wrong_types_is_none(change: dict) -> None:
    orphan = Orphan("d", "m", "work", "default", "dramatiq", "a", since=1)
    told = json.loads(orphan.dumps())
    assert Orphan.loads(b"1 " + json.dumps(told).encode()) == orphan
    with pytest.raises((ValueError, TypeError)):
        Orphan.loads(b"1 " + json.dumps({**told, **change}).encode())


def test_an_entry_of_the_wrong_types_is_none_and_one_that_means_never_is_ours() -> None:
    for policy in (Policy(), Policy(max_crashes=10**18, max_orphan_age=float("inf")), Policy(max_orphan_age=1e30)):
        entry = Entry("d", "m", "work", "default", policy)
        assert Entry.loads("d", f"0 0 token 0 {entry.dumps()}".encode()) == entry
    told = json.loads(entry.dumps())
    for at in range(len(told)):
        wrong = json.dumps([*told[:at], ["theirs"], *told[at + 1 :]])
        with pytest.raises(ValueError):
            Entry.loads("d", f"1 2 token 0 {wrong}".encode())
    with pytest.raises(ValueError):
        Entry.loads("d", f"{'9' * 5000} 2 token 0 {entry.dumps()}".encode())


@pytest.mark.parametrize("text", ["\u00b2 - -", "9" * 5000 + " 1 1", "inf nan -1", "1.5.5 x", ""])
def test_signs_that_cannot_be_read_are_not_known(text: str) -> None:
    assert Signs.loads(text).uptime is None


def test_a_history_that_is_none_is_said_with_its_key(fleet: Fleet) -> None:
    fleet.run_job()
    for history in ("[1]", "7", "[" * 5000, '[{"instance": 1}]'):
        fleet.redis.hset(job_key(fleet), "history", history)
        found = fleet.record()
        assert isinstance(found, ForeignValue)
        assert job_key(fleet) in str(found)
    fleet.redis.hset(job_key(fleet), mapping={"crashes": 2, "history": "[]"})
    assert fleet.record() == Record(crashes=2)
    assert load_crashes([]) == ()


def test_scores_and_names_that_are_none_stop_no_look(fleet: Fleet) -> None:
    keys, ledger = fleet.ledger.keys, fleet.ledger
    fleet.run_job()
    fleet.die()
    for key in (keys.alive, keys.dead, keys.held, keys.deferred):
        fleet.redis.zadd(key, {b"\xff\xfe": "inf", b"theirs": "-inf"})
    client = ledger.store.connect(single=True)
    look = ledger.instances.look(client)
    client.close()
    assert set(look.dead) == {VICTIM, "\udcff\udcfe", "theirs"}
    assert len(ledger.custody.rows("held", 9)) == 2
    assert ledger.custody.page("deferred", 2) == ([], ledger.custody.page("deferred", 2)[1])
    Recovery(ledger).run(list(look.dead))
    assert fleet.redis.llen("dramatiq:default") == 1, "the victim's job is back all the same"


@pytest.mark.parametrize(
    "change", [{"rate": "5"}, {"selection": 7}, {"selection": {"states": [], "text": 5}}, {"as_of": None}]
)
def test_an_order_of_the_wrong_types_is_none(change: dict) -> None:
    order = Order("retry", Selection(), 1, 1, exact=True)
    assert Order.loads(order.dumps()) == order
    with pytest.raises((ValueError, TypeError, KeyError)):
        Order.loads(json.dumps({**json.loads(order.dumps()), **change}))


def test_a_time_that_is_none_has_no_name() -> None:
    assert iso(10**18) is None
    assert iso(-1) is None
    assert iso(0) == "1970-01-01T00:00:00.000+00:00"
