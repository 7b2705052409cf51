"""A judge believes an absence only where nothing else can explain it."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic, sleep

import pytest

from assured_jobs.errors import LedgerUnreachable
from assured_jobs.testing.worker import wait_until
from assured_jobs.vigil import Vigil
from dead import Fleet, subscribed


def _state(vigil: Vigil, instance: str) -> str:
    _, findings = vigil.look()
    return next(f.judgement.state for f in findings if f.vitals.info.id == instance)


def _presence(vigil: Vigil, instance: str) -> str:
    _, findings = vigil.look()
    return next(f.vitals.presence for f in findings if f.vitals.info.id == instance)


def _watch_for(vigil: Vigil, *, seconds: float) -> None:
    until = monotonic() + seconds
    while monotonic() < until:
        assert _state(vigil, "one") != "dead"


def _wait_until_dead(vigil: Vigil, timeout: float = 10) -> None:
    wait_until(lambda: _state(vigil, "one") == "dead", "it is found dead", timeout, told=lambda: vigil.look()[1])


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


def test_a_connection_that_went_is_gone_until_the_next_heartbeat_says_otherwise(fleet: Fleet) -> None:
    info = fleet.register("one")
    vigil = Vigil(fleet.ledger)
    assert _presence(vigil, "one") == "unknown"
    with subscribed(fleet, info):
        fleet.beat("one", presence=True, draining=False)
        assert _presence(vigil, "one") == "there"
    assert _presence(vigil, "one") == "gone"
    fleet.beat("one", presence=True, draining=False)
    assert _presence(vigil, "one") == "unknown"


def test_an_absence_counts_from_the_first_look_that_saw_it(fleet: Fleet) -> None:
    info = fleet.register("one", presence_grace=0.3)
    vigil = Vigil(fleet.ledger)
    with subscribed(fleet, info):
        fleet.beat("one", presence=True, draining=False)
    assert _state(vigil, "one") == "alive"
    _wait_until_dead(vigil)


def test_a_broken_watch_begins_anew(fleet: Fleet) -> None:
    info = fleet.register("one", presence_grace=0.3)
    vigil = Vigil(fleet.ledger)
    with subscribed(fleet, info):
        fleet.beat("one", presence=True, draining=False)
    vigil.look()
    deadline = monotonic() + 1
    while monotonic() < deadline:  # far longer than the grace, but on a connection that is made anew each time
        fleet.redis.client_kill_filter(_type="normal", skipme=True)
        with suppress(LedgerUnreachable):
            assert _state(vigil, "one") == "alive"


def test_what_passes_between_two_looks_in_a_frozen_store_is_nobodys_silence(fleet: Fleet) -> None:
    info = fleet.register("one", heartbeat_interval=0.1, heartbeat_ttl=1.0, stall_ttl=2.5)
    vigil = Vigil(fleet.ledger)
    with subscribed(fleet, info):
        fleet.beat("one", presence=True, draining=False)
        _watch_for(vigil, seconds=0.3)
        sleep(3.0)  # neither a look nor a heartbeat gets through
        _watch_for(vigil, seconds=0.3)  # it may take its time to connect again
        _wait_until_dead(vigil)


def test_a_judge_that_slept_waits_no_longer_for_the_dead_than_a_frozen_store_would_explain(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = fleet.register("one", heartbeat_interval=0.1, heartbeat_ttl=1.0, stall_ttl=2.5)
    vigil = Vigil(fleet.ledger)
    with subscribed(fleet, info):  # its host lost power: the connection stands
        fleet.beat("one", presence=True, draining=False)
        fleet.age("one", seconds=1000)
        vigil.look()
        monkeypatch.setattr("assured_jobs.vigil.time.monotonic", lambda: monotonic() + 1000)
        _wait_until_dead(vigil, timeout=30)


def test_after_an_outage_nobody_is_dead_before_he_could_connect_again(fleet: Fleet) -> None:
    info = fleet.register("one", heartbeat_interval=4.0, heartbeat_ttl=1.0)
    vigil = Vigil(fleet.ledger)
    with subscribed(fleet, info):
        fleet.beat("one", presence=True, draining=False)
        _watch_for(vigil, seconds=0.3)
    vigil.rest()  # the outage, seen from here
    fleet.age("one", seconds=1000)
    _watch_for(vigil, seconds=1.0)
    _wait_until_dead(vigil)


@pytest.mark.parametrize("once", [True, False])
def test_a_restarted_server_explains_old_heartbeats_and_missing_connections(own_server, once: bool) -> None:
    server = own_server()
    fleet = Fleet(server.url)
    info = fleet.register("one", presence_grace=0.01)
    with subscribed(fleet, info):
        fleet.beat("one", presence=True, draining=False)
    fleet.age("one", seconds=1000)
    server.stop(kill=True)
    server.start()
    vigil = Vigil(fleet.ledger, once=once)
    vigil.look()
    assert _presence(vigil, "one") == "unknown"
    assert _state(vigil, "one") == "alive"


def test_death_is_checked_again_where_it_takes_effect(fleet: Fleet) -> None:
    info = fleet.register("one", presence_grace=0.001)
    vigil = Vigil(fleet.ledger)
    with subscribed(fleet, info):
        fleet.beat("one", presence=True, draining=False)
    _, findings = vigil.look()
    while findings[0].judgement.state != "dead":
        _, findings = vigil.look()

    with subscribed(fleet, info):
        assert vigil.declare(findings) == []  # its connection is back
    fleet.age("one", seconds=-1)
    assert vigil.declare(findings) == []  # it has beaten since
    fleet.age("one", seconds=1)
    assert len(vigil.declare(findings)) == 1


def test_an_instance_nobody_can_describe_registers_again(fleet: Fleet) -> None:
    fleet.register("one")
    fleet.redis.hdel(fleet.ledger.keys.instances, "one")
    assert fleet.beat("one", presence=False, draining=False)[0] == "undescribed"
