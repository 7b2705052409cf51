"""Closed by default; and every door, as the URL map has it, refuses whoever may not pass."""

from __future__ import annotations

import logging
import re
import time
from base64 import urlsafe_b64encode

import pytest
from flask import Flask
from flask_wtf import CSRFProtect

from assured_jobs.errors import ConfigurationError
from assured_jobs.settings import AssuredJobsSettings
from assured_jobs_web import Dashboard, Principal, WebSettings, create_app
from assured_jobs_web.doors import DOORS
from people import ANN, BEARER, BOB, SECRETS, VIEWER, Operator, basic
from scene import NAMESPACE

FILLED = {"id": "x", "name": "abc", "_rest": "x", "filename": "dashboard.css"}


def doors(app, *, changing: bool):
    """(method, address) of each rule of the URL map."""
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            address = adapter.build(
                rule.endpoint, {name: FILLED[name] for name in rule.arguments}, force_external=False
            )
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                if (method != "GET") == changing:
                    yield method, address, rule.endpoint.rpartition(".")[2]


def test_every_rule_of_the_url_map_is_a_door_with_a_right(app):
    open_doors = {"static", "healthz", "readyz"}
    for rule in app.url_map.iter_rules():
        door = DOORS[rule.endpoint.rpartition(".")[2]]
        assert bool(door.rights) == (door.name not in open_doors)


def test_every_route_that_changes_something_refuses_anonymous_read_only_and_csrf_less_callers(app, scene):
    scene.hold("x")
    before = {key: value for key, value in scene.everything().items() if b"alive" not in key}
    walked = 0
    for method, address, name in doors(app, changing=True):
        walked += 1
        client = app.test_client()
        assert client.open(address, method=method).status_code == 401, address
        assert client.open(address, method=method, headers=basic("ann", "wrong")).status_code == 401
        for reader in (BOB, VIEWER):
            person = Operator(app.test_client(), reader)
            data = {"csrf_token": Operator(client, ANN).token()}
            answer = person.client.open(address, method=method, headers=reader, data=data)
            # "nowhere" is a page that does not exist, for whoever may look
            assert answer.status_code in ((403,) if name != "nowhere" else (403, 404)), (method, address)
        for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
            answer = client.open(address, method=method, headers={**ANN, **headers})
            assert answer.status_code == 403, (method, address)
    assert walked >= 10
    assert {key: value for key, value in scene.everything().items() if b"alive" not in key} == before


def test_every_page_refuses_whoever_is_not_known(app):
    for method, address, name in doors(app, changing=False):
        expected = 200 if name in ("static", "healthz", "readyz") else 401
        answer = app.test_client().open(address, method=method)
        assert answer.status_code == expected, address
        answer.close()
        if expected == 401:
            assert 'Basic realm="assured-jobs"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 303),
    ],
)
def test_the_browsers_own_word_goes_before_the_token(ann, headers, status):
    assert ann.post("/act/retry", {"id": "x"}, headers=headers).status_code == status


def test_a_token_of_another_session_is_refused(app, ann):
    other = Operator(app.test_client(), ANN)
    ann.get("/orphans")
    answer = ann.client.post("/act/retry", data={"csrf_token": other.token(), "id": "x"}, headers=ANN)
    assert answer.status_code == 403
    assert "load it again" in answer.text


def test_a_bearer_needs_no_token_and_basic_auth_does(app, scene):
    [(message_id, _)] = scene.hold("x")
    asked = {"json": {"ids": [message_id]}}
    client = app.test_client()
    assert client.post("/api/v1/orphans/retry", headers=ANN, **asked).status_code == 403
    assert client.post("/api/v1/orphans/retry", headers=BEARER, **asked).json == {"done": 1, "gone": 0, "refused": 0}


def test_nothing_configured_is_closed_with_the_reason(server, caplog):
    with caplog.at_level(logging.WARNING):
        app = create_app(WebSettings(), jobs=AssuredJobsSettings(redis_url=server.url))
    assert "closed" in caplog.text
    client = app.test_client()
    for path in ("/", "/orphans", "/api/v1/status", "/nope"):
        answer = client.get(path, headers=ANN)
        assert answer.status_code == 503
        assert "ASSURED_JOBS_WEB_USERNAME" in answer.text
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ok\n"


def test_anonymous_is_opened_explicitly_and_warned_of(make_app, caplog):
    with caplog.at_level(logging.WARNING):
        app = make_app(auth="anonymous")
    assert "whoever reaches the dashboard may act" in caplog.text
    client = app.test_client()
    assert client.get("/").status_code == 200
    assert client.post("/act/retry", data={"id": "x"}).status_code == 403, "CSRF holds without a login as well"


def test_a_read_only_dashboard_lets_nobody_act(make_app):
    ann = Operator(make_app(readonly=True).test_client(), ANN)
    assert "Retry" not in ann.get("/orphans").text
    assert ann.post("/act/retry", {"id": "x"}, page="/").status_code == 403


def test_the_hosts_own_login_decides(server):
    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)
    people = {"carol": Principal.operator("carol"), "dave": Principal.viewer("dave")}
    app = create_app(WebSettings(), jobs=jobs, authorize=lambda request: people.get(request.headers.get("X-User")))
    client = app.test_client()
    assert client.get("/orphans").status_code == 403
    assert client.get("/orphans", headers={"X-User": "dave"}).status_code == 200
    assert client.get("/plan/retry", headers={"X-User": "dave"}).status_code == 403
    assert "carol" in client.get("/orphans", headers={"X-User": "carol"}).text


@pytest.mark.parametrize("theirs", [ANN, BEARER, {"Authorization": "Negotiate abc"}])
def test_what_a_proxy_or_the_host_asks_for_shuts_nobody_out(server, theirs):
    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)
    host = create_app(WebSettings(), jobs=jobs, authorize=lambda _: Principal.viewer("carol"))
    assert "carol" in host.test_client().get("/orphans", headers=theirs).text
    anybody = create_app(WebSettings(auth="anonymous"), jobs=jobs).test_client()
    assert anybody.get("/orphans", headers=theirs).status_code == 200
    assert anybody.post("/act/retry", headers=theirs).status_code == 403, "CSRF holds all the same"


def test_who_shows_the_wrong_thing_of_ours_is_nobody(server):
    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)
    settings = {**SECRETS, "auth": "anonymous", "username": None, "password": None}
    for app in (
        create_app(WebSettings(**settings), jobs=jobs),
        create_app(WebSettings(**SECRETS), jobs=jobs, authorize=lambda _: Principal.operator("carol")),
    ):
        for wrong in (basic("bob", "wrong"), {"Authorization": "Bearer wrong"}):
            assert app.test_client().get("/orphans", headers=wrong).status_code == 401


def test_a_host_without_a_key_is_told_so(server):
    host = Flask("host")
    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)
    Dashboard(settings=WebSettings(**SECRETS), jobs=jobs).init_app(host)
    for path in ("/", "/nope", "/api/v1/status"):
        answer = host.test_client().get(path, headers=ANN)
        assert answer.status_code == 503
        assert "has no SECRET_KEY" in answer.text


def test_what_the_browser_may_do(ann):
    headers = ann.get("/").headers
    policy = headers["Content-Security-Policy"]
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    style = ann.get("/static/dashboard.css?v=1")
    assert "immutable" in style.headers["Cache-Control"]
    style.close()
    cookie = ann.get("/orphans").headers.get("Set-Cookie", "") or str(ann.client.get_cookie("assured_jobs"))
    assert "assured_jobs" in cookie


def test_nothing_stands_inline_in_any_page(ann, scene):
    [(message_id, _)] = scene.hold("x", 1)
    for path in (
        "/",
        "/orphans",
        f"/orphans/{message_id}",
        "/instances",
        "/in-flight",
        "/history",
        "/plan/delete",
        "/nope",
    ):
        text = ann.get(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert "<script>" not in text
        assert " onclick" not in text
        assert "https://" not in text.replace("https://dramatiq", "")


def test_too_much_is_refused(ann):
    answer = ann.client.post(
        "/act/retry", data="id=" + "x" * 300_000, headers={**ANN, "Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 413
    assert ann.post("/act/retry", {"id": [str(number) for number in range(501)]}).status_code == 400
    assert ann.get("/orphans?limit=100000").status_code == 400
    assert ann.get("/orphans?q=" + "x" * 201).status_code == 400
    assert ann.get("/orphans?cursor=nonsense").status_code == 400
    assert ann.get("/orphans?sort=evil").status_code == 400
    assert ann.get("/history?before=../etc").status_code == 400


@pytest.mark.parametrize("number", ["000001999999999", "000001" + "9" * 5000, "0", "-1", "+1", "1_0", "\u0661", ""])
def test_a_number_is_bounded_however_it_is_written(ann, scene, number):
    scene.hold("x")
    assert ann.get(f"/orphans?limit={number}").status_code == 400
    assert ann.get(f"/api/v1/history?limit={number}").status_code == 400
    if number:
        plan = re.search(r'name="plan" value="([^"]+)"', ann.get("/plan/retry").text)[1]
        assert ann.post("/runs", {"plan": plan, "rate": number}).status_code == 400
    assert scene.ledger.custody.count("held") == 1


@pytest.mark.parametrize(
    "forged",
    [
        '["held", 0, Infinity, "x"]', '["held", 0, 1e400, "x"]', '["held", 0, NaN, "x"]', '["held"]', "[" * 700, "7",
        f'["orphaned", {"9" * 400}]', f'["orphaned", {2**62}]', '["lost", 0]', '[["held"], 0]', "\ud800",
    ],
)  # fmt: skip
def test_a_forged_cursor_is_told_in_our_own_words(ann, scene, forged):
    scene.orphan("x")
    cursor = urlsafe_b64encode(forged.encode(errors="surrogatepass")).decode()
    for path in ("/orphans?sort=oldest", "/orphans?sort=actor", "/api/v1/orphans?sort=oldest"):
        answer = ann.get(f"{path}&cursor={cursor}")
        assert answer.status_code == 400, path
        assert "cursor: expected a cursor as an earlier answer gave it." in answer.text


def test_the_way_back_leads_to_our_own_pages_alone(ann):
    for back in ("https://evil.test/", "//evil.test", "queue=mail&next=https://evil.test", "limit=99999", "%ff=&&&"):
        where = ann.post("/act/retry", {"id": "x", "back": back}).headers["Location"]
        assert where.startswith("/orphans")
        assert "evil" not in where


def test_a_name_that_is_not_trusted_is_refused(make_app):
    client = make_app(trusted_hosts="dash.example, localhost, [::1]").test_client()
    for host in ("dash.example", "dash.example:8090", "[::1]", "[::1]:8090"):
        assert client.get("/", headers={**ANN, "Host": host}).status_code == 200, host
    for host in ("evil.test", "evil.test:8090", "[::2]:8090", "[::1]evil.test", "dash.example.evil.test"):
        assert client.get("/", headers={**ANN, "Host": host}).status_code == 400, host
    assert client.get("/healthz", headers={"Host": "10.0.0.9"}).status_code == 200


def test_no_password_and_no_address_of_redis_stands_on_any_page(server, caplog):
    port = server.port + 1 if server.port < 65000 else 1
    jobs = AssuredJobsSettings(redis_url=f"redis://user:hunter2@127.0.0.1:{port}/0", namespace=NAMESPACE)
    ann = Operator(create_app(WebSettings(**SECRETS), jobs=jobs).test_client(), ANN)
    for path in (
        "/",
        "/orphans",
        "/orphans/x",
        "/history",
        "/instances",
        "/in-flight",
        "/plan/retry",
        "/api/v1/status",
    ):
        answer = ann.get(path)
        assert answer.status_code == 503
        assert "Redis does not answer" in answer.text
        assert "hunter2" not in answer.text
        assert "127.0.0.1" not in answer.text
    assert ann.get("/healthz").status_code == 200
    assert ann.get("/readyz").status_code == 503
    assert "hunter2" not in caplog.text


def test_a_refusal_shows_nothing_of_what_it_is_made_with(app, ann):
    for answer in (ann.get("/nope"), app.test_client().get("/"), ann.get("/orphans?limit=0"), ann.post("/act/retry")):
        assert "jinja" not in answer.text
        assert 'class="namespace"' not in answer.text or NAMESPACE in answer.text


def test_a_bug_shows_nothing_inside(app, ann, monkeypatch, caplog):
    monkeypatch.setattr("assured_jobs_web.pages.overview.draw", lambda _: 1 / 0)
    answer = ann.get("/")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_a_host_with_its_own_csrf_protection_keeps_its_exemptions(server, scene):
    host = Flask("host")
    host.secret_key = "host's own"
    protection = CSRFProtect(host)

    @host.post("/hook")
    @protection.exempt
    def hook():
        return "heard"

    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)
    Dashboard(settings=WebSettings(**SECRETS), jobs=jobs).init_app(host, url_prefix="/orphaned-jobs")
    [(message_id, delivery)] = scene.hold("x")
    client = host.test_client()
    assert client.post("/hook").text == "heard"
    asked = {"json": {"ids": [message_id]}, "headers": VIEWER}
    assert client.post("/orphaned-jobs/api/v1/orphans/retry", **asked).status_code == 403
    ann = Operator(client, ANN, "/orphaned-jobs")
    assert ann.post("/act/retry", {"id": delivery}).status_code == 303
    assert scene.redis.zscore(scene.keys.released, delivery)
    asked["headers"] = BEARER
    assert client.post("/orphaned-jobs/api/v1/orphans/retry", **asked).json["done"] == 1


def test_forms_name_their_token_as_the_host_does(server, scene):
    host = Flask("host")
    host.secret_key = "host's own"
    host.config["WTF_CSRF_FIELD_NAME"] = "host_token"
    CSRFProtect(host)
    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)
    Dashboard(settings=WebSettings(**SECRETS), jobs=jobs).init_app(host)
    [(_, delivery)] = scene.hold("x")
    client = host.test_client()
    token = re.search(r'name="host_token" value="([^"]+)"', client.get("/orphans", headers=ANN).text)[1]
    answer = client.post("/act/retry", data={"host_token": token, "id": delivery}, headers=ANN)
    assert answer.status_code == 303
    assert scene.ledger.custody.count("released") == 1


def test_the_api_speaks_our_json_whatever_the_hosts(app, scene):
    app.json.ensure_ascii = False
    client = app.test_client()
    answer = client.post("/api/v1/orphans/retry", data='{"filter": {"\\ud800": 1}}', headers=BEARER)
    assert answer.status_code == 400
    assert "got \ud800" in answer.json["error"]
    scene.register("web-1.1.\udcff", heartbeat_ttl=float("inf"))
    scene.redis.zadd(scene.keys.alive, {b"web-1.1.\xff": int(time.time() * 1000)})
    [one] = client.get("/api/v1/instances", headers=VIEWER).json["items"]
    assert (one["id"], one["heartbeat_ttl"]) == ("web-1.1.\udcff", "inf")


def test_two_dashboards_in_one_app_each_have_their_own_redis(server, own_server, scene):
    other = own_server(durable=False)
    host = Flask("host")
    host.secret_key = "host's own"
    for name, url in (("one", server.url), ("two", other.url)):
        jobs = AssuredJobsSettings(redis_url=url, namespace=NAMESPACE)
        Dashboard(settings=WebSettings(**SECRETS), jobs=jobs).init_app(host, url_prefix=f"/{name}", name=name)
    [(message_id, _)] = scene.hold("x")
    client = host.test_client()
    assert message_id in client.get("/one/orphans", headers=ANN).text
    assert message_id not in client.get("/two/orphans", headers=ANN).text


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"username": "ann"}, "ASSURED_JOBS_WEB_PASSWORD: expected a value beside ASSURED_JOBS_WEB_USERNAME"),
        ({"password": "x"}, "ASSURED_JOBS_WEB_USERNAME: expected a value beside ASSURED_JOBS_WEB_PASSWORD"),
        (
            {"token": "short-one"},
            "ASSURED_JOBS_WEB_TOKEN: expected 16 characters or more, got a value that is not shown",
        ),
        ({"auth": "none"}, "ASSURED_JOBS_WEB_AUTH: expected 'anonymous', got 'none'"),
        ({"auth": "anonymous", "username": "a", "password": "b"}, "ASSURED_JOBS_WEB_AUTH: expected no value beside"),
        ({"username": "a:b", "password": "c"}, "ASSURED_JOBS_WEB_USERNAME: expected a name without a colon"),
        ({"refresh": "0.1"}, "ASSURED_JOBS_WEB_REFRESH: expected 2 or more, got '0.1'"),
        ({"links": "javascript:alert(1)"}, "ASSURED_JOBS_WEB_LINKS: expected Name=https://"),
    ],
)
def test_wrong_settings_are_named_and_secrets_are_not_shown(settings, says, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(f"ASSURED_JOBS_WEB_{name.upper()}", value)
    with pytest.raises(ConfigurationError) as refused:
        WebSettings()
    assert says in str(refused.value)
    assert "short-one" not in str(refused.value)


def test_service_links_of_kubernetes_break_nothing_and_slips_are_warned_of(monkeypatch, caplog, server):
    links = {
        "PORT": "tcp://10.0.0.1:80", "SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "80", "PORT_80_TCP": "tcp://10.0.0.1:80",
        "PORT_80_TCP_ADDR": "10.0.0.1", "PORT_80_TCP_PORT": "80", "PORT_80_TCP_PROTO": "tcp", "SERVICE_PORT_HTTP": "80",
    }  # fmt: skip
    for name, value in links.items():
        monkeypatch.setenv(f"ASSURED_JOBS_WEB_{name}", value)
    monkeypatch.setenv("ASSURED_JOBS_WEB_PASWORD", "hunter2")
    with caplog.at_level(logging.WARNING):
        create_app(jobs=AssuredJobsSettings(redis_url=server.url))
    assert "ASSURED_JOBS_WEB_PASWORD is not a setting" in caplog.text
    assert "did you mean ASSURED_JOBS_WEB_PASSWORD?" in caplog.text
    assert "_PORT" not in caplog.text
    assert "hunter2" not in caplog.text
