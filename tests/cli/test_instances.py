from __future__ import annotations

import json

import pytest

from assured_jobs.cli import main
from assured_jobs.orphans import Orphans

FIELDS = {
    "id", "state", "label", "host", "pid", "version", "heartbeat_age", "presence", "running", "left", "cause",
    "uptime", "rss", "heartbeat_ttl", "stall_ttl", "recovery",
}  # fmt: skip


@pytest.fixture
def stalled(scene):
    """A worker that is connected and silent, with a job."""
    info = scene.register("pod-9.7.ssss", present=True, heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.start(info)
    scene.age_heartbeat(info, 5)
    return info


def states(scene) -> dict[str, str]:
    return {member["id"]: member["state"] for member in scene.json("instances")}


def test_every_worker_is_listed_with_what_it_runs_or_left(scene, stalled):
    scene.orphan()
    found = {member["id"]: member for member in scene.json("instances")}
    assert set(found[stalled.id]) == FIELDS
    assert (found[stalled.id]["state"], found[stalled.id]["running"]) == ("stalled", 1)
    assert (found["web-1.4711.aaaa"]["state"], found["web-1.4711.aaaa"]["left"]) == ("dead", 1)
    shown = scene.run("instances").stdout
    assert "1 running" in shown
    assert "1 left" in shown


def test_nobody_is_said_to_be_nobody(scene):
    assert scene.json("instances") == []
    assert scene.run("instances").stdout == "No worker is registered.\n"


def test_looking_changes_nothing(scene, stalled):
    scene.orphan()
    before = scene.everything()
    scene.run("instances")
    scene.run("instances", "--json")
    scene.run("instances", "declare-dead", stalled.id)
    assert scene.everything() == before


@pytest.mark.parametrize("name", ["\x1b[2J", "[bold red]x[/]", "\u202egnp", "y" * 10_000])
def test_a_hostile_name_is_shown_and_not_obeyed(scene, is_plain, name):
    scene.register(f"{name}.1.a", host=name)
    for words in (("instances",), ("instances", "declare-dead", name)):
        result = scene.run(*words, color=True, env={"FORCE_COLOR": "1"})
        assert is_plain(result.output)
        assert len(result.output) < 3000
    assert scene.json("instances")[0]["host"] == name


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_an_id_is_never_broken_in_two(scene, monkeypatch, width):
    id = "checkout-worker-7d9f8b6c5d-zzzzz.4711.1a2b3c4d"
    scene.start(scene.register(id, host="checkout-worker-7d9f8b6c5d-zzzzz"))
    monkeypatch.setattr("assured_jobs.cli.words._WIDE", width)
    for verb in ("instances", "status", "in-flight"):
        assert id in scene.run(verb).stdout


def test_a_stalled_worker_is_declared_dead_and_its_job_comes_back(scene, stalled):
    found = scene.json("instances", "declare-dead", stalled.id, "--yes")
    assert found == {"id": stalled.id, "state": "dead", "was": "stalled", "left": 1}
    assert states(scene)[stalled.id] == "dead"
    scene.run("recover")
    assert len(scene.queued()) == 1


def test_who_declared_it_is_remembered(scene, stalled):
    scene.run("instances", "declare-dead", "pod-9", "--yes")
    [member] = scene.json("instances")
    assert member["cause"].endswith("said so")
    facts = [json.loads(line)["fact"] for line in scene.run("events", "--json").stdout.splitlines()]
    assert [(fact["verb"], fact["what"]) for fact in facts if "verb" in fact] == [
        ("declare-dead", f"worker {stalled.id}")
    ]


def test_without_a_watcher_it_says_what_to_do_next(scene, stalled):
    result = scene.run("instances", "declare-dead", stalled.id, "--yes")
    assert f"{stalled.id} is dead. 1 job of it to bring back." in result.stdout
    assert "run `assured-jobs recover`" in result.stdout


@pytest.mark.parametrize(("answer", "code", "state"), [("n", 1, "alive"), ("y", 0, "dead")])
def test_on_a_terminal_it_warns_of_a_living_one_and_asks(scene, answering, answer, code, state):
    info = scene.register("web-1.4711.aaaa", present=True)
    scene.start(info)
    done = answering(f"{answer}\n", "instances", "declare-dead", info.id)
    assert done.returncode == code, done.stderr
    assert "is alive: last heartbeat" in done.stdout
    assert "IT LOOKS ALIVE" in done.stdout
    assert "run its 1 job elsewhere?" in done.stdout
    assert states(scene) == {info.id: state}


def test_with_yes_it_warns_of_a_living_one_and_does_it(scene):
    info = scene.register("web-1.4711.aaaa", present=True)
    result = scene.run("instances", "declare-dead", info.id, "--yes")
    assert result.exit_code == 0
    assert "IT LOOKS ALIVE" in result.stderr
    assert states(scene) == {info.id: "dead"}


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_without_a_terminal_it_wants_yes(scene, stalled, more):
    result = scene.run("instances", "declare-dead", stalled.id, *more)
    assert result.exit_code == 2
    assert "Expected --yes" in result.stderr
    assert states(scene) == {stalled.id: "stalled"}


def test_one_that_is_dead_already_is_done_without_a_question(scene):
    scene.orphan()
    before = scene.everything()
    result = scene.run("instances", "declare-dead", "web-1.4711.aaaa")
    assert result.exit_code == 0
    assert "web-1.4711.aaaa is dead already. 1 job of it to bring back." in result.stdout
    assert scene.everything() == before


def test_one_that_is_only_judged_dead_is_declared_so(scene):
    info = scene.register("web-1.4711.aaaa", heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.age_heartbeat(info, 5)
    assert scene.json("instances", "declare-dead", info.id, "--yes")["was"] == "dead"
    assert scene.redis.zscore(scene.keys.dead, info.id)


def test_a_label_of_several_is_refused_and_they_are_named(scene):
    ids = [scene.register(f"web-1.{pid}.aaaa", present=True).id for pid in (7, 8)]
    result = scene.run("instances", "declare-dead", "web-1", "--yes")
    assert result.exit_code == 1
    assert "label of 2 workers" in result.stderr
    for id in ids:
        assert f"  {id} (alive)\n" in result.stderr
    assert set(states(scene).values()) == {"alive"}


@pytest.mark.parametrize("id", ["nobody", "", "[red]x", "\x1b[2J", "x" * 10_000])
def test_nobody_of_that_name_exits_with_1(scene, is_plain, id):
    scene.register("web-1.4711.aaaa")
    result = scene.run("instances", "declare-dead", id, "--yes")
    assert result.exit_code == 1
    assert "no such worker" in result.stderr
    assert result.stderr.startswith("assured-jobs: ")
    assert is_plain(result.stderr)


@pytest.fixture
def desk(scene):
    made = Orphans(scene.ledger)
    yield made
    made.close()


def test_a_heartbeat_after_the_look_saves_it(scene, desk, stalled):
    fleet = desk.look()
    scene.ledger.instances.beat(stalled, presence=True, draining=False)
    assert desk.declare_dead(stalled.id, fleet, "ann") == "alive"
    assert states(scene)[stalled.id] != "dead"


def test_the_second_of_two_persons_is_told_that_it_is_dead_already(desk, stalled):
    fleet = desk.look()
    assert [desk.declare_dead(stalled.id, fleet, who) for who in ("ann", "bob")] == ["declared", "already"]
    assert desk.ledger.instances.deaths([stalled.id])[0].cause == "ann said so"


def test_a_verb_that_is_none_exits_with_2(scene):
    assert scene.run("instances", "frobnicate").exit_code == 2
    assert "declare-dead" in main.commands["instances"].commands
