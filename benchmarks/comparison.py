"""Dramatiq alone, Dramatiq tuned, and with assured_jobs at its defaults: real workers, really killed, in one run.

`make compare` prints the README's table; it takes five minutes, most of which the first column waits.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from assured_jobs.demo.server import Server
from assured_jobs.testing import Worker
from assured_jobs.testing.worker import wait_until

HERE = Path(__file__).parent

#: How long a killed job is waited for, how long a poisonous one is watched, in seconds; how often what is quick is run.
LONGEST, WATCHED, RUNS = float(os.environ.get("LONGEST", "300")), float(os.environ.get("WATCHED", "120")), 4

#: Jobs of living workers that are robbed, how long each takes, and by how much one worker's clock is wrong, in seconds.
ROBBED, EACH, SKEW = 400, 0.2, -120.0


@dataclass(frozen=True)
class Column:
    title: str
    broker: dict[str, int] = field(default_factory=dict)
    assured: bool = False


ALONE = Column("Dramatiq alone, defaults")
TUNED = Column("Dramatiq tuned", {"heartbeat_timeout": 10_000, "maintenance_chance": 1_000_000})
OURS = Column("with assured_jobs, defaults", assured=True)
COLUMNS = [ALONE, TUNED, OURS]


class Scene:
    """A Redis, and workers of one column on it."""

    def __init__(self, column: Column, folder: Path) -> None:
        self.column = column
        self.folder = folder
        self.server = Server()
        self.server.start()
        self.redis = redis.Redis.from_url(self.server.url)
        self.broker = RedisBroker(url=self.server.url, middleware=[])
        self.broker.declare_queue("default")
        self.workers: list[Worker] = []

    def start(self, *, threads: int = 4, skew: float = 0.0, wait: bool = True) -> Worker:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("ASSURED_JOBS_")}
        env = {
            **plain, "COMPARED_URL": self.server.url, "COMPARED_BROKER": json.dumps(self.column.broker),
            "COMPARED_ASSURED": str(int(self.column.assured)), "COMPARED_SKEW": str(skew),
            "COMPARED_EFFECTS": str(self.folder / "effects"),
        }  # fmt: skip
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = Worker(log, "compared", ["-p", "1", "-t", str(threads)], env=env, cwd=HERE)
        self.workers.append(worker)
        if wait:
            wait_until(lambda: worker.said("Worker process is ready for action."), "it boots", 40, worker.told)
        return worker

    def send(self, actor: str, *args: Any) -> None:
        self.broker.enqueue(dramatiq.Message("default", actor, args, {}, {}))

    def effects(self, kind: str) -> list[dict[str, Any]]:
        file = self.folder / "effects"
        lines = map(json.loads, file.read_text().splitlines()) if file.exists() else ()
        return [line for line in lines if line["kind"] == kind]

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = 60) -> Any:
        return wait_until(condition, what, timeout, lambda: "".join(worker.told() for worker in self.workers))

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.redis.close()
        self.broker.client.close()
        self.server.close()


@contextmanager
def scene(column: Column) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder:
        made = Scene(column, Path(folder))
        try:
            yield made
        finally:
            made.close()


def killed_to_rerun(column: Column, run: int) -> float | None:
    """Seconds from SIGKILL until the job is started again by the other worker, which stands by.

    In every other run the job's worker is the one that started first: with us the one that watches, the worst case.
    """
    with scene(column) as stage:
        stage.start()
        if run % 2:
            stage.start()
        stage.send("work", 1, 3600)
        [begun] = stage.wait(lambda: stage.effects("start"), "the job runs")
        if len(stage.workers) == 1:
            stage.start()
        time.sleep(2)  # nothing is waited for here: the fleet has come to rest
        os.killpg(begun["group"], signal.SIGKILL)
        killed = time.monotonic()
        while time.monotonic() < killed + LONGEST:
            if len(starts := stage.effects("start")) > 1:
                return float(starts[1]["at"] - killed)
            time.sleep(0.02)
        return None


def poison_starts(column: Column) -> tuple[int, bool]:
    """How often a job that kills its worker is started while a supervisor restarts that; whether it is stopped then."""
    with scene(column) as stage:
        stage.send("poison", 1)
        worker = stage.start(wait=False)
        began = time.monotonic()
        while time.monotonic() < began + WATCHED:
            if worker.died():
                worker = stage.start(wait=False)
            time.sleep(0.05)
        held = stage.redis.zcard("{assured_jobs}:held")
        return len(stage.effects("start")), held == 1


def robbed_twice(column: Column) -> tuple[int, int]:
    """How many jobs of two living workers ended twice, and how many never: the clock of one of them is wrong, and the
    maintenance of Dramatiq, at this column's timeout, is made sure of once a second instead of drawn by lot."""
    with scene(column) as stage:
        options = {"heartbeat_timeout": 60_000, **column.broker, "maintenance_chance": 1_000_000}
        robber = RedisBroker(url=stage.server.url, middleware=[], **options)
        over = threading.Event()

        def rob() -> None:
            while not over.wait(1.0):
                robber.do_fetch("default", 0)

        stage.start(skew=SKEW)
        stage.start()
        for number in range(ROBBED):
            stage.send("work", number, EACH)
        thread = threading.Thread(target=rob)
        thread.start()
        try:
            stage.wait(lambda: not stage.redis.hlen("dramatiq:default.msgs"), "every message is acked", 120)
            stage.wait(lambda: len(stage.effects("start")) == len(stage.effects("end")), "what runs ends")
            time.sleep(3 * EACH)  # what is prefetched and acked already may still run
            stage.wait(lambda: len(stage.effects("start")) == len(stage.effects("end")), "what runs ends")
        finally:
            over.set()
            thread.join()
            robber.client.close()
        ends = Counter(line["n"] for line in stage.effects("end"))
        return sum(times > 1 for times in ends.values()), ROBBED - len(ends)


def say_rerun(times: list[float | None]) -> str:
    if None in times:
        return f"not within {LONGEST:.0f} s"
    known = sorted(time for time in times if time is not None)
    return f"{known[0]:.1f} s" if len(known) == 1 else f"{known[0]:.1f} to {known[-1]:.1f} s"


def say_starts(starts: int, held: bool) -> str:
    return f"{starts}, then held" if held else f"{starts}, and no end"


def say_twice(twice: int, lost: int) -> str:
    return str(twice) + (f", and {lost} lost" if lost else "")


def main() -> None:
    with ThreadPoolExecutor(4) as pool:  # what mostly waits does so beside the others
        alone = pool.submit(killed_to_rerun, ALONE, 0)
        poisoned = [pool.submit(poison_starts, column) for column in COLUMNS]
        reruns = {column.title: [killed_to_rerun(column, run) for run in range(RUNS)] for column in (TUNED, OURS)}
        starts = {column.title: one.result() for column, one in zip(COLUMNS, poisoned, strict=True)}
        twice = {column.title: robbed_twice(column) for column in COLUMNS}
        reruns[ALONE.title] = [alone.result()]
    print("| | " + " | ".join(column.title for column in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    rows: list[tuple[str, Callable[[str], str]]] = [
        ("SIGKILL to the job running again", lambda title: say_rerun(reruns[title])),
        (f"starts of a job that kills its worker, in {WATCHED:.0f} s", lambda title: say_starts(*starts[title])),
        (f"of {ROBBED} jobs, ended twice beside a worker with a wrong clock", lambda t: say_twice(*twice[t])),
    ]
    for name, cell in rows:
        print(f"| {name} | " + " | ".join(cell(column.title) for column in COLUMNS) + " |")


if __name__ == "__main__":
    main()
