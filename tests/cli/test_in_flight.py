from __future__ import annotations

from datetime import datetime

import pytest

FIELDS = {"message_id", "delivery", "actor", "queue", "instance", "state", "started_at", "seconds"}


def ids(scene, *words: str) -> list[str]:
    return [one["message_id"] for one in scene.json("in-flight", *words)]


def test_what_runs_is_told_with_its_worker_and_since_when(scene):
    info = scene.register("web-1.4711.aaaa", present=True)
    message_id, delivery = scene.start(info)
    [found] = scene.json("in-flight")
    assert set(found) == FIELDS
    assert (found["message_id"], found["delivery"], found["instance"]) == (message_id, delivery, info.id)
    assert (found["actor"], found["queue"], found["state"]) == ("charge", "default", "alive")
    assert datetime.fromisoformat(found["started_at"]).utcoffset() is not None
    assert 0 <= found["seconds"] < 60
    shown = scene.run("in-flight").stdout
    for value in (message_id, info.id, "charge", "alive"):
        assert value in shown


def test_jobs_of_a_stalled_worker_are_marked_so(scene):
    info = scene.register("web-1.4711.aaaa", present=True, heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.start(info)
    scene.age_heartbeat(info, 5)
    assert [one["state"] for one in scene.json("in-flight")] == ["stalled"]


def test_the_dead_the_finished_and_the_prefetched_are_left_out(scene):
    scene.orphan()
    scene.fetch(scene.register("web-2.1.bbbb", present=True), scene.send()[1])
    assert ids(scene) == []
    assert scene.run("in-flight").stdout == "No assured job is running.\n"


def test_the_oldest_of_each_worker_comes_first_and_limit_cuts(scene):
    info = scene.register("web-1.4711.aaaa", present=True)
    made = [scene.start(info)[0] for _ in range(3)]
    assert ids(scene) == made
    assert ids(scene, "--limit", "2") == made[:2]
    assert "2 of 3 shown: --limit 0 shows all." in scene.run("in-flight", "--limit", "2").stdout
    assert scene.run("in-flight", "--limit", "-1").exit_code == 2


def test_filters_choose(scene):
    first, _ = scene.start(scene.register("web-1.4711.aaaa", present=True))
    scene.actor, scene.queue = "send", "mail"
    second, _ = scene.start(scene.register("web-2.4712.bbbb", present=True))
    assert ids(scene) == [first, second]
    for words in (["--queue", "mail"], ["--actor", "send"], ["--instance", "web-2"], ["--instance", "web-2.4712.bbbb"]):
        assert ids(scene, *words) == [second], words
    assert ids(scene, "--queue", "mail", "--actor", "charge") == []


@pytest.mark.parametrize("name", ["\x1b[2J", "[bold red]x[/]", "\u202egnp", "y" * 10_000])
def test_a_hostile_name_is_shown_and_not_obeyed(scene, is_plain, name):
    scene.actor = name
    scene.start(scene.register(f"{name}.1.a", present=True))
    shown = scene.run("in-flight", color=True, env={"FORCE_COLOR": "1"}).stdout
    assert is_plain(shown)
    assert len(shown) < 3000
    assert scene.json("in-flight")[0]["actor"] == name


def test_looking_changes_nothing(scene):
    scene.start(scene.register("web-1.4711.aaaa", present=True))
    before = scene.everything()
    scene.run("in-flight")
    assert scene.everything() == before


def test_a_foreign_entry_is_told_with_its_key(scene):
    scene.register("web-1.4711.aaaa", present=True)
    key = scene.keys.entries("web-1.4711.aaaa")
    scene.redis.hset(key, "theirs", "\x1b[2J")
    result = scene.run("in-flight")
    assert result.exit_code == 3
    assert key in result.stderr


def test_what_a_worker_ran_that_lost_its_connection_runs_no_more(scene):
    info = scene.register("web-1.1.aaaa", present=True)
    scene.start(info)
    scene.lose_connection(info)
    assert scene.json("in-flight") == []
