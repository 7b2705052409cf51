"""The lease is free as soon as its holder is dead, in whatever way that shows, and never another's to give away."""

from __future__ import annotations

from time import monotonic

import pytest

from assured_jobs.lease import Lease
from dead import Fleet, subscribed


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


def _lease(fleet: Fleet, instance: str, **more: float) -> Lease:
    return Lease(fleet.ledger.store, instance, **{"ttl": 300, "silence": 45, **more})


def test_one_living_holder_keeps_it_from_the_others(fleet: Fleet) -> None:
    fleet.register("first")
    first, second = _lease(fleet, "first"), _lease(fleet, "second")
    assert first.obtain()
    assert not second.obtain()
    assert first.keep()
    second.let_go()
    assert not second.obtain()
    first.let_go()
    assert second.obtain()


def test_it_is_free_when_its_holder_is_tombstoned(fleet: Fleet) -> None:
    info = fleet.register("first")
    assert _lease(fleet, "first").obtain()
    fleet.die(info)
    assert _lease(fleet, "second").obtain()


def test_it_is_free_when_its_holders_connection_is_gone_before_anybody_declared_it_dead(fleet: Fleet) -> None:
    info = fleet.register("first")
    with subscribed(fleet, info):
        fleet.beat("first", presence=True, draining=False)
        assert _lease(fleet, "first").obtain()
        assert not _lease(fleet, "second").obtain()
    assert _lease(fleet, "second").obtain()


def test_it_is_free_when_its_holder_has_been_silent_for_too_long(fleet: Fleet) -> None:
    fleet.register("first")
    fleet.register("second")
    assert _lease(fleet, "first").obtain()
    fleet.age("first", seconds=46)
    assert _lease(fleet, "second").obtain()
    assert not _lease(fleet, "first").obtain()


def test_a_lost_lease_is_not_trusted(fleet: Fleet) -> None:
    fleet.register("first")
    lease = _lease(fleet, "first", ttl=0.002)
    assert lease.obtain()
    deadline = monotonic() + 5
    while lease.held:
        assert monotonic() < deadline
