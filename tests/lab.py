"""A real Redis, real Dramatiq workers, and the means to kill them. Tests wait on conditions, never on time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jobs as jobs_module
from assured_jobs import AssuredJobs, testing
from assured_jobs.demo.server import Server
from assured_jobs.ledger import Ledger, Store
from assured_jobs.ledger.connecting import client_of
from assured_jobs.testing import QUICK
from assured_jobs.testing.worker import wait_until
from sentinels import Sentinels

TESTS = Path(__file__).parent


class Worker(testing.Worker):
    """One `dramatiq jobs`, which writes its name into its lines of effects."""

    def __init__(self, lab: Lab, args: list[str], env: dict[str, str]) -> None:
        log = lab.folder / f"worker-{len(lab.workers)}.log"
        args = ["--path", str(TESTS), *args]
        super().__init__(log, "jobs", args, env={**env, "LAB_WORKER": log.stem}, cwd=TESTS)

    def ran(self, line: dict[str, Any]) -> bool:
        """Whether this worker wrote that line of effects."""
        return bool(line["worker"] == self.name)

    def terminate_group(self) -> None:
        self._signal_group(signal.SIGTERM)


class Lab:
    def __init__(self, server: Server | Sentinels, folder: Path, **broker: Any) -> None:
        self.server = server
        self.folder = folder
        self.effects_file = folder / "effects.jsonl"
        self.broker_options = broker
        self.redis = client_of(server.url)
        self.workers: list[Worker] = []
        self.ledger = Ledger(Store(self.redis, "assured_jobs", 5))
        self.broker = jobs_module.make_broker(server.url, **broker)
        self.broker.add_middleware(AssuredJobs(namespace="assured_jobs"))
        self.jobs = jobs_module.declare(self.broker)

    def env(self, **settings: str) -> dict[str, str]:
        named = {**QUICK, **{f"ASSURED_JOBS_{name}": str(value) for name, value in settings.items()}}
        plain = {key: value for key, value in os.environ.items() if not key.startswith("ASSURED_JOBS_")}
        return {
            **plain,
            **{name: value for name, value in named.items() if value != "default"},
            "LAB_URL": self.server.url,
            "LAB_BROKER": json.dumps(self.broker_options),
            "LAB_EFFECTS": str(self.effects_file),
            "PYTHONPATH": str(TESTS),
        }

    def worker(
        self,
        *args: str,
        threads: int = 4,
        wait: bool = True,
        environment: dict[str, str] | None = None,
        **settings: str,
    ) -> Worker:
        """Starts `dramatiq -p 1 -t <threads>`; by default returns when it is registered."""
        before = set(self.alive()) if wait else set()
        worker = Worker(self, ["-p", "1", "-t", str(threads), *args], {**self.env(**settings), **(environment or {})})
        self.workers.append(worker)
        if wait:
            self.wait(lambda: set(self.alive()) - before, "a worker registers")
        return worker

    def default_worker(self, *args: str, **more: Any) -> Worker:
        """A worker with the settings a user gets without setting anything."""
        quick = [name.removeprefix("ASSURED_JOBS_") for name in QUICK]
        return self.worker(*args, **dict.fromkeys(quick, "default"), **more)

    def alive(self) -> list[str]:
        return [id.decode() for id in self.redis.zrange(self.ledger.keys.alive, 0, -1)]

    def lease_holder(self) -> str | None:
        holder = self.redis.get(self.ledger.keys.lease)
        return holder.decode() if holder else None

    def effects(self, kind: str | None = None) -> list[dict[str, Any]]:
        if not self.effects_file.exists():
            return []
        lines = [json.loads(line) for line in self.effects_file.read_text().splitlines()]
        return [line for line in lines if kind is None or line["kind"] == kind]

    def count(self, kind: str) -> Counter[Any]:
        return Counter(line["n"] for line in self.effects(kind))

    def open(self, gate: str = "gate") -> None:
        (self.folder / gate).touch()

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = 40.0) -> Any:
        """Waits until the condition holds; says what it waited for, and what was seen, when it never does."""

        def told() -> str:
            return "\n".join([str(self.effects()[-30:]), *(worker.told() for worker in self.workers)])

        return wait_until(condition, what, timeout, told)

    def queued(self, queue: str = "default") -> int:
        return int(self.redis.llen(f"dramatiq:{queue}"))

    def payloads(self) -> int:
        """Every message the broker still keeps: queued, fetched, delayed, deferred or held."""
        return sum(self.redis.hlen(key) for key in ("dramatiq:default.msgs", "dramatiq:default.DQ.msgs"))

    def wait_until_empty(self, timeout: float = 40.0) -> None:
        self.wait(lambda: self.payloads() == 0, "every message is acked", timeout)

    def wait_until_empty_but(self, number: int) -> None:
        self.wait(lambda: self.payloads() == number, f"all but {number} messages are acked")

    def assured_jobs(self, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line."""
        return subprocess.run(
            [sys.executable, "-m", "assured_jobs", "--url", self.server.url, *args],
            env=self.env(**settings), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def assert_only_the_dead_lost_starts(self, *dead: Worker) -> None:
        """Every job was started once, and once more only where the process that ran it was killed."""
        survivors = Counter(line["n"] for line in self.effects("start") if not any(w.ran(line) for w in dead))
        starts_by = Counter((line["n"], line["worker"]) for line in self.effects("start"))
        assert set(survivors.values()) <= {1}, survivors
        assert set(starts_by.values()) == {1}, starts_by

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.redis.close()
