"""What the demo runs on: two real workers, the file of effects, the queue, and a way to leave nothing behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from ..entry import InstanceInfo
from ..ledger import Ledger, Store
from ..ledger.connecting import client_of
from ..ledger.keys import QueueKeys
from ..settings import PREFIX

#: As shop.py declares them; it is imported by the workers alone.
QUEUE, ACTOR = "orders", "invoice_order"
THREADS = 4

#: Every tenth order is for later, between these seconds.
SOONEST, LATEST = 4.0, 9.0


class Worker:
    """One `dramatiq` command with all its processes, in a session of its own. Not started yet."""

    def __init__(self, name: str, folder: Path, env: dict[str, str]) -> None:
        self.name = name
        self.log = folder / f"worker-{name}.log"
        self.folder = folder
        self.env = env
        self.info: InstanceInfo | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dramatiq", f"{__package__}.shop", "-p", "1", "-t", str(THREADS)],
                env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def owns(self, pid: int) -> bool:
        with suppress(ProcessLookupError):
            return self._process is not None and os.getpgid(pid) == self._process.pid
        return False

    def exited(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """To every process of it."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def shut_down(self) -> None:
        """As a deploy does it: SIGTERM to the master, which lets its jobs finish."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(8)


class Effects:
    """The lines that the workers have written so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.starts: dict[str, list[dict[str, Any]]] = {}
        self.ends: dict[str, list[dict[str, Any]]] = {}
        self._read = 0

    def catch_up(self) -> list[dict[str, Any]]:
        """Reads what is new, and returns it."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        lines = [json.loads(line) for line in whole.splitlines()]
        for line in lines:
            (self.starts if line["event"] == "start" else self.ends).setdefault(line["order"], []).append(line)
        return lines


class Stage:
    """Everything of one demo on one Redis, under names that nobody else uses."""

    def __init__(self, url: str, prefix: str) -> None:
        nonce = uuid4().hex[:8]
        self.folder = Path(tempfile.mkdtemp(prefix="assured-jobs-demo-"))
        self.namespace = f"{prefix}-demo-{nonce}"
        self.broker = RedisBroker(client=client_of(url), namespace=f"{self.namespace}-queues", middleware=[])
        self.ledger = Ledger(Store.from_url(url, self.namespace, 5.0))
        self.effects = Effects(self.folder / "invoices.jsonl")
        self.orders: dict[str, str] = {}
        ours = {
            "SHOP_REDIS_URL": url,
            "SHOP_NAMESPACE": self.broker.namespace,
            "SHOP_EFFECTS": str(self.effects.path),
            f"{PREFIX}NS": self.namespace,
            # The workers run elsewhere than we do, and shall find this very package.
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        }
        # Defaults alone: what is shown is what a user gets without setting anything.
        plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self.workers = [Worker(name, self.folder, {**plain, **ours}) for name in "AB"]

    def send_orders(self) -> int:
        """Sends every order of the file; returns how many are for later."""
        self.broker.declare_queue(QUEUE)
        text = files(__package__).joinpath("orders.csv").read_text(encoding="utf-8")
        later = 0
        for number, row in enumerate(csv.DictReader(text.splitlines()), start=1):
            delay = None
            if number % 10 == 0:
                delay = round(1000 * (SOONEST + (LATEST - SOONEST) * (number % 100) / 100))
                later += 1
            message: dramatiq.Message[None] = dramatiq.Message(QUEUE, ACTOR, (row,), {}, {})
            self.orders[message.message_id] = row["order_id"]
            self.broker.enqueue(message, delay=delay)
        return later

    def identify(self) -> bool:
        """Finds each worker in the ledger. False until both are registered, and connected."""
        look = self.ledger.instances.look(self.ledger.store.client)
        present = [seen.id for seen in look.living if seen.subscribers > 0]
        for info in self.ledger.instances.describe(present).values():
            for worker in self.workers:
                if worker.owns(info.pid):
                    worker.info = info
        return all(worker.info for worker in self.workers)

    def is_empty(self) -> bool:
        """Whether no order is in the queue, in a worker's hands, or in custody."""
        queues = [QueueKeys(self.broker.namespace, name) for name in (QUEUE, f"{QUEUE}.DQ")]
        payloads = self.ledger.store.ask(lambda client: sum(client.hlen(queue.msgs) for queue in queues))
        custody = self.ledger.custody
        return payloads == 0 and custody.count("deferred") + custody.count("released") == 0

    def wipe(self) -> None:
        """Deletes every key of this demo by its name. If interrupted: some remain, under the demo's own prefix."""
        k, space = self.ledger.keys, self.broker.namespace
        infos = self.ledger.store.ask(lambda client: client.hkeys(k.instances))
        names = {value for name, value in vars(k).items() if name[0] != "_" and str(value).startswith("{")}
        names |= {k.job(id) for id in self.orders} | {k.custody(id) for id in self.orders}
        self.effects.catch_up()
        names |= {k.done(start["delivery"]) for starts in self.effects.starts.values() for start in starts}
        names.add(f"{space}:__heartbeats__")
        queues = [QueueKeys(space, name) for name in (QUEUE, f"{QUEUE}.DQ")]
        for queue in queues:
            names |= {queue.queue, queue.msgs, queue.xq, queue.xq_msgs}
        for info in self.ledger.instances.describe([id.decode() for id in infos]).values():
            names.add(k.entries(info.id))
            names |= {queue.acks(info.broker_id) for queue in queues}
        self.ledger.store.ask(lambda client: client.delete(*names))

    def close(self) -> None:
        self.ledger.close()
        self.broker.client.close()


def wait_until(deadline: float) -> bool:
    """One short breath; False when the time is over."""
    time.sleep(0.05)
    return time.monotonic() < deadline
