from __future__ import annotations

import json
from datetime import datetime

import pytest

NEW_ID = "00000000-0000-4000-8000-000000000000"


def whats(found: dict) -> str:
    """The timeline in one text."""
    return "\n".join(moment["what"] for moment in found["timeline"])


@pytest.mark.parametrize("which", [0, 1], ids=["message id", "delivery"])
def test_a_held_job_is_told_from_its_start_to_its_custody(scene, which):
    [ids] = scene.hold(7, card="x")
    found = scene.json("show", ids[which])
    assert set(found) == {"message_id", "orphans", "in_flight", "crash_count", "interrupted_count", "timeline"}
    assert (found["message_id"], found["crash_count"], found["interrupted_count"]) == (ids[0], 1, 0)
    [orphan] = found["orphans"]
    assert (orphan["state"], orphan["args"], orphan["kwargs"]) == ("held", [7], {"card": "x"})
    assert found["in_flight"] == []
    started, died, held = (moment["what"] for moment in found["timeline"])
    assert started == "Started on web-1.4711.aaaa (node-7)."
    assert died == "web-1.4711.aaaa died: connection lost. Counted as a crash."
    assert "held: its actor says on_orphan=hold" in held
    times = [datetime.fromisoformat(moment["at"]) for moment in found["timeline"]]
    assert times == sorted(times)


def test_people_are_told_what_to_type_next(scene):
    [(message_id, _)] = scene.hold("x")
    shown = scene.run("show", message_id).stdout
    assert shown.startswith(f"held      {message_id}  charge on default")
    assert "Timeline\n" in shown
    assert f"assured-jobs retry {message_id}\n" in shown
    assert f"assured-jobs delete {message_id}\n" in shown


def test_all_times_are_iso_8601(scene):
    [(message_id, _)] = scene.hold()
    [orphan] = scene.json("show", message_id)["orphans"]
    for name in ("started_at", "orphaned_at", "since"):
        assert datetime.fromisoformat(orphan[name]).utcoffset() is not None


def test_a_deferred_job_is_told_with_its_reason(scene):
    message_id, _ = scene.defer("later")
    found = scene.json("show", message_id)
    assert [one["state"] for one in found["orphans"]] == ["deferred"]
    assert found["crash_count"] == 7
    assert "deferred: its worker died: crash 7" in whats(found)
    assert f"assured-jobs retry {message_id}\n" in scene.run("show", message_id).stdout


def test_a_job_under_way_is_told_with_its_worker(scene):
    info = scene.register("web-1.4711.aaaa", present=True)
    message_id, delivery = scene.start(info)
    found = scene.json("show", message_id)
    assert found["orphans"] == []
    [one] = found["in_flight"]
    assert (one["delivery"], one["instance"], one["state"]) == (delivery, info.id, "alive")
    assert whats(found) == "Started on web-1.4711.aaaa, where it runs."
    assert f"running   {message_id}  charge on default" in scene.run("show", message_id).stdout


def test_an_unjudged_job_is_told_as_orphaned_and_nothing_is_judged(scene):
    message_id, _ = scene.orphan("x")
    found = scene.json("show", message_id)
    assert [one["state"] for one in found["orphans"]] == ["orphaned"]
    assert "`assured-jobs recover` does" in scene.run("show", message_id).stdout


@pytest.mark.parametrize("which", [0, 1], ids=["message id", "delivery"])
@pytest.mark.parametrize("words", [("--all", "--yes"), ()], ids=["all", "named"])
def test_a_discarded_job_is_not_taken_for_a_finished_one(scene, which, words):
    [ids] = scene.hold("x")
    scene.run("delete", *(words or ids[:1]))
    found = scene.json("show", ids[which])
    assert (found["message_id"], [one["state"] for one in found["orphans"]]) == (ids[0], ["discarded"])
    assert whats(found).count("said delete") == 1, "said once, though both the record and an event tell it"
    shown = scene.run("show", ids[which]).stdout
    assert shown.startswith("discarded ")
    assert "finished" not in shown


def test_what_a_person_said_stands_in_the_timeline_once(scene):
    [(message_id, _)] = scene.hold()
    scene.run("retry", message_id)
    found = scene.json("show", message_id)
    assert [one["state"] for one in found["orphans"]] == ["released"]
    assert whats(found).count("said retry") == 1


def test_a_job_that_came_back_is_known_by_its_record(scene):
    message_id, _ = scene.orphan()
    scene.run("recover")
    found = scene.json("show", message_id)
    assert (found["orphans"], found["in_flight"], found["crash_count"]) == ([], [], 1)
    assert "in its queue, or finished. 1 crash counted." in scene.run("show", message_id).stdout


@pytest.mark.parametrize("id", [NEW_ID, "", "[red]x", "\x1b[2J", "\u202ex", "x" * 10_000, "*"])
def test_an_id_that_nobody_knows_exits_with_1(scene, is_plain, id):
    scene.hold()
    result = scene.run("show", id)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Nothing is known of it" in result.stderr
    assert is_plain(result.stderr)
    assert len(result.stderr) < 500
    result = scene.run("show", id, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["timeline"] == []


@pytest.mark.parametrize("name", ["\x1b[2J", "[bold red]x[/]", "\u202egnp", "y" * 10_000])
def test_a_hostile_name_is_shown_and_not_obeyed(scene, is_plain, name):
    scene.actor = name
    [(message_id, _)] = scene.hold(name, worker=f"{name[:50]}.1.a")
    shown = scene.run("show", message_id, color=True, env={"FORCE_COLOR": "1"}).stdout
    assert is_plain(shown)
    assert len(shown) < 4000
    assert scene.json("show", message_id)["orphans"][0]["actor"] == name


def test_looking_changes_nothing(scene):
    [(held, _)] = scene.hold()
    unjudged, _ = scene.orphan(worker="web-3.1.cccc")
    running, _ = scene.start(scene.register("web-4.1.dddd", present=True))
    before = scene.everything()
    for id in (held, unjudged, running, NEW_ID):
        scene.run("show", id)
    assert scene.everything() == before


def test_a_foreign_record_is_told_with_its_key(scene):
    [(message_id, _)] = scene.hold()
    scene.redis.hset(scene.keys.job(message_id), "crashes", "theirs")
    result = scene.run("show", message_id)
    assert result.exit_code == 3
    assert scene.keys.job(message_id) in result.stderr
