"""ASSURED_JOBS_WEB_PROXIES: what the proxies before it say is believed from as many, and from nobody else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import httpx
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from assured_jobs_web.settings import variable
from people import ANN, Operator

TOLD = {"For": "10.1.1.1", "Proto": "https", "Host": "tools.example", "Prefix": "/ops"}


def forwarded(**changes: str) -> dict[str, str]:
    return {f"X-Forwarded-{name}": value for name, value in {**TOLD, **changes}.items()}


def addresses(text: str) -> list[str]:
    return re.findall(r'(?:href|src|action)="([^"#]+)"', text)


@pytest.fixture
def come(make_app):
    """Ann, with the same headers before each request of hers."""
    return lambda headers, **settings: Operator(make_app(**settings).test_client(), {**ANN, **headers})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://tools.example"}, 303),
        ({"Origin": "https://tools.example", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://localhost"}, 403),  # what the proxy calls us is nobody's origin
        ({"Origin": "https://evil.test"}, 403),
    ],
)
def test_behind_a_proxy_the_page_is_at_home_where_the_browser_sees_it(come, scene, headers, status):
    [(_, delivery)] = scene.hold("x")
    ann = come(forwarded(), proxies=1)
    page = ann.get("/orphans")
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin", "it is known to be HTTPS"
    assert addresses(page.text)
    assert all(one.startswith("/ops/") for one in addresses(page.text))
    answer = ann.post("/act/retry", {"id": delivery}, headers=headers)
    assert answer.status_code == status
    assert bool(scene.redis.zscore(scene.keys.released, delivery)) == (status == 303)
    if status == 303:
        assert answer.headers["Location"] == "/ops/orphans"
        assert "Retried 1 job" in ann.get("/orphans").text


def test_a_port_of_the_proxys_own_belongs_to_the_name(come):
    ann = come(forwarded(Proto="http", Host="tools.example:8443"), proxies=1)
    for origin, status in (("http://tools.example:8443", 303), ("http://tools.example", 403)):
        assert ann.post("/act/retry", {"id": "x"}, headers={"Origin": origin}).status_code == status


def test_without_proxies_the_headers_change_nothing(come, scene):
    [(_, delivery)] = scene.hold("x")
    plain, forged = come({}), come(forwarded())
    for path in ("/", "/orphans", "/nope"):
        pages = [person.get(path) for person in (plain, forged)]
        assert addresses(pages[0].text) == addresses(pages[1].text)
        assert "Cross-Origin-Opener-Policy" not in pages[1].headers
    assert forged.post("/act/retry", {"id": delivery}, headers={"Origin": "https://tools.example"}).status_code == 403
    assert not scene.redis.zscore(scene.keys.released, delivery)
    answer = forged.post("/act/retry", {"id": delivery}, headers={"Origin": "http://localhost"})
    assert answer.headers["Location"] == "/orphans"
    assert scene.redis.zscore(scene.keys.released, delivery)


@pytest.mark.parametrize(("proxies", "who"), [(0, "anonymous@127.0.0.1"), (1, "anonymous@10.1.1.1")])
def test_who_asks_is_whom_the_proxy_has_seen(make_app, proxies, who):
    client = make_app(auth="anonymous", proxies=proxies).test_client()
    assert who in client.get("/", headers=forwarded()).text


@pytest.mark.parametrize(
    ("proxies", "host", "believed"),
    [
        (1, "evil.test, tools.example", True),  # a proxy adds at the end: what is before it came with the request
        (2, "evil.test, tools.example, inner.example", True),
        (2, "tools.example", False),  # one of the two proxies was left out on the way here
    ],
)
def test_as_many_are_believed_as_there_are_proxies(come, proxies, host, believed):
    ann = come(forwarded(Host=host), proxies=proxies)
    for origin, right in (("https://tools.example", believed), ("https://evil.test", False)):
        assert ann.post("/act/retry", {"id": "x"}, headers={"Origin": origin}).status_code == (303 if right else 403)


@pytest.mark.parametrize(
    ("proxies", "host", "told", "status"),
    [
        (1, "10.0.0.7:8090", "tools.example", 200),
        (1, "tools.example", "evil.test", 400),
        (0, "evil.test", "tools.example", 400),
        (0, "tools.example", "evil.test", 200),
    ],
)
def test_the_name_that_is_trusted_is_the_browsers(come, proxies, host, told, status):
    ann = come({**forwarded(Host=told), "Host": host}, proxies=proxies, trusted_hosts="tools.example")
    assert ann.get("/").status_code == status


@pytest.mark.parametrize(
    ("prefix", "root"),
    [("/ops", "/ops/orphaned-jobs/"), ("ops/", "/ops/orphaned-jobs/"), ("", "/orphaned-jobs/")],
)
def test_the_proxys_prefix_goes_before_that_of_a_mount(make_app, prefix, root):
    app = make_app(proxies=1)
    client = Client(DispatcherMiddleware(app, {"/orphaned-jobs": app}))
    headers = {**ANN, **forwarded(Prefix=prefix)}
    found = addresses(client.get("/orphaned-jobs/orphans", headers=headers).text)
    assert found
    assert all(one.startswith(root) for one in found), found


@pytest.mark.parametrize(
    ("proxies", "trusted", "says"),
    [
        ("0", "", ('href="/orphans"', "anonymous@127.0.0.1")),
        ("1", "tools.example", ('href="/ops/orphans"', "anonymous@10.1.1.1")),
        ("1", "", ("This dashboard is not reached by that name.",)),  # it listens on 127.0.0.1
    ],
)
def test_the_server_of_our_own_hands_the_headers_on_where_they_are_believed(server, proxies, trusted, says):
    told = {"auth": "anonymous", "proxies": proxies, "trusted_hosts": trusted}
    env = {**os.environ, **{variable(name): value for name, value in told.items()}}
    command = [sys.executable, "-m", "assured_jobs", "--url", server.url, "web", "--port", "0", "--json"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as web:
        try:
            address = json.loads(web.stdout.readline())["address"]
            page = httpx.get(address, headers=forwarded(), timeout=30, trust_env=False).text
        finally:
            web.terminate()
    assert [words for words in says if words not in page] == []
