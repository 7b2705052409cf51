from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime

import pytest

from assured_jobs.events import LedgerBack, OperatorSaid, SignedOff

SETTLED = ("message_id", "actor", "queue", "instance", "outcome", "reason", "crash_count")


def told(scene, *words: str) -> list[dict]:
    """The events as programs get them: one JSON object a line."""
    result = scene.run("events", *words, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def actions(scene, *words: str) -> list[str]:
    return [one["action"] for one in told(scene, *words)]


def sign_off(scene, *names: str) -> None:
    scene.ledger.tell(*(SignedOff(name) for name in names))


def test_what_happened_is_told_in_order_with_its_facts(scene):
    [(message_id, _)] = scene.hold()
    scene.run("retry", message_id)
    settled, said = told(scene)
    assert set(settled) == {"id", "at", "action", "fact"}
    assert (settled["action"], settled["fact"]["outcome"]) == ("OrphanSettled", "held")
    assert (said["action"], said["fact"]["verb"], said["fact"]["message_id"]) == ("OperatorSaid", "retry", message_id)
    assert datetime.fromisoformat(settled["at"]) <= datetime.fromisoformat(said["at"])
    first, second = scene.run("events").stdout.splitlines()
    assert first.endswith("It waits for a person: assured-jobs orphans.")
    assert f"said retry to job {message_id}: 1 done." in second


def test_nothing_is_said_to_be_nothing(scene):
    result = scene.run("events")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing has happened" in result.stderr
    assert told(scene) == []


def test_limit_keeps_the_newest_and_0_keeps_all(scene):
    sign_off(scene, *(f"web-{number}" for number in range(60)))
    assert len(told(scene)) == 50
    assert [one["fact"]["instance"] for one in told(scene, "--limit", "2")] == ["web-58", "web-59"]
    assert len(told(scene, "--limit", "0")) == 60


def test_a_kind_and_a_job_can_be_chosen(scene):
    [(message_id, _), (other, _)] = scene.hold(number=2)
    scene.run("retry", message_id, other)
    assert actions(scene, "--action", "OperatorSaid") == ["OperatorSaid"] * 2
    assert actions(scene, "--job", message_id) == ["OrphanSettled", "OperatorSaid"]
    assert actions(scene, "--job", message_id, "--action", "OperatorSaid", "--limit", "1") == ["OperatorSaid"]


def test_a_misspelt_kind_is_refused_with_those_there_are(scene):
    result = scene.run("events", "--action", "OrphanSetled")
    assert result.exit_code == 2
    assert "OrphanSettled" in result.stderr


@pytest.mark.parametrize("name", ["\x1b[2J", "[bold red]x[/]", "\u202egnp", "a\nheld  forged", "y" * 10_000])
def test_a_hostile_name_is_shown_and_not_obeyed(scene, is_plain, name):
    scene.ledger.tell(OperatorSaid("retry", name, name, 1), SignedOff(name))
    shown = scene.run("events", color=True, env={"FORCE_COLOR": "1"}).stdout
    assert is_plain(shown)
    assert len(shown.splitlines()) == 2
    assert len(shown) < 2000


@pytest.mark.parametrize(
    ("action", "fact"),
    [
        ("LedgerBack", '{"seconds": "long"}'),
        ("OrphanSettled", json.dumps({name: [1] for name in SETTLED})),
        ("OperatorSaid", "[1, 2]"),
        ("FromTheFuture", '{"what": "\\u001b[2J"}'),
        ("\x1b[2J", "no JSON"),
    ],
)  # fmt: skip
def test_an_event_that_is_not_ours_is_told_as_it_stands(scene, is_plain, action, fact):
    scene.redis.xadd(scene.keys.events, {"action": action, "fact": fact})
    sign_off(scene, "web-1")
    result = scene.run("events")
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
    assert is_plain(result.stdout)
    assert len(told(scene)) == 2


def test_looking_changes_nothing(scene):
    scene.hold()
    before = scene.everything()
    scene.run("events")
    assert scene.everything() == before


@pytest.fixture
def follow(scene):
    """`events --follow`, in a process of its own."""
    started = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "assured_jobs", "--url", scene.url, "--namespace", "night"]
        process = subprocess.Popen(
            [*command, "events", "--follow", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_follow_tells_what_comes_and_ends_with_ctrl_c_as_done(scene, follow):
    sign_off(scene, "before")
    process = follow("--json")
    assert json.loads(process.stdout.readline())["fact"] == {"instance": "before"}
    for name in ("then", "later"):
        sign_off(scene, name)
        assert json.loads(process.stdout.readline())["fact"] == {"instance": name}
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    assert process.stdout.read() == ""


def test_follow_of_nothing_yet_says_that_it_waits(scene, follow):
    process = follow("--action", "LedgerBack")
    assert "Waiting for what comes; Ctrl-C ends." in process.stderr.readline()
    sign_off(scene, "not meant")
    scene.ledger.tell(LedgerBack(12.0))
    assert "answers again after 12 s" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_ctrl_c_in_the_middle_of_a_line_is_no_failure_either(scene, monkeypatch):
    sign_off(scene, "web-1")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("assured_jobs.cli.events._print", interrupt)
    assert scene.run("events", "--follow").exit_code == 0
    assert scene.run("events").exit_code == 1
