from __future__ import annotations

import json
import pickle
from datetime import datetime, timedelta
from pathlib import Path

import dramatiq
import pytest


def test_an_unjudged_job_is_listed_with_all_that_is_known_of_it(scene):
    message_id, delivery = scene.orphan(7, "seven", retry=True)
    [found] = scene.json("orphans")
    assert found["message_id"] == message_id
    assert found["delivery"] == delivery
    assert (found["actor"], found["queue"], found["state"]) == ("charge", "default", "orphaned")
    assert (found["args"], found["kwargs"]) == ([7, "seven"], {"retry": True})
    assert found["instance"] == "web-1.4711.aaaa"
    assert found["crash_count"] == 0
    assert "connection lost" in found["reason"]
    for name in ("started_at", "orphaned_at"):
        assert datetime.fromisoformat(found[name]).utcoffset() == timedelta(0)


def test_a_held_job_comes_with_the_evidence(scene):
    scene.hold("x")
    [found] = scene.json("orphans")
    assert found["state"] == "held"
    assert found["crash_count"] == 1
    assert found["interrupted_count"] == 0
    [crash] = found["crashes"]
    assert crash["host"] == "node-7"
    assert crash["cause"] == "connection lost"
    assert 0 <= crash["ran_at_least"] <= crash["ran_at_most"]
    assert datetime.fromisoformat(crash["died_at"])
    shown = scene.run("orphans").stdout
    assert found["message_id"] in shown
    assert "connection lost" in shown


def test_a_prefetched_job_is_listed_as_never_started(scene):
    info = scene.register("web-1.4711.aaaa")
    message_id, delivery = scene.send("later")
    scene.fetch(info, delivery)
    scene.declare_dead(info)
    [found] = scene.json("orphans")
    assert (found["message_id"], found["args"], found["started_at"]) == (message_id, ["later"], None)


def test_a_job_that_ended_before_its_worker_died_is_no_orphan(scene):
    info = scene.register("web-1.4711.aaaa")
    _, delivery = scene.start(info)
    scene.broker.broker_id = info.broker_id
    scene.broker.do_ack("default", delivery)
    scene.declare_dead(info)
    assert scene.json("orphans") == []
    assert scene.json("status")["counts"]["orphaned"] == 0


def test_states_can_be_chosen(scene):
    [(held, _), (deleted, _)] = scene.hold(number=2)
    scene.run("delete", deleted)
    orphaned, _ = scene.orphan(worker="web-3.1.cccc")
    everything = {found["message_id"]: found["state"] for found in scene.json("orphans")}
    assert everything == {held: "held", deleted: "discarded", orphaned: "orphaned"}
    assert [found["message_id"] for found in scene.json("orphans", "--state", "held")] == [held]


def test_many_are_all_listed_for_programs_and_bounded_for_people(scene):
    scene.hold(number=250)
    assert len({found["delivery"] for found in scene.json("orphans")}) == 250
    assert len(scene.json("orphans", "--limit", "3")) == 3
    assert "50 of 250 shown" in scene.run("orphans").stdout


def test_nothing_is_an_empty_list(scene):
    assert scene.json("orphans") == []
    assert "No job of a dead worker waits" in scene.run("orphans").stdout


HOSTILE = [
    "[red]markup[/red] [link=http://x]y[/link] :bomb:",
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe",
    "one\r\nheld      forged-line",
    "\x9b31m",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("terminal", [{}, {"FORCE_COLOR": "1"}], ids=["pipe", "terminal"])
def test_hostile_arguments_are_shown_and_not_obeyed(scene, is_plain, value, terminal):
    scene.hold(value)
    shown = scene.run("orphans", env=terminal, color=True).stdout
    assert is_plain(shown)
    assert not any(line.startswith("held      forged") for line in shown.splitlines())
    if value.startswith("[red]"):
        assert value in shown
    assert scene.json("orphans")[0]["args"] == [value]


def test_huge_arguments_are_truncated_for_people_and_whole_for_programs(scene):
    scene.hold("x" * 300_000)
    shown = scene.run("orphans").stdout
    assert len(shown) < 2000
    assert "(300002 characters)" in shown
    assert scene.json("orphans")[0]["args"] == ["x" * 300_000]


def test_a_number_that_json_does_not_know_does_not_break_the_list(scene):
    scene.hold(float("nan"), [float("inf")])
    text = scene.run("orphans", "--json").stdout
    assert json.loads(text, parse_constant=pytest.fail)[0]["args"] == ["nan", ["inf"]]


class Trap:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.mark.parametrize("encoder", ["PickleEncoder", "JSONEncoder", "TheirOwnEncoder"])
@pytest.mark.parametrize("started", [True, False], ids=["started", "prefetched"])
def test_a_pickled_payload_is_never_read(scene, tmp_path, encoder, started, monkeypatch):
    if encoder == "PickleEncoder":  # as in a dashboard that lives in the app
        monkeypatch.setattr(dramatiq.message, "global_encoder", dramatiq.PickleEncoder())
    info = scene.register("web-1.4711.aaaa", encoder=encoder)
    _, delivery = scene.send()
    if started:
        scene.start_as(info, "some-id", delivery)
    else:
        scene.fetch(info, delivery)
    scene.redis.hset("dramatiq:default.msgs", delivery, pickle.dumps(Trap(tmp_path / "sprung")))
    scene.declare_dead(info)
    [found] = scene.json("orphans")
    assert (found["args"], found["kwargs"]) == (None, None)
    assert found["payload_error"]
    assert "arguments not shown" in scene.run("orphans").stdout
    assert not (tmp_path / "sprung").exists()


def test_a_held_job_whose_payload_is_gone_says_so(scene):
    [(_, delivery)] = scene.hold()
    scene.redis.hdel("dramatiq:default.msgs", delivery)
    assert scene.json("orphans")[0]["payload_error"] == "its payload is gone"


def test_a_held_job_outlives_the_description_of_its_worker(scene):
    scene.hold("still readable")
    scene.redis.delete(scene.keys.instances)
    assert scene.json("orphans")[0]["args"] == ["still readable"]
