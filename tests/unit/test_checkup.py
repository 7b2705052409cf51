"""What no server at hand shows: old and odd ones. The rest is shown on real servers in tests/cli/test_check.py."""

from __future__ import annotations

import pytest

from assured_jobs.checkup.access import judge_presence
from assured_jobs.checkup.server import judge_clock, judge_version
from assured_jobs.ledger.health import Trial


@pytest.mark.parametrize("told", ["6.0.16", "5.0.14", "2.8"])
def test_a_server_that_is_too_old_is_a_fault(told):
    [finding] = judge_version({"redis_version": told})
    assert (finding.name, finding.level, finding.found) == ("version", "fault", f"The server is Redis {told}.")
    assert finding.follows == (
        "Commands that the ledger uses came with Redis 6.2: recovery fails where one of them is missing."
    )
    assert finding.mend == "Upgrade the server to Redis 6.2 or newer, or to Valkey."


@pytest.mark.parametrize("told", ["6.2.0", "7.0.15", "10.0"])
def test_a_new_enough_server_is_in_order(told):
    [finding] = judge_version({"redis_version": told})
    assert (finding.level, finding.found) == ("ok", f"Redis {told}.")


def test_valkey_is_told_by_its_own_name_and_version():
    [finding] = judge_version({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.1.0"})
    assert (finding.level, finding.found) == ("ok", "Valkey 8.1.0.")


def test_a_server_without_a_version_is_unknown():
    [finding] = judge_version({"redis_version": "experimental"})
    assert finding.level == "unknown"


def test_a_proxy_that_hides_subscriptions_is_a_fault():
    [presence, publish] = judge_presence(Trial(subscribers=0, heard=False), "night")
    assert (presence.level, publish.level) == ("fault", "fault")
    assert presence.found == "A subscribed connection is not counted: PUBSUB NUMSUB says 0, expected 1."
    assert publish.found == "A word that was published did not arrive."
    assert presence.mend.startswith("Connect workers straight to the server")


def test_what_the_way_may_explain_is_not_held_against_the_clock():
    assert judge_clock(ahead=5.5, round_trip=10)[0].level == "ok"
    assert judge_clock(ahead=-8.5, round_trip=10)[0].level == "note"
    assert judge_clock(ahead=-10.5, round_trip=10)[0].level == "fault"
