from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionPool

pytest_plugins = ["assured_jobs.testing"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that began us in the background had it ignored, and what we start would not hear Ctrl-C either.
    signal.signal(signal.SIGINT, signal.default_int_handler)

for folder in (".", "contract", "crash", "platform"):
    sys.path.insert(0, str(Path(__file__).parent / folder))

for name in [name for name in os.environ if name.startswith("ASSURED_JOBS_") and name != "ASSURED_JOBS_REDIS_URL"]:
    del os.environ[name]

from assured_jobs.demo.server import NoRedisServer, Server, find_server  # noqa: E402
from lab import Lab  # noqa: E402
from sentinels import Sentinels  # noqa: E402


def pytest_report_header() -> str:
    """Which Redis this run is evidence for."""
    try:
        program = find_server()
    except NoRedisServer:
        return "redis: none"
    told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    return f"redis: {program}, {told.strip()}"


@pytest.fixture(autouse=True)
def _no_connection_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A socket that the garbage collector finds open is an error, and would be some later test's."""
    pools: list[ConnectionPool] = []
    make = ConnectionPool.__init__

    def made(pool: ConnectionPool, *args: Any, **kwargs: Any) -> None:
        make(pool, *args, **kwargs)
        pools.append(pool)

    monkeypatch.setattr(ConnectionPool, "__init__", made)
    yield
    for pool in pools:
        pool.disconnect()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.fixture
def server(shared_server: Server) -> Server:
    shared_server.wipe()
    return shared_server


@pytest.fixture
def own_server() -> Iterator[Callable[..., Server]]:
    """A server of this test's own, to be stopped and started: durable unless the test says otherwise.

    `extra`: more of its command line, which goes before what the server is given anyway.
    """
    servers: list[Server] = []

    def make(*extra: str, durable: bool = True) -> Server:
        servers.append(Server(durable=durable))
        servers[-1].extra = list(extra)
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def sentinels() -> Iterator[Sentinels]:
    """A master, a replica, and three sentinels that know them."""
    made = Sentinels()
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Labs, each torn down with its workers."""
    made: list[Lab] = []

    def make(server: Server, **broker: Any) -> Lab:
        made.append(Lab(server, tmp_path, **broker))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def lab(server: Server, make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(server)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests first, one for each worker of pytest-xdist: it deals the list out in as many equal parts."""
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    parts = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    size = -(-len(items) // parts)
    items[:] = []
    for part in range(parts):
        items += long[part::parts]
        room = size * (part + 1) - len(items)
        items += rest[:room]
        del rest[:room]
    items += rest
