"""The JSON API: exact fields, exact counts, and one sentence for what is wrong."""

from __future__ import annotations

from dataclasses import fields

import pytest

from assured_jobs.entry import Orphan
from assured_jobs.orphans import Member
from people import BEARER, VIEWER

ITEM = {field.name for field in fields(Orphan)} | {"args", "kwargs", "payload_error"}


@pytest.fixture
def get(app):
    client = app.test_client()
    return lambda path: client.get(f"/api/v1{path}", headers=VIEWER)


@pytest.fixture
def post(app):
    client = app.test_client()
    return lambda path, body, headers=BEARER: client.post(f"/api/v1{path}", json=body, headers=headers)


def test_orphans_have_every_field_that_the_command_line_tells(get, scene):
    [(message_id, delivery)] = scene.hold("x", size=3, password="hunter2")
    found = get("/orphans").json
    assert set(found) == {"items", "next", "total"}
    assert (found["next"], found["total"]) == (None, 1)
    [item] = found["items"]
    assert set(item) == ITEM
    assert (item["message_id"], item["delivery"], item["state"]) == (message_id, delivery, "held")
    assert (item["args"], item["kwargs"]) == (["x"], {"size": 3, "password": "[hidden]"})
    told = scene.json("orphans")[0]
    assert set(told) == ITEM
    assert {**told, "kwargs": None} == {**item, "kwargs": None}


def test_pages_follow_by_their_cursor(get, scene):
    made = {message_id for message_id, _ in scene.hold("x", number=7)}
    seen, cursor = [], ""
    while cursor is not None:
        found = get(f"/orphans?limit=3&cursor={cursor}").json
        assert found["total"] == 7
        seen += [item["message_id"] for item in found["items"]]
        cursor = found["next"]
    assert len(seen) == 7
    assert set(seen) == made


def test_one_orphan(get, scene):
    [(message_id, delivery)] = scene.hold("x")
    for id in (message_id, delivery):
        found = get(f"/orphans/{id}").json
        assert set(found) == {"message_id", "orphans", "in_flight", "crash_count", "interrupted_count", "timeline"}
        assert set(found["orphans"][0]) == ITEM
        assert found == scene.json("show", id)
    assert get("/orphans/nobody").status_code == 404
    assert set(get("/orphans/nobody").json) == {"error"}


def test_status_instances_and_history(get, scene):
    scene.register("web-1.1.aaaa", present=True)
    scene.hold("x", worker="web-2.1.bbbb")
    status = get("/status").json
    assert set(status) == {
        "bleeding", "summary", "counts", "oldest_orphan", "oldest_held", "due", "watcher",
        "deaths_last_hour", "instances",
    }  # fmt: skip
    assert status["counts"] == {"orphaned": 0, "deferred": 0, "held": 1, "released": 0, "discarded": 0}
    members = get("/instances").json["items"]
    assert all(set(member) == {field.name for field in fields(Member)} for member in members)
    assert {member["id"]: member["state"] for member in members} == {"web-1.1.aaaa": "alive", "web-2.1.bbbb": "dead"}
    history = get("/history?limit=1").json
    assert set(history) == {"items", "next"}
    assert set(history["items"][0]) == {"id", "at", "action", "sentence", "fact"}
    assert history["items"][0]["action"] == "OrphanSettled"


def test_history_goes_back_by_its_next(get, scene):
    scene.hold("x", number=5)
    seen, before = [], ""
    while before is not None:
        found = get(f"/history?limit=2&before={before}").json
        seen += [item["id"] for item in found["items"]]
        before = found["next"]
    assert seen == [one.id for one in reversed(scene.ledger.chronicle.last(100))]


def test_retry_and_delete_by_name_are_exact_and_idempotent(post, scene):
    made = scene.hold("x", number=3)
    orphaned, _ = scene.orphan("y", worker="web-9.1.ffff")
    ids = [made[0][0], made[1][1], "nobody", orphaned]
    assert post("/orphans/retry", {"ids": ids}).json == {"done": 2, "gone": 1, "refused": 1}
    assert post("/orphans/retry", {"ids": ids}).json == {"done": 2, "gone": 1, "refused": 1}
    assert post("/orphans/delete", {"ids": ids[:3]}).json == {"done": 2, "gone": 1, "refused": 0}
    assert post("/orphans/delete", {"ids": ids[:2]}).json == {"done": 0, "gone": 2, "refused": 0}


def test_by_filter_says_how_many_were_not_judged_yet(post, scene):
    scene.hold("x", number=3)
    scene.orphan("y", worker="web-9.1.ffff")
    assert post("/orphans/retry", {"filter": {"queue": "default"}}).json == {"done": 3, "gone": 0, "refused": 1}
    assert post("/orphans/delete", {"filter": {"state": "released"}}).json == {"done": 3, "gone": 0, "refused": 0}
    assert post("/orphans/delete", {"filter": {"state": "released"}}).json == {"done": 0, "gone": 0, "refused": 0}


def test_what_takes_longer_than_a_request_goes_on_with_next(post, scene, monkeypatch):
    monkeypatch.setattr("assured_jobs_web.api.acting.STEP", 0.0)
    scene.hold("x", number=600)
    told = post("/orphans/retry", {"filter": {"state": "held"}}).json
    assert told["done"] == 250
    steps = 1
    while "next" in told:
        told = post("/orphans/retry", {"next": told["next"]}).json
        steps += 1
    assert told == {"done": 600, "gone": 0, "refused": 0}
    assert steps > 3
    assert scene.ledger.custody.count("released") == 600


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "body: expected JSON"), ([], "body: expected JSON"), ({"ids": []}, "ids: expected a list"),
        ({"ids": ["x"], "filter": {}}, "body: expected JSON"), ({"ids": "x"}, "ids: expected a list"),
        ({"ids": [1]}, "ids: expected a list"), ({"ids": ["x"] * 1001}, "ids: expected a list of 1 to 1000"),
        ({"filter": {}}, "filter: expected some of"), ({"filter": {"que": "x"}}, "got que"),
        ({"filter": {"queue": 7}}, "queue: expected text"), ({"filter": {"state": "discarded"}}, "nothing to retry"),
        ({"filter": {"state": "lost"}}, "state: expected some of"),
        ({"filter": {"reason": "x"}}, "reason: expected one of"),
        ({"next": "nobody"}, "next: expected what an earlier answer"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_told_and_nothing_done(post, scene, body, says):
    scene.hold("x")
    answer = post("/orphans/retry", body)
    assert answer.status_code == 400
    assert set(answer.json) == {"error"}
    assert says in answer.json["error"]
    assert scene.ledger.custody.count("held") == 1


@pytest.mark.parametrize("verb", ["retry", "delete"])
@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"queue": ""}, "queue"), ({"actor": None}, "actor"), ({"q": "  "}, "q"), ({"state": []}, "state"),
        ({"state": ""}, "state"), ({"state": "held", "instance": ""}, "instance"), ({"state": {}}, "state"),
    ],
)  # fmt: skip
def test_an_empty_condition_does_not_mean_everything(post, scene, verb, given, name):
    scene.hold("x")
    answer = post(f"/orphans/{verb}", {"filter": given})
    assert answer.status_code == 400
    assert answer.json["error"].startswith(f"{name}: expected a value")
    assert scene.ledger.custody.count("held") == 1


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 40_000, "\ufeff[", '{"ids": [' + "9" * 5000 + "]}"])
def test_a_body_that_cannot_be_read_is_told(app, body):
    answer = app.test_client().post("/api/v1/orphans/retry", data=body, headers=BEARER)
    assert answer.status_code == 400
    assert "body: expected JSON" in answer.json["error"]


def test_a_misspelt_parameter_is_not_passed_over(get):
    answer = get("/orphans?que=mail")
    assert answer.status_code == 400
    assert "no such parameter: que" in answer.json["error"]


def test_a_read_only_token_may_look_alone(get, post):
    assert get("/status").status_code == 200
    answer = post("/orphans/retry", {"ids": ["x"]}, VIEWER)
    assert (answer.status_code, set(answer.json)) == (403, {"error"})
