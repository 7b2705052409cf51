from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assured_jobs.demo.server import Server
from visitor import Visitor
from walkthrough import Walkthrough


@pytest.fixture
def walk(server: Server, tmp_path: Path) -> Iterator[Callable[..., Walkthrough]]:
    made: list[Walkthrough] = []

    def begin(example: str, **env: str) -> Walkthrough:
        made.append(Walkthrough(example, tmp_path, server.url, **env))
        if any("curl" in command for command in made[-1].commands) and not shutil.which("curl"):
            assert not os.environ.get("CI"), "curl is missing"
            pytest.skip("curl is missing, and the example's README uses it")
        return made[-1]

    yield begin
    for one in made:
        one.close()


@pytest.fixture
def visit() -> Iterator[Callable[..., Visitor]]:
    made: list[Visitor] = []

    def come(port: int, auth: tuple[str, str] | None = None) -> Visitor:
        made.append(Visitor(port, auth))
        return made[-1]

    yield come
    for one in made:
        one.client.close()


@pytest.fixture
def meet_ann(visit: Callable[..., Visitor]) -> Callable[[int], Visitor]:
    """Who is let in where the dashboard itself asks for a name and a password; nobody else is."""

    def come(port: int) -> Visitor:
        ann = visit(port, ("ann", "change-me"))
        ann.assert_at_home()
        for stranger in (None, ("ann", "wrong")):
            visit(port, stranger).assert_turned_away(401)
        return ann

    return come
