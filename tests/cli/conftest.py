from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from assured_jobs.demo.server import Server
from scene import NAMESPACE, Scene


@pytest.fixture
def url(server: Server) -> str:
    return server.url


def at_a_terminal(scene: Scene, answer: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line with a person before it, who types that."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        return subprocess.run(
            [sys.executable, "-m", "assured_jobs", "--url", scene.url, "--namespace", NAMESPACE, *words],
            stdin=theirs, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def scene(url: str) -> Iterator[Scene]:
    made = Scene(url)
    yield made
    made.close()


@pytest.fixture
def scene_on(own_server: Callable[..., Server]) -> Iterator[Callable[..., Scene]]:
    """A scene on a server of its own, with these options on its command line."""
    scenes: list[Scene] = []

    def make(*extra: str, **more: Any) -> Scene:
        scenes.append(Scene(own_server(*extra, **more).url))
        return scenes[-1]

    yield make
    for made in scenes:
        made.close()


@pytest.fixture
def answering(scene: Scene) -> Callable[..., subprocess.CompletedProcess[str]]:
    return partial(at_a_terminal, scene)


@pytest.fixture
def is_plain() -> Callable[[str], bool]:
    """Whether a text holds nothing but printable characters and line ends, colours apart."""
    return lambda text: all(c.isprintable() or c == "\n" for c in re.sub(r"\x1b\[[\d;]*m", "", text))
