"""Many threads at one desk: they take turns where they must, and do not queue for a Redis that hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from assured_jobs.settings import AssuredJobsSettings
from assured_jobs_web import WebSettings, create_app
from people import ANN, BEARER, SECRETS
from scene import NAMESPACE

THREADS = 8


def at_once(number: int, ask: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, range(number)))


def test_names_that_nobody_knows_are_looked_for_by_one_thread_after_the_other(app, scene):
    scene.register("web-1.1.aaaa", present=True)

    def ask(number: int) -> int:
        client = app.test_client()
        if number % 3 == 0:
            return client.get("/api/v1/status", headers=BEARER).status_code
        return client.post("/api/v1/orphans/retry", json={"ids": ["nobody"]}, headers=BEARER).status_code

    assert set(at_once(120, ask)) == {200}


def test_a_redis_that_hangs_keeps_one_thread_and_not_all(own_server):
    server = own_server(durable=False)
    jobs = AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE, redis_timeout=0.5)
    app = create_app(WebSettings(**SECRETS), jobs=jobs)

    def ask(_: int) -> tuple[int, float]:
        began = time.monotonic()
        status = app.test_client().get("/", headers=ANN).status_code
        return status, time.monotonic() - began

    assert {status for status, _ in at_once(THREADS, ask)} == {200}
    time.sleep(1.1)  # what is known is a second old at most
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        first = at_once(THREADS, ask)
        assert {status for status, _ in first} == {503}
        assert max(seconds for _, seconds in first) < 2
        began = time.monotonic()
        assert {status for status, _ in at_once(4 * THREADS, ask)} == {503}
        assert time.monotonic() - began < 4
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert ask(0)[0] == 200
