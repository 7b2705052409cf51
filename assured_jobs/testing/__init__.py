"""For your own tests: start a real worker on your app, kill it where it hurts, and ask what became of its jobs.

In the conftest.py at the root of your tests:

    pytest_plugins = ["assured_jobs.testing"]

and in a test:

    def test_a_charge_cut_in_half_waits_for_a_person(crash_lab):
        worker = crash_lab.start("tasks", die_at="app.charged")
        id = crash_lab.send("charge_card", "p-1", 4200)
        worker.wait_until_dead()
        crash_lab.start("tasks")
        assert crash_lab.wait_for(id, "held").crash_count == 1

`lab` is what a test has in its hands, `worker` one `dramatiq` command, `story` what became of a message. Where workers
can be told to die is listed in `assured_jobs.failpoint.FAIL_POINTS`; places of your own are made with its `reach`.

(PYTEST_DONT_REWRITE: nothing here asserts, and a conftest may import from here before pytest does.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

try:
    import pytest
except ModuleNotFoundError as error:
    raise ImportError("assured_jobs.testing needs pytest: pip install 'dramatiq-assured-jobs[testing]'") from error

from ..demo.server import NoRedisServer, Server
from .lab import QUICK, CrashLab, CrashLabError
from .story import Story
from .worker import Worker

__all__ = ["QUICK", "CrashLab", "CrashLabError", "Story", "Worker", "crash_lab", "crash_lab_server"]

_NO_SERVER = (
    "crash_lab starts a Redis of its own, and found no server program. Install one (Debian, Ubuntu: apt-get install "
    "redis-server; macOS: brew install redis). For CPython up to 3.12 on Linux x86-64, pip install "
    "'dramatiq-assured-jobs[testing]' carries one."
)


@pytest.fixture(scope="session")
def crash_lab_server() -> Iterator[Server]:
    """A private Redis for all tests of this session; each process of pytest-xdist has its own.

    Raises NoRedisServer, saying what to install.
    """
    try:
        server = Server()
    except NoRedisServer:
        raise NoRedisServer(_NO_SERVER) from None
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def crash_lab(crash_lab_server: Server, tmp_path: Path) -> Iterator[CrashLab]:
    """A lab on an empty Redis. To configure it for all your tests, override this fixture in your conftest:

    @pytest.fixture
    def crash_lab(crash_lab):
        crash_lab.url_variable = "BROKER_URL"
        return crash_lab
    """
    crash_lab_server.wipe()
    lab = CrashLab(crash_lab_server.url, tmp_path)
    try:
        yield lab
    finally:
        lab.close()
