"""Every transition is told once: to the log, to the stream, and to a callback that cannot hurt its caller."""

from __future__ import annotations

import logging
import threading

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs
from assured_jobs.events import InstanceDied, Registered, WouldHave
from assured_jobs.ledger import Ledger, Store
from assured_jobs.ledger.keys import ROOM
from assured_jobs.recovery import Recovery
from assured_jobs.telling import Listener
from dead import VICTIM, Fleet


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


def _told(ledger: Ledger) -> list[tuple[str, dict]]:
    return [(one.action, one.fact) for one in ledger.chronicle.since()]


def test_a_settled_orphan_is_one_fact_with_stable_keys_and_no_arguments(fleet, caplog) -> None:
    caplog.set_level(logging.INFO)
    delivery = fleet.run_job()
    fleet.die()
    Recovery(fleet.ledger).run([VICTIM])
    [(action, fact)] = _told(fleet.ledger)
    assert action == "OrphanSettled"
    assert fact == {
        "message_id": fleet.message.message_id, "actor": "work", "queue": "default", "instance": VICTIM,
        "outcome": "handed_back", "reason": "its worker died: crash 1", "crash_count": 1, "reason_code": "crashed",
        "charged": "crashes", "silent_for": fact["silent_for"],
    }  # fmt: skip
    [record] = [record for record in caplog.records if record.name == "assured_jobs"]
    assert (record.action, record.event) == (action, fact)
    assert fleet.copies(delivery) == 1


def test_the_stream_is_bounded(fleet) -> None:
    for _ in range(13):
        fleet.ledger.chronicle.add([Registered(f"web-{n}") for n in range(1000)])
    assert ROOM <= fleet.redis.xlen(fleet.ledger.keys.events) < ROOM + 1000


def test_all_is_read_in_order_and_from_where_one_stopped(fleet) -> None:
    fleet.ledger.tell(*(Registered(f"web-{n}") for n in range(1201)))
    told = list(fleet.ledger.chronicle.since())
    assert [one.fact["instance"] for one in told] == [f"web-{n}" for n in range(1201)]
    assert [one.id for one in fleet.ledger.chronicle.since(told[600].id)] == [one.id for one in told[601:]]
    assert [one.id for one in fleet.ledger.chronicle.last(3)] == [one.id for one in told[-3:]]


def test_another_versions_event_and_foreign_rubbish_are_shown_as_they_are(fleet) -> None:
    fleet.redis.xadd(fleet.ledger.keys.events, {"action": "Unheard", "fact": '{"n": 1}'})
    fleet.redis.xadd(fleet.ledger.keys.events, {"action": "Registered", "fact": "[1]"})
    fleet.redis.xadd(fleet.ledger.keys.events, {"x": b"\xff"})
    sentences = [one.sentence() for one in fleet.ledger.chronicle.since()]
    assert sentences[0] == 'Unheard: {"n": 1}'
    assert len(sentences) == 3


def test_a_foreign_value_in_the_streams_place_stops_no_recovery(fleet, caplog) -> None:
    fleet.redis.set(fleet.ledger.keys.events, "theirs")
    delivery = fleet.run_job()
    fleet.die()
    Recovery(fleet.ledger).run([VICTIM])
    assert fleet.copies(delivery) == 1
    assert "What happens is logged and not written down." in caplog.text


def test_a_hostile_name_is_cut(fleet) -> None:
    fleet.ledger.tell(WouldHave("held", "x" * 9000, "web"))
    [(_, fact)] = _told(fleet.ledger)
    assert len(fact["reason"]) == 500


class Callback:
    """`on_event` of a user, who may do anything in it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.heard: list = []
        self.error = error
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, event) -> None:
        self.gate.wait(20)
        self.heard.append(event)
        if self.error:
            raise self.error


@pytest.mark.parametrize("error", [None, RuntimeError("theirs"), SystemExit(1)], ids=repr)
def test_a_callback_hears_every_event_whatever_it_does(server, caplog, error) -> None:
    callback = Callback(error)
    listener = Listener(callback)
    import redis

    ledger = Ledger(Store(redis.Redis.from_url(server.url), "test", 5), listener)
    told = [InstanceDied("web-1", "connection lost"), Registered("web-2")]
    ledger.tell(*told)
    listener.close()
    assert callback.heard == told
    assert ("on_event failed" in caplog.text) == (error is not None)


def test_a_callback_that_blocks_delays_nobody_and_missing_events_are_said(caplog) -> None:
    callback = Callback()
    callback.gate.clear()
    listener = Listener(callback)
    for n in range(1500):
        listener.hear(Registered(f"web-{n}"))
    assert "on_event is too slow" in caplog.text
    callback.gate.set()
    listener.close()
    assert len(callback.heard) >= 1000


def test_the_middlewares_callback_hears_of_the_workers_life(server) -> None:
    callback = Callback()
    broker = RedisBroker(url=server.url)
    broker.add_middleware(AssuredJobs(on_event=callback))
    dramatiq.actor(lambda: None, actor_name="work", broker=broker, assured=True)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    worker.stop()
    actions = [event.action for event in callback.heard]
    assert actions[0] == "Registered"
    assert actions[-1] == "SignedOff"
