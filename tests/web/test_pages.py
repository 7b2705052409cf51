"""What stands on the pages, and what their actions do."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import urlsplit

import dramatiq
import pytest

from assured_jobs.entry import Policy
from assured_jobs.events import OrphanSettled
from assured_jobs.recovery import Recovery
from people import ANN, Operator

KILLS = Policy(max_crashes=1)


def said(answer, person) -> str:
    assert answer.status_code == 303, answer.text
    page = person.get(answer.headers["Location"])
    return re.search(r'id="said"[^>]*>(.*?)</div>', page.text, re.DOTALL)[1]


def plan(page) -> dict[str, str]:
    return {"plan": re.search(r'name="plan" value="([^"]+)"', page.text)[1]}


def rows(page) -> list[str]:
    return re.findall(r'<th scope="row"><a class="id" href="[^"]*">([^<]+)</a>', page.text)


def settle(scene) -> None:
    """Redis's clock goes on by a millisecond."""
    time.sleep(0.003)


def test_an_empty_ledger_is_told_in_plain_words(ann):
    assert "NOT BLEEDING, BUT NOBODY WORKS" in ann.get("/").text
    assert "No job of a dead worker waits for anything." in ann.get("/orphans").text
    assert "No assured job is running." in ann.get("/in-flight").text
    assert "No worker is registered." in ann.get("/instances").text
    assert "No such event is remembered." in ann.get("/history").text


def test_the_overview_says_whether_it_is_still_bleeding(ann, scene):
    scene.hold("x", number=3)
    scene.orphan("y", worker="web-9.1.ffff")
    page = ann.get("/").text
    assert "BLEEDING: 1 job of 1 dead worker not brought back yet. 3 jobs held for you to decide." in page
    assert "its actor says so" in page
    assert "3 were held or discarded" in page
    assert "3 of them held" in page


def test_a_watcher_that_fell_silent_is_told_in_red(ann, scene):
    info = scene.register("web-1.1.aaaa", present=True)
    scene.ledger.instances.tick(info.id)
    assert "SILENT" not in ann.get("/").text
    scene.redis.set(scene.keys.tick, f"{int(time.time() * 1000) - 2_400_000} {info.id}")
    time.sleep(1.1)  # what is known of the fleet is a second old at most
    page = ann.get("/").text
    assert "SILENT: nobody recovers anything" in page
    assert "40 min ago" in page
    assert 'class="alarm fire"' in page


def test_where_everybody_observes_the_overview_says_that_nobody_brings_them_back(make_app, scene):
    dead = scene.register("web-1.1.aaaa", heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.start(dead)
    scene.age_heartbeat(dead, 5)  # nobody who only observes declares it so
    info = scene.register("web-2.1.bbbb", present=True, recovery="observe")
    scene.ledger.instances.tick(info.id)
    page = Operator(make_app().test_client(), ANN).get("/").text
    assert "ASSURED_JOBS_RECOVERY=observe: none of them brings anything back by itself." in page
    assert "<code data-copy>assured-jobs --namespace night recover</code> does it now" in page
    scene.register("web-3.1.cccc", present=True)
    assert "observe" not in Operator(make_app().test_client(), ANN).get("/").text


def test_the_list_has_everything_to_decide_by(ann, scene):
    [(message_id, _)] = scene.hold("order-1", worker="web-7.1.cccc", token="s3cret", size=3)
    text = ann.get("/orphans").text
    for part in (
        message_id,
        "charge",
        "default",
        "web-7.1.cccc",
        "its actor says on_orphan=hold",
        "size=3",
        "[hidden]",
    ):
        assert part in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("queue=default", 3), ("queue=mail", 2), ("actor=send", 2), ("actor=nobody", 0), ("instance=web-1", 3),
        ("instance=web-2.1.bbbb", 2), ("reason=on_orphan", 3), ("reason=max_crashes", 2), ("state=held", 5),
        ("state=deferred", 0), ("state=held,deferred", 5), ("q=WEB-2", 2), ("q=died+running", 2), ("q=nothing", 0),
        ("queue=mail&reason=on_orphan", 0), ("queue=mail&q=send", 2),
    ],
)  # fmt: skip
def test_every_filter_narrows_the_list_the_plan_and_the_api(ann, scene, query, number):
    scene.hold("x", worker="web-1.1.aaaa", number=3)
    scene.actor, scene.queue = "send", "mail"
    scene.hold("y", worker="web-2.1.bbbb", number=2, policy=KILLS)
    assert len(rows(ann.get(f"/orphans?{query}"))) == number
    assert ann.get(f"/api/v1/orphans?{query}").json["total"] == number
    planned = re.search(r"Retry <b>(\d+)</b>", ann.get(f"/plan/retry?{query}&poison=1").text)
    assert int(planned[1]) == number


@pytest.mark.parametrize("sort", ["oldest", "newest", "actor", "crashes"])
def test_pages_follow_each_other_without_gap_or_repetition(ann, scene, sort):
    made = [message_id for message_id, _ in scene.hold("x", number=23)]
    scene.orphan("z", worker="web-8.1.dddd")
    seen, path = [], f"/orphans?limit=5&sort={sort}"
    while path:
        page = ann.get(path)
        seen += rows(page)
        found = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = found and found[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 24
    assert set(made) < set(seen)


def test_newest_turns_the_order_round(ann, scene):
    first = scene.hold("x", worker="web-1.1.aaaa")[0][0]
    settle(scene)
    second = scene.hold("y", worker="web-2.1.bbbb")[0][0]
    assert rows(ann.get("/orphans")) == [first, second]
    assert rows(ann.get("/orphans?sort=newest")) == [second, first]


def test_a_narrow_filter_looks_at_a_bounded_number_of_rows_and_goes_on(ann, scene, monkeypatch):
    monkeypatch.setattr("assured_jobs.orphans.browsing.ROWS", 20)
    monkeypatch.setattr("assured_jobs.orphans.browsing.BATCH", 10)
    scene.hold("x", worker="web-1.1.aaaa", number=60)
    settle(scene)
    scene.actor = "rare"
    [(message_id, _)] = scene.hold("y", worker="web-2.1.bbbb")
    looks, path = 0, "/orphans?actor=rare"
    while path:
        page = ann.get(path)
        looks += 1
        if found := rows(page):
            break
        path = re.search(r'rel="next" href="([^"]+)"', page.text)[1].replace("&amp;", "&")
        assert "Go on looking" in page.text
    assert found == [message_id]
    assert looks == 4


def test_a_job_tells_all_that_is_known(ann, scene):
    [(message_id, delivery)] = scene.hold("x", worker="web-4.1.dddd", policy=KILLS, amount=12)
    for id in (message_id, delivery):
        text = ann.get(f"/orphans/{id}").text
        for part in (
            message_id, delivery, "killed its workers", "max_crashes", "Evidence", "Timeline", "web-4.1.dddd died",
            f"assured-jobs --namespace night retry {message_id}", f"assured-jobs --namespace night show {id}",
            "&#34;amount&#34;: 12",
        ):  # fmt: skip
            assert part in text, part


def test_a_traceback_that_the_message_carries_is_shown_without_its_secrets(ann, scene):
    [(message_id, delivery)] = scene.hold("x")
    payload = json.loads(scene.payload(delivery))
    payload["options"]["traceback"] = "Traceback:\n  connect(password='hunter2')\nValueError: \u202eno"
    scene.redis.hset("dramatiq:default.msgs", delivery, json.dumps(payload))
    text = ann.get(f"/orphans/{message_id}").text
    assert "Traceback of an earlier failure" in text
    assert "connect(password=[hidden])" in text
    assert "\u202e" not in text


def test_an_unknown_job_is_404_and_still_a_page(ann):
    answer = ann.get("/orphans/no-such-job")
    assert answer.status_code == 404
    assert "Nothing is known of it" in answer.text


def test_a_worker_taken_for_dead_without_proof_makes_a_retry_doubtful(ann, scene):
    info = scene.register("web-1.1.aaaa", heartbeat_ttl=0.01)
    message_id, _ = scene.start(info, policy=Policy(on_orphan="hold"))
    beat = int(scene.redis.zscore(scene.keys.alive, info.id))
    scene.ledger.instances.declare_dead(
        info, beat=beat, older_than=0, absent=False, draining=False, cause="heartbeat expired"
    )
    from assured_jobs.recovery import Recovery

    Recovery(scene.ledger).run([info.id])
    assert "is done twice" in ann.get(f"/orphans/{message_id}").text


def test_ticked_jobs_are_retried_and_a_second_click_changes_nothing(ann, scene):
    made = scene.hold("x", number=3)
    data = {"id": [made[0][1], made[1][1]]}
    assert said(ann.post("/act/retry", data), ann) == "Retried 2 jobs."
    assert said(ann.post("/act/retry", data), ann) == "Retried 2 jobs."
    assert scene.ledger.custody.count("released") == 2
    assert scene.ledger.custody.count("held") == 1


def test_two_operators_on_one_job_do_it_once_and_the_second_hears_of_it(app, ann, scene):
    [(_, delivery)] = scene.hold("x")
    other = Operator(app.test_client(), ANN)
    ann.get("/orphans")
    token = other.token()
    assert said(ann.post("/act/delete", {"id": delivery, "confirmed": "1"}), ann) == "Deleted 1 job."
    answer = other.client.post("/act/retry", data={"id": delivery, "csrf_token": token}, headers=ANN)
    assert "already gone 1" in said(answer, other)
    assert scene.ledger.custody.count("discarded") == 1


def test_nothing_ticked_is_said_and_nothing_done(ann, scene):
    scene.hold("x")
    assert said(ann.post("/act/retry", {}), ann) == "No job was ticked. Nothing was done."


def test_delete_asks_and_takes_the_number_alone_for_yes(ann, scene):
    made = scene.hold("x", number=2)
    data = {"id": [delivery for _, delivery in made], "back": "state=held"}
    page = ann.post("/act/delete", data)
    assert page.status_code == 200
    assert "Delete 2 jobs for good?" in page.text
    assert made[0][0] in page.text
    wrong = ann.post("/act/delete", {**data, "confirmed": "1"})
    assert "not typed as it is shown" in wrong.text
    assert scene.ledger.custody.count("held") == 2
    assert said(ann.post("/act/delete", {**data, "confirmed": "2"}), ann) == "Deleted 2 jobs."
    assert scene.ledger.custody.count("discarded") == 2


def test_a_plan_leaves_out_what_arrived_later(ann, scene):
    scene.hold("x", number=4)
    page = ann.get("/plan/retry?state=held")
    assert "Retry <b>4</b> jobs?" in page.text
    settle(scene)
    scene.hold("late", worker="web-9.1.ffff")
    assert said(ann.post("/runs", plan(page)), ann) == "Retried 4 jobs."
    assert scene.ledger.custody.count("held") == 1


def test_what_left_meanwhile_is_counted_as_gone(ann, scene):
    made = scene.hold("x", number=4)
    page = ann.get("/plan/delete?state=held")
    ann.post("/act/retry", {"id": made[0][1]})
    scene.ledger.custody.discard(scene.ledger.custody.read([made[1][1]]), "carol")
    answer = ann.post("/runs", {**plan(page), "confirmed": "4"})
    assert said(answer, ann) == "Deleted 2 jobs, already gone 2."


def test_a_plan_cannot_be_changed_and_grows_old(ann, scene, app, monkeypatch):
    scene.hold("x")
    note = plan(ann.get("/plan/retry?state=held"))["plan"]
    for wrong in ("", note[:-2] + "xx", "x" + note, note.replace(".", "..", 1)):
        answer = ann.post("/runs", {"plan": wrong})
        assert answer.status_code == 400
    monkeypatch.setattr("assured_jobs_web.pages.planning._VALID", -1)
    assert "older than an hour" in ann.post("/runs", {"plan": note}).text
    assert scene.ledger.custody.count("held") == 1


def test_delete_of_all_that_match_wants_the_number_typed(ann, scene):
    scene.hold("x", number=3)
    page = ann.get("/plan/delete?state=held")
    answer = ann.post("/runs", {**plan(page), "confirmed": "2"})
    assert "/plan/delete" in answer.headers["Location"]
    assert scene.ledger.custody.count("held") == 3
    assert said(ann.post("/runs", {**plan(page), "confirmed": "3"}), ann) == "Deleted 3 jobs."


def test_jobs_that_kill_their_workers_are_left_out_unless_asked_for(ann, scene):
    scene.hold("x", number=2)
    scene.hold("poison", worker="web-2.1.bbbb", policy=KILLS)
    page = ann.get("/plan/retry?state=held")
    assert "Retry <b>2</b> jobs?" in page.text
    assert "1 that have killed their workers" in page.text
    said(ann.post("/runs", plan(page)), ann)
    assert scene.ledger.custody.count("held") == 1
    page = ann.get("/plan/retry?state=held&poison=1")
    said(ann.post("/runs", plan(page)), ann)
    assert scene.ledger.custody.count("held") == 0


def test_a_long_run_goes_step_by_step_stops_and_goes_on(ann, bob, scene, monkeypatch):
    monkeypatch.setattr("assured_jobs_web.pages.runs.STEP", 0.0)
    scene.hold("x", number=600)
    scene.actor = "other"
    scene.hold("y", worker="web-2.1.bbbb", number=3)
    answer = ann.post("/runs", plan(ann.get("/plan/retry?actor=charge")))
    where = answer.headers["Location"]
    assert where.startswith("/runs/")
    assert "Retried 250 jobs so far." in ann.get(where).text
    assert bob.post(f"{where}/step", page="/").status_code == 403, "read-only people may only watch it"
    ann.post(f"{where}/stop", page=where)
    assert "then stopped" in ann.get(where).text
    assert f'href="{where}"' in ann.get("/history").text, "whoever comes next finds it"
    ann.post(f"{where}/step", page=where)
    assert scene.ledger.custody.count("released") == 250
    ann.post(f"{where}/step", {"resume": "1"}, page=where)
    assert scene.ledger.custody.count("released") == 500
    told = ann.post(f"{where}/step", page=where, headers={"Accept": "application/json"}).json
    while not told["ended"]:
        told = ann.post(f"{where}/step", page=where, headers={"Accept": "application/json"}).json
    assert told["words"] == "Retried 600 jobs."
    assert scene.ledger.custody.count("held") == 3


def test_a_run_outlives_the_dashboard_that_began_it(ann, make_app, scene, monkeypatch):
    monkeypatch.setattr("assured_jobs_web.pages.runs.STEP", 0.0)
    scene.hold("x", number=400)
    where = ann.post("/runs", plan(ann.get("/plan/retry?state=held"))).headers["Location"]
    other = Operator(make_app().test_client(), ANN)
    for _ in range(5):
        other.post(f"{where}/step", page=where)
    assert "Retried 400 jobs." in other.get(where).text
    assert scene.ledger.custody.count("released") == 400


def test_a_rate_is_kept(ann, scene):
    scene.hold("x", number=40)
    wrong = {**plan(ann.get("/plan/retry?state=held")), "rate": "fast"}
    assert ann.post("/runs", wrong).status_code == 400
    began = time.monotonic()
    answer = ann.post("/runs", {**plan(ann.get("/plan/retry?state=held")), "rate": "20"})
    where = answer.headers["Location"]
    while "so far" in ann.get(where).text:
        ann.post(f"{where}/step", page=where)
        time.sleep(0.05)
    assert time.monotonic() - began > 1.8
    assert scene.ledger.custody.count("released") == 40


def test_a_rate_does_not_make_up_for_the_time_in_which_nobody_stepped(ann, scene):
    scene.hold("x", number=200)
    answer = ann.post("/runs", {**plan(ann.get("/plan/retry?state=held")), "rate": "10"})
    where = answer.headers["Location"]
    run = scene.keys.run(where.rpartition("/")[2])
    for field in ("began", "used"):  # a minute later
        if old := scene.redis.hget(run, field):
            scene.redis.hset(run, field, int(old) - 60_000)
    done = [
        ann.post(f"{where}/step", page=where, headers={"Accept": "application/json"}).json["done"] for _ in range(5)
    ]
    assert 10 <= done[0] <= 40
    assert done[-1] < 60


def test_who_did_what_stands_in_the_history_before_and_after(ann, scene):
    made = scene.hold("x", number=3)
    ann.post("/act/retry", {"id": made[0][1]})
    ann.post("/runs", {**plan(ann.get("/plan/delete?state=held")), "confirmed": "2"})
    text = ann.get("/history?action=people").text
    assert f"ann said retry to job {made[0][0]}: 1 done." in text
    assert "ann began to delete 2 jobs (state=held)" in text
    assert re.search(r"ann said delete to state=held \(run \w+, finished\): 2 done\.", text)
    assert "OrphanSettled" not in re.sub(r"<option.*?</option>", "", text)
    told = [one for one in scene.ledger.chronicle.last(50) if one.fact.get("who") == "ann"]
    assert [one.action for one in told] == ["OperatorSaid", "OperatorBegan", "OperatorSaid"]


def test_nothing_is_deleted_where_it_cannot_be_put_on_record(ann, scene):
    scene.hold("x", number=2)
    page = ann.get("/plan/delete?state=held")
    events = scene.redis.dump(scene.keys.events)
    scene.redis.delete(scene.keys.events)
    scene.redis.set(scene.keys.events, "somebody else's")
    answer = ann.client.post("/runs", data={**plan(page), "confirmed": "2", "csrf_token": ""}, headers=ANN)
    assert answer.status_code == 403
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    answer = ann.client.post("/runs", data={**plan(page), "confirmed": "2", "csrf_token": token}, headers=ANN)
    assert answer.status_code == 503
    assert scene.ledger.custody.count("held") == 2
    scene.redis.delete(scene.keys.events)
    scene.redis.restore(scene.keys.events, 0, events)


def test_a_worker_is_declared_dead_after_a_second_question(ann, scene):
    info = scene.register("host-1.7.aaaa", present=True)
    scene.start(info, "x")
    page = ann.get("/instances")
    assert "host-1.7.aaaa" in page.text
    assert "missed after 45 s" in page.text
    asked = ann.post("/act/declare-dead", {"instance": info.id}, page="/instances")
    assert "IT LOOKS ALIVE" in asked.text
    assert not scene.redis.zscore(scene.keys.dead, info.id)
    answer = ann.post("/act/declare-dead", {"instance": info.id, "confirmed": "yes"}, page="/instances")
    assert said(answer, ann) == "host-1.7.aaaa is dead. 1 job of it come back with the next pass."
    assert scene.redis.zscore(scene.keys.dead, info.id)
    assert "ann said declare-dead to worker host-1.7.aaaa" in ann.get("/history").text


def test_what_runs_now_is_listed_the_longest_first(ann, scene):
    info = scene.register("web-1.1.aaaa", present=True)
    first, _ = scene.start(info, "x")
    settle(scene)
    second, _ = scene.start(info, "y")
    assert rows(ann.get("/in-flight")) == [first, second]
    assert "running" in ann.get(f"/orphans/{first}").text


HOSTILE = [
    "<script>window.PWNED=1</script>", '"><img src=x onerror=window.PWNED=1>', "javascript:alert(1)",
    "\u202eevil\u0000\x1b[2J",
    "{{ 7*7 }}", "../../etc/passwd", "a b&c=d#e?f%2e", "\ud800", "x" * 5000, "' OR 1=1 --", "..", "",
]  # fmt: skip


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_and_arguments_stay_text(ann, scene, evil):
    scene.actor = evil or "x"
    sendable = evil.encode(errors="replace").decode().replace("\x00", "") or "x"
    scene.queue = sendable[:100]
    made = scene.hold(evil, worker=f"{sendable[:50]}.1.aaaa", name=evil)
    scene.hold(evil, worker="web-2.1.bbbb", name=evil)
    for path in (
        "/", "/orphans", "/instances", "/history", "/plan/retry?state=held", "/plan/delete?state=held&poison=1",
        f"/orphans/{made[0][0]}", "/orphans?sort=actor", "/api/v1/orphans", "/api/v1/history", "/api/v1/instances",
    ):  # fmt: skip
        answer = ann.get(path)
        assert answer.status_code == 200, path
        if not path.startswith("/api"):
            assert "<script>window" not in answer.text
            assert "<img" not in answer.text
            assert "\u202e" not in answer.text
            assert "\x1b" not in answer.text
            assert "49" not in evil or "{{" not in answer.text
    for query in (evil, evil * 2):
        page = ann.client.get(
            "/orphans", query_string={"q": query[:200].encode(errors="replace"), "actor": "x"}, headers=ANN
        )
        assert page.status_code == 200
        assert "<script>window" not in page.text


@pytest.mark.parametrize(
    ("id", "leads"),
    [
        ("a/b", True), ("a//b", True), ("a?b=c#d", True), ("%2e%2e", True), ("\0", True), ("x" * 300, True),
        ("../history", False), ("a/../../b", False), ("/a", False), ("//evil.test", False), ("a\nb", False),
        ("x" * 301, False), ("..", False), ("\ud800", False),
    ],
    ids=range(14),
)  # fmt: skip
def test_a_job_is_linked_where_its_id_leads_to_it_and_nowhere_else(ann, scene, id, leads):
    info = scene.register("web-1.1.aaaa")
    sent = scene.broker.enqueue(dramatiq.Message("default", "charge", (), {}, {}, message_id=id))
    scene.start_as(info, id, sent.options["redis_message_id"], Policy(on_orphan="hold"))
    scene.declare_dead(info)
    Recovery(scene.ledger).run([info.id])
    found = re.search(r'<a class="id" href="([^"]*)"', ann.get("/orphans").text)
    assert bool(found) == leads
    if found:
        assert ann.get(found[1]).status_code == 200
        assert urlsplit(found[1]).path.startswith("/orphans/")


def test_events_that_are_nested_deeply_hurt_nobody(ann, scene):
    for depth in range(300, 1000, 5):
        scene.redis.xadd(scene.keys.events, {"action": "X", "fact": '{"a": ' + "[" * depth + "]" * depth + "}"})
    for before in ("", *(told.id for told in scene.ledger.chronicle.last(200)[::40])):
        assert ann.get(f"/history?before={before}").status_code == 200


def test_payloads_that_cannot_be_shown_hurt_nobody(ann, scene):
    made = scene.hold("x", number=6)
    evil = [
        b"\x80\x04\x95 pickle", b"\xff\xfe", b"[" * 100_000, b"null", b'{"args": 1}',
        json.dumps({"args": ["y" * 3_000_000], "kwargs": {}, "options": {}}).encode(),
    ]  # fmt: skip
    for (_, delivery), payload in zip(made, evil, strict=True):
        scene.redis.hset("dramatiq:default.msgs", delivery, payload)
    began = time.monotonic()
    page = ann.get("/orphans")
    assert page.status_code == 200
    assert len(page.data) < 100_000
    assert page.text.count("cannot be decoded") == 5
    assert "bytes: too much to show here" in page.text
    for message_id, _ in made:
        assert ann.get(f"/orphans/{message_id}").status_code == 200
    assert time.monotonic() - began < 10
    assert said(ann.post("/act/retry", {"id": [delivery for _, delivery in made]}), ann) == "Retried 6 jobs."


def test_everything_of_arguments_can_be_hidden(make_app, scene):
    [(message_id, _)] = scene.hold("visible", password="x")
    for settings in ({"hide_arguments": True}, {"redact_actors": ("charge",)}):
        ann = Operator(make_app(**settings).test_client(), ANN)
        job = f"/orphans/{message_id}"
        for path in ("/orphans", job, "/plan/retry?state=held", "/api/v1/orphans", f"/api/v1{job}"):
            answer = ann.get(path)
            assert answer.status_code == 200
            assert "visible" not in answer.text, path


def test_a_hook_of_the_hosts_redacts_and_hides_all_where_it_fails(server, scene):
    from assured_jobs.settings import AssuredJobsSettings
    from assured_jobs_web import WebSettings, create_app
    from people import SECRETS
    from scene import NAMESPACE

    scene.hold("4111-1111", size=3)
    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)

    def first_is_secret(actor, args, kwargs):
        return ["***", *args[1:]], kwargs

    ann = Operator(create_app(WebSettings(**SECRETS), jobs=jobs, redact=first_is_secret).test_client(), ANN)
    assert "4111-1111" not in ann.get("/orphans").text
    assert "size=3" in ann.get("/orphans").text
    ann = Operator(create_app(WebSettings(**SECRETS), jobs=jobs, redact=lambda *_: 1 / 0).test_client(), ANN)
    assert "size=3" not in ann.get("/orphans").text
    assert "the redaction hook failed" in ann.get("/orphans").text


def test_links_of_the_settings_carry_the_jobs_names_safely(make_app, scene):
    scene.actor = 'a"&b=/../'
    [(message_id, _)] = scene.hold("x")
    ann = Operator(make_app(links="Logs=https://logs.example/?id={message_id}&actor={actor}").test_client(), ANN)
    text = ann.get(f"/orphans/{message_id}").text
    assert f'href="https://logs.example/?id={message_id}&amp;actor=a%22%26b%3D%2F..%2F"' in text


def test_under_a_prefix_every_address_has_it(make_app, scene):
    [(message_id, _)] = scene.hold("x")
    app = make_app(proxies=1)
    told = {"Prefix": "/ops", "Host": "tools.example", "Proto": "https", "For": "10.1.1.1"}
    headers = {**ANN, **{f"X-Forwarded-{name}": value for name, value in told.items()}}
    client = app.test_client()
    for path in (
        "/",
        "/orphans",
        f"/orphans/{message_id}",
        "/plan/retry?state=held",
        "/instances",
        "/history",
        "/nope",
    ):
        text = client.get(path, headers=headers).text
        for address in re.findall(r'(?:href|src|action|formaction|data-run)="([^"]*)"', text):
            assert address.startswith(("/ops/", "#")), (path, address)


def test_a_job_with_a_thousand_events_tells_the_newest_and_how_many_are_left_out(ann, scene):
    [(message_id, _)] = scene.hold("x")
    told = [OrphanSettled(message_id, "charge", "default", "web-1.1.aaaa", "held", f"life {n}", 1) for n in range(1000)]
    scene.ledger.chronicle.add(told)
    page = ann.get(f"/orphans/{message_id}").text
    assert "life 999" in page
    assert "life 799" not in page
    assert "earlier events left out" in page


def test_a_worker_that_lost_its_connection_is_not_told_as_all_well(ann, scene):
    scene.lose_connection(scene.register("web-1.1.aaaa", present=True, presence_grace=60.0))
    ann.get("/")
    time.sleep(1.1)  # what is known of the fleet is a second old at most
    page = ann.get("/").text
    assert "NOT KNOWN YET: 1 worker lost the connection, and may be dead." in page
    assert "NOT BLEEDING" not in page


def test_the_first_page_after_all_workers_died_tells_what_they_left(ann, scene):
    info = scene.register("web-1.1.aaaa", present=True)
    scene.start(info)
    scene.lose_connection(info)
    assert "BLEEDING: 1 job of 1 dead worker not brought back yet." in ann.get("/").text
