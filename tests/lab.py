"""A real Redis, real Dramatiq workers, and the means to kill them. Tests wait on conditions, never on time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jobs as jobs_module
from assured_jobs import AssuredJobs
from assured_jobs.demo.server import Server
from assured_jobs.ledger import Ledger, Store
from assured_jobs.ledger.connecting import client_of
from sentinels import Sentinels

TESTS = Path(__file__).parent

#: Settings that make deaths visible within a second or two; where a test proves real time, it uses the defaults.
QUICK = {
    "HEARTBEAT_INTERVAL": "0.5",
    "HEARTBEAT_TTL": "3",
    "PRESENCE_GRACE": "0.7",
    "STALL_TTL": "4",
    "REDIS_TIMEOUT": "2",
}


class Worker:
    """One `dramatiq` command with its processes, in a process group of its own."""

    def __init__(self, lab: Lab, args: list[str], env: dict[str, str]) -> None:
        self.name = f"worker-{len(lab.workers)}"
        self.log = lab.folder / f"{self.name}.log"
        self._had_child = False
        env = {**env, "LAB_WORKER": self.name}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dramatiq", "jobs", "--path", str(TESTS), *args],
                env=env, cwd=TESTS, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL to the whole group: the machine is gone."""
        self._signal_group(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_group(signal.SIGCONT)

    def terminate(self) -> None:
        """SIGTERM to the master alone: a deploy."""
        self.process.terminate()

    def terminate_group(self) -> None:
        self._signal_group(signal.SIGTERM)

    def ran(self, line: dict[str, Any]) -> bool:
        """Whether this worker wrote that line of effects."""
        return bool(line["worker"] == self.name)

    def died(self) -> bool:
        """Whether its worker process is dead; the rest of the command is then ended too, as a supervisor would.

        A child that dies while it boots can leave Dramatiq's master waiting for it, for half a minute or for ever.
        """
        states = _children(self.process.pid)
        self._had_child = self._had_child or bool(states)
        if not self.exited() and not (self._had_child and set(states) <= {"Z"}):
            return False
        self.kill()
        return True

    def exited(self) -> bool:
        return self.process.poll() is not None

    def said(self, words: str) -> bool:
        return words in self.log.read_text(errors="replace")

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _children(pid: int) -> list[str]:
    """The state of each child of a process, "Z" for one that is dead and not reaped."""
    states = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if int(parent) == pid:
                states.append(state)
    return states


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
        named = {f"ASSURED_JOBS_{name}": str(value) for name, value in {**QUICK, **settings}.items()}
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
        return self.worker(*args, **dict.fromkeys(QUICK, "default"), **more)

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
        deadline = time.monotonic() + timeout
        while not (result := condition()):
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {w.log.name}\n{w.log.read_text(errors='replace')[-3000:]}" for w in self.workers)
                raise AssertionError(f"waited {timeout} s in vain until {what}\n{self.effects()[-30:]}\n{logs}")
            time.sleep(0.02)
        return result

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
            worker.resume()
            worker.kill()
        self.redis.close()
