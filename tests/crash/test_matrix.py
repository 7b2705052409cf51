"""Must: whatever strikes, wherever it strikes: nothing is lost, there is one copy, and every second start is explained.

A selection that covers every place and every fault here; `make chaos` runs all of them.
"""

from __future__ import annotations

import pytest

from faults import settings_for, strike
from matrix import EVERY_CASE, FAULTS, PASS_PLACES, PLACES, Case, cover
from plays import Play
from proxy import Proxy
from reckoning import assert_explained, settle


@pytest.mark.parametrize("case", cover(), ids="-".join)
def test_a_fault_at_the_worst_moment_loses_nothing_doubles_nothing_and_explains_every_start(
    own_server, make_lab, case: Case
) -> None:
    _play(own_server, make_lab, case, frozen_for=4)


@pytest.mark.chaos
@pytest.mark.parametrize("case", EVERY_CASE, ids="-".join)
def test_every_fault_at_every_place_loses_nothing_doubles_nothing_and_explains_every_start(
    own_server, make_lab, case: Case
) -> None:
    _play(own_server, make_lab, case, frozen_for=10)


def test_the_selection_has_every_place_every_fault_on_both_sides_and_both_kinds_of_actors() -> None:
    chosen = cover()
    assert len(chosen) <= 20
    assert {case.place for case in chosen} == set(PLACES)
    for fault in FAULTS:
        mine = [case for case in chosen if case.fault == fault]
        assert {case.place == "jobs" for case in mine} == {True, False}
        assert len({case.retries for case in mine}) == 2


def _play(own_server, make_lab, case: Case, frozen_for: float) -> None:
    server = own_server()
    proxy = Proxy(server.url)
    settings = settings_for(case.fault)
    if "release" in case.place:
        settings["RECOVERY_RATE"] = "5"  # so that what comes back is deferred first
    play = Play(make_lab(server), proxy, case, settings)
    try:
        play.set_up()
        strike(play, frozen_for=frozen_for)
        if case.place in PASS_PLACES:
            play.expire_claims()
        settle(play)
        assert_explained(play)
    finally:
        play.lab.open("go")
        proxy.close()
