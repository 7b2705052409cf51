"""docs/dashboard.md: its table is the settings, and its three mounts answer under their prefix."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from werkzeug.test import Client

from assured_jobs_web.settings import WebSettings, variable
from people import ANN, SECRETS

TEXT = (Path(__file__).parents[2] / "docs/dashboard.md").read_text()
FLASK, FASTAPI, DJANGO = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def settings(server, monkeypatch) -> None:
    monkeypatch.setenv("ASSURED_JOBS_REDIS_URL", server.url)
    for name, value in SECRETS.items():
        monkeypatch.setenv(variable(name), value)


def run(block: str) -> dict:
    scope: dict = {"__name__": "their_app"}
    exec(compile(block, "docs/dashboard.md", "exec"), scope)
    return scope


def test_the_table_is_the_settings() -> None:
    rows = re.findall(r"^\| `(ASSURED_JOBS_WEB_\w+)` \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
    fields = WebSettings.model_fields
    assert [(name, meaning) for name, _, meaning in rows] == [
        (variable(name), field.description) for name, field in fields.items()
    ]


@pytest.mark.usefixtures("settings")
def test_in_flask_under_its_prefix_and_behind_its_login() -> None:
    client = run(FLASK)["app"].test_client()
    assert "Orphaned jobs" in client.get("/orphaned-jobs/").text
    assert client.get("/").status_code == 404


@pytest.mark.usefixtures("settings")
def test_beside_fastapis_routes() -> None:
    app = run(FASTAPI)["app"]

    async def ask(**headers: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
            return await client.get("/orphaned-jobs/", headers=headers)

    assert asyncio.run(ask()).status_code == 401
    assert 'href="/orphaned-jobs/orphans"' in asyncio.run(ask(**ANN)).text


@pytest.mark.usefixtures("settings")
def test_beside_djangos_views() -> None:
    from django.conf import settings as theirs

    if not theirs.configured:
        theirs.configure(SECRET_KEY="k" * 50, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
    client = Client(run(DJANGO)["application"])
    assert client.get("/orphaned-jobs/").status_code == 401
    assert 'href="/orphaned-jobs/orphans"' in client.get("/orphaned-jobs/", headers=ANN).text


urlpatterns: list = []
