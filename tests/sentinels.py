"""A master, its replica and three sentinels, all real, so that a test can kill the master."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import redis
from redis.sentinel import Sentinel

from assured_jobs.demo.server import Server, free_port

SERVICE = "shop"


class Watchman:
    """One sentinel. It writes into its own configuration, and takes a master for down after a second."""

    def __init__(self, server: Server, quorum: int, port: int | None = None) -> None:
        self.port = port or free_port()
        config = server.folder / f"sentinel-{self.port}.conf"
        config.write_text(
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            f"dir {server.folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {server.port} {quorum}\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        self.process = subprocess.Popen(
            [server.program, str(config), "--sentinel"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self.client = redis.Redis(port=self.port, socket_timeout=1)

    def state(self) -> dict:
        with suppress(redis.RedisError):
            return self.client.sentinel_masters().get(SERVICE, {})
        return {}

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()


class Sentinels:
    """Stands where tests use a `Server`: it has a `url`."""

    def __init__(self) -> None:
        self.servers = [Server(), Server()]
        self.watchmen: list[Watchman] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", one.port) for one in self.watchmen]

    @property
    def url(self) -> str:
        hosts = ",".join(f"{host}:{port}" for host, port in self.addresses)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    @property
    def master(self) -> Server:
        port = self.watchmen[0].state().get("port")
        return next(one for one in self.servers if one.port == port)

    def start(self) -> None:
        master, replica = self.servers
        replica.extra = ["--replicaof", "127.0.0.1", str(master.port)]
        for one in self.servers:
            one.extra += ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]
            one.start()
        with redis.Redis(port=master.port) as client:
            until(lambda: "online" in str(client.info("replication").get("slave0")), "the replica has a copy")
        self.watchmen = [Watchman(master, quorum=2) for _ in range(3)]
        until(lambda: all(self._sees_all(one.state()) for one in self.watchmen), "the sentinels know each other")

    def client(self) -> redis.Redis:
        """As a user makes it, with redis-py's own class."""
        return Sentinel(self.addresses, socket_timeout=2).master_for(SERVICE)

    def kill_master(self) -> None:
        """SIGKILL, once the replica has everything that was written before."""
        killed = self.master
        with redis.Redis(port=killed.port) as client:
            until(lambda: client.wait(1, 500) == 1, "the replica has caught up")
        killed.stop(kill=True)

    def close(self) -> None:
        for one in [*self.watchmen, *self.servers]:
            one.close()

    @staticmethod
    def _sees_all(state: dict) -> bool:
        return state.get("num-slaves") == 1 and state.get("num-other-sentinels") == 2


def until(condition: Callable[[], object], what: str, timeout: float = 40.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)
