"""`/metrics` tells Prometheus what Redis knows; tests/platform has a real one scrape it."""

from __future__ import annotations

import sys

from assured_jobs.demo.server import free_port
from assured_jobs.settings import AssuredJobsSettings
from assured_jobs_web import WebSettings, create_app
from people import BEARER, SECRETS, VIEWER
from prometheus import lint


def test_what_redis_knows_is_told_to_those_who_may_look(app, scene):
    scene.hold("x", number=3)
    client = app.test_client()
    assert client.get("/metrics").status_code == 401
    for headers in (VIEWER, BEARER):
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 200
        assert answer.mimetype == "text/plain"
        assert 'assured_jobs_orphans{state="held"} 3.0\n' in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
    lint(answer.text)


def test_one_watch_lasts_from_scrape_to_scrape(app, scene):
    client = app.test_client()
    [office] = app.extensions["assured_jobs_web"].values()
    scrapes = [client.get("/metrics", headers=VIEWER).text for _ in range(3)]
    assert all("assured_jobs_redis_up 1.0" in text for text in scrapes)
    assert office.desk.collector is office.desk.collector


def test_a_redis_that_is_away_is_an_answer():
    jobs = AssuredJobsSettings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    answer = create_app(WebSettings(**SECRETS), jobs=jobs).test_client().get("/metrics", headers=VIEWER)
    assert answer.status_code == 200
    assert "assured_jobs_redis_up 0.0" in answer.text


def test_without_the_extra_it_says_which(app, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "assured_jobs.metrics.collector", raising=False)
    answer = app.test_client().get("/metrics", headers=VIEWER)
    assert answer.status_code == 501
    assert "pip install 'dramatiq-assured-jobs[metrics]'" in answer.text
