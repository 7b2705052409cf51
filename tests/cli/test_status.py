from __future__ import annotations

import re
import time
from datetime import datetime

import pytest


def first_line(result) -> str:
    return result.stdout.splitlines()[0]


def test_the_first_line_says_that_jobs_of_the_dead_are_still_out(scene):
    scene.orphan()
    result = scene.run("status")
    assert result.exit_code == 0
    assert first_line(result) == "BLEEDING: 1 job of 1 dead worker not brought back yet."
    assert "run `assured-jobs recover`" in result.stdout


def test_the_first_line_says_that_nothing_bleeds_once_they_are_back(scene):
    scene.orphan()
    scene.run("recover")
    scene.register("web-2.1.bbbb")
    assert first_line(scene.run("status")).startswith("NOT BLEEDING: nothing is orphaned.")


def test_the_first_line_counts_what_waits_for_a_decision(scene):
    scene.hold(number=3)
    scene.register("web-2.1.bbbb")
    assert "3 jobs held for you to decide." in first_line(scene.run("status"))


def test_released_jobs_that_nobody_watches_for_count_as_bleeding(scene):
    [(message_id, _)] = scene.hold()
    scene.run("retry", message_id)
    found = scene.json("status")
    assert found["bleeding"] is True
    assert "nobody watches" in found["summary"]
    assert found["watcher"] == {"instance": None, "alive": False, "last_ran": None}


def test_a_live_holder_of_the_lease_is_the_watcher(scene):
    info = scene.register("web-2.1.bbbb", present=True)
    scene.redis.set(scene.keys.lease, info.id)
    scene.ledger.instances.tick(info.id)
    watcher = scene.json("status")["watcher"]
    assert (watcher["instance"], watcher["alive"]) == (info.id, True)
    assert abs(datetime.fromisoformat(watcher["last_ran"]).timestamp() - time.time()) < 60
    assert re.search(rf"watcher: {info.id}, last ran [\d.]+ s ago", scene.run("status").stdout)


def test_every_instance_is_listed_with_its_state(scene):
    scene.register("alive.1.a", present=True)
    scene.register("draining.2.b", present=True, draining=True)
    stalled = scene.register("stalled.3.c", present=True, heartbeat_interval=0.1, heartbeat_ttl=0.3)
    expired = scene.register("expired.4.d", heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.declare_dead(scene.register("declared.5.e"))
    for info in (stalled, expired):
        scene.age_heartbeat(info, 5)
    instances = {member["id"]: member for member in scene.json("status")["instances"]}
    assert {id: member["state"] for id, member in instances.items()} == {
        "alive.1.a": "alive",
        "draining.2.b": "draining",
        "stalled.3.c": "stalled",
        "expired.4.d": "dead",
        "declared.5.e": "dead",
    }
    assert instances["alive.1.a"]["presence"] == "there"
    assert instances["alive.1.a"]["label"] == "alive"
    assert (instances["alive.1.a"]["host"], instances["alive.1.a"]["pid"]) == ("node-7", 4711)


def test_a_worker_whose_connection_is_gone_is_dead_once_its_grace_is_over(scene):
    info = scene.register("web-1.4711.aaaa", present=True)
    scene.start(info)
    scene.lose_connection(info)
    found = scene.json("status")
    assert [(member["id"], member["state"], member["left"]) for member in found["instances"]] == [(info.id, "dead", 1)]
    assert found["counts"]["orphaned"] == 1
    assert scene.redis.zscore(scene.keys.alive, info.id), "looking must not declare anybody dead"


def test_a_buried_instance_is_not_listed(scene):
    info = scene.register("web-1.4711.aaaa")
    assert scene.ledger.instances.resign(info)
    assert scene.json("status")["instances"] == []


def test_running_jobs_are_counted(scene):
    info = scene.register("web-1.4711.aaaa")
    scene.start(info)
    scene.start(info)
    assert scene.json("status")["instances"][0]["running"] == 2


def test_every_state_is_counted(scene):
    [_, (released, _), (discarded, _)] = scene.hold(number=3)
    scene.run("retry", released)
    scene.run("delete", discarded)
    scene.orphan(worker="web-3.1.cccc")
    counts = scene.json("status")["counts"]
    assert counts == {"orphaned": 1, "deferred": 0, "held": 1, "released": 1, "discarded": 1}


def test_prefetched_and_started_jobs_of_the_dead_are_both_counted(scene):
    info = scene.register("web-1.4711.aaaa")
    scene.start(info)
    scene.fetch(info, scene.send()[1])
    scene.declare_dead(info)
    assert scene.json("status")["counts"]["orphaned"] == 2


def test_deaths_are_counted_and_orderly_ends_are_not(scene):
    scene.orphan()
    scene.ledger.instances.resign(scene.register("web-2.1.bbbb"))
    assert scene.json("status")["deaths_last_hour"] == 1


def test_an_empty_ledger_makes_one_doubt_the_namespace(scene):
    result = scene.run("status")
    assert result.exit_code == 0
    assert first_line(result).startswith("NOT BLEEDING, BUT NOBODY WORKS")
    assert "'night': is it the workers' own" in result.stdout


@pytest.mark.parametrize("name", ["\x1b[2Jx.1.a", "[bold red]x[/].1.a"])
def test_a_hostile_instance_name_is_shown_and_not_obeyed(scene, is_plain, name):
    scene.register(name)
    shown = scene.run("status").stdout
    assert is_plain(shown)
    assert name.replace("\x1b", "\\x1b") in shown


def test_a_stalled_worker_is_told_with_the_word_that_ends_it(scene):
    scene.register("web-2.1.bbbb", present=True)
    info = scene.register("stalled.3.c", present=True, heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.age_heartbeat(info, 5)
    shown = scene.run("status").stdout
    assert "1 worker stalled: no heartbeat, still connected." in shown
    assert "`assured-jobs instances declare-dead ID`" in shown


def watching(scene, id: str, **changes):
    """A living worker that holds the lease."""
    info = scene.register(id, present=True, **changes)
    scene.redis.set(scene.keys.lease, info.id)
    scene.ledger.instances.tick(info.id)
    return info


def would_be_dead(scene, id: str = "expired.4.d"):
    """A worker that is dead by its heartbeat, with a job, and that nobody has declared so."""
    info = scene.register(id, heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.start(info)
    scene.age_heartbeat(info, 5)


def test_where_everybody_observes_nobody_is_said_to_bring_anything_back(scene):
    watching(scene, "web-2.1.bbbb", recovery="observe")
    assert "Nothing to do. Every living worker has ASSURED_JOBS_RECOVERY=observe" in scene.run("status").stdout
    would_be_dead(scene)
    shown = scene.run("status").stdout
    assert shown.startswith("BLEEDING: 1 job of 1 dead worker not brought back yet.")
    assert "ASSURED_JOBS_RECOVERY=observe: none of them brings anything back by itself." in shown
    assert "`assured-jobs recover` does it now" in shown
    assert "within seconds" not in shown
    scene.run("recover")
    assert first_line(scene.run("status")).startswith("NOT BLEEDING: nothing is orphaned.")


def test_one_living_worker_that_acts_brings_them_back(scene):
    watching(scene, "web-2.1.bbbb", recovery="observe")
    watching(scene, "web-3.1.cccc")
    would_be_dead(scene)
    shown = scene.run("status").stdout
    assert "The watcher brings them back within seconds" in shown
    assert "observe" not in shown


def test_a_dead_worker_that_would_have_acted_counts_for_nothing(scene):
    watching(scene, "web-2.1.bbbb", recovery="observe")
    would_be_dead(scene)  # it acted while it lived
    modes = {member["id"]: member["recovery"] for member in scene.json("status")["instances"]}
    assert modes == {"web-2.1.bbbb": "observe", "expired.4.d": "act"}
    assert "none of them brings anything back" in scene.run("status").stdout


def test_where_nobody_lives_a_worker_has_to_start(scene):
    scene.orphan()
    shown = scene.run("status").stdout
    assert "start a worker" in shown
    assert "observe" not in shown
