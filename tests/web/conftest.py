from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from assured_jobs.demo.server import Server
from assured_jobs.settings import AssuredJobsSettings
from assured_jobs_web import WebSettings, create_app
from scene import NAMESPACE, Scene

sys.path.insert(0, str(Path(__file__).parent))

from people import ANN, BOB, SECRETS, Operator


@pytest.fixture
def scene(server: Server) -> Iterator[Scene]:
    made = Scene(server.url)
    yield made
    made.close()


@pytest.fixture
def make_app(server: Server) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        chosen = WebSettings(**({**SECRETS, **settings} if settings.get("auth") is None else settings))
        made.append(create_app(chosen, jobs=AssuredJobsSettings(redis_url=server.url, namespace=NAMESPACE)))
        return made[-1]

    yield make
    for app in made:
        for office in app.extensions["assured_jobs_web"].values():
            office.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def ann(app: Flask) -> Operator:
    return Operator(app.test_client(), ANN)


@pytest.fixture
def bob(app: Flask) -> Operator:
    return Operator(app.test_client(), BOB)
