"""The app that the workers under test run: `python -m dramatiq jobs`. Every start and every end is a line in a file."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import dramatiq.common
from dramatiq.brokers.redis import RedisBroker
from redis.sentinel import Sentinel

import stage
from assured_jobs import AssuredJobs, current_job
from assured_jobs.failpoint import reach
from assured_jobs.job import count_retries, running

if skew := float(os.environ.get("LAB_CLOCK_SKEW", "0")):
    real_time = time.time
    time.time = dramatiq.common.time = lambda: real_time() + skew  # the second is Dramatiq's own: its heartbeats too

if "LAB_STOPS" in os.environ:
    stage.begin()


def note(kind: str, n: object, **more: object) -> None:
    """One line, in one write: complete or absent, also when the process dies next."""
    told = {"kind": kind, "n": n, "worker": os.environ["LAB_WORKER"], "at": time.monotonic(), **more}
    line = json.dumps(told) + "\n"
    file = os.open(os.environ["LAB_EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, line.encode())
    os.close(file)


def wait_for_file(name: str) -> None:
    """Holds a job until the test lets it go."""
    while not os.path.exists(os.path.join(os.path.dirname(os.environ["LAB_EFFECTS"]), name)):
        time.sleep(0.05)


def declare(broker: dramatiq.Broker) -> SimpleNamespace:
    def work(n: int, seconds: float = 0.0) -> None:
        job = current_job()
        crashes = job.crash_count if job else None
        note("start", n, crashes=crashes, fence=job.fence if job else None, frm=job.recovered_from if job else None)
        time.sleep(seconds)
        note("done", n)

    def gated(n: int, gate: str = "gate") -> None:
        note("start", n)
        wait_for_file(gate)
        note("done", n)

    def slow(n: int, seconds: float) -> None:
        note("start", n)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(Exception):  # a job that lets nothing stop it
                time.sleep(0.02)
        note("done", n)

    def greedy(n: int, seconds: int) -> None:
        """Holds the interpreter: no other thread of its process runs."""
        note("start", n)
        ctypes.PyDLL(None).sleep(seconds)
        note("done", n)

    async def slow_async(n: int, seconds: float) -> None:
        note("start", n)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            note("cancelled", n)
            raise
        note("done", n)

    def blob(n: int, data: str) -> None:
        note("start", n, size=len(data))
        time.sleep(0.5)
        note("done", n)

    def poison(n: int) -> None:
        note("start", n)
        os.kill(os.getpid(), signal.SIGKILL)

    def late_poison(n: int) -> None:
        """Waits until all its neighbours run, at its first start."""
        note("start", n)
        while (
            len({line["n"] for line in map(json.loads, open(os.environ["LAB_EFFECTS"])) if line["kind"] == "start"}) < 4
        ):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGKILL)

    def flaky(n: int, failures: int) -> None:
        note("start", n)
        message = dramatiq.middleware.CurrentMessage.get_current_message()
        if message.options.get("retries", 0) < failures:
            raise RuntimeError("fails for now")
        note("done", n)

    def gated_failing(n: int) -> None:
        note("start", n)
        first = len([line for line in open(os.environ["LAB_EFFECTS"]) if '"start"' in line]) == 1
        wait_for_file("gate")
        if first:
            raise RuntimeError("fails once")
        note("done", n)

    def asking(n: int) -> None:
        note("start", n)
        wait_for_file("gate")
        note("asks", n)
        current_job().ensure_owned()
        note("done", n)

    def again(n: int) -> None:
        message = dramatiq.middleware.CurrentMessage.get_current_message()
        if message.options.get("second"):
            note("second", n)
            return
        note("start", n)
        if current_job().crash_count == 0:
            broker.enqueue(message.copy(options={"second": True}), delay=1000)
            note("again", n)
        wait_for_file("gate")
        note("done", n)

    def forking(n: int) -> None:
        note("start", n)
        if current_job().crash_count == 0 and os.fork() == 0:
            os.setsid()  # outlives its parent
            deadline = time.monotonic() + 30
            while (
                not os.path.exists(os.path.dirname(os.environ["LAB_EFFECTS"]) + "/gate") and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            os._exit(0)
        note("forked", n)
        if current_job().crash_count == 0:
            time.sleep(60)
        note("done", n)

    def staged(n: int, fails: bool = False) -> None:
        """Stops at the place that its message names; see stage.py. Fails where it is told to: a retry succeeds."""
        attempt = count_retries(dramatiq.middleware.CurrentMessage.get_current_message().options)
        note("start", n, attempt=attempt, instance=running.get().info.id)
        reach("app.mid_body")
        if fails and not attempt:
            note("failed", n)
            raise RuntimeError("fails once")
        note("done", n)

    def parent(n: int, gate: str = "gate") -> None:
        note("start", n)
        wait_for_file(gate)
        child.send(n)
        note("done", n)

    def child(n: int) -> None:
        note("child", n)

    def actor(fn: Any, **options: Any) -> Any:
        return dramatiq.actor(fn, broker=broker, **options)

    child = actor(child, assured=True)
    return SimpleNamespace(
        work=actor(work, assured=True),
        gated=actor(gated, assured=True),
        slow=actor(slow, assured=True),
        greedy=actor(greedy, assured=True),
        slow_final=actor(slow, actor_name="slow_final", assured=True, max_retries=0),
        slow_async=actor(slow_async, assured=True) if "LAB_ASYNC" in os.environ else None,
        blob=actor(blob, assured=True),
        poison=actor(poison, assured=True),
        late_poison=actor(late_poison, assured=True),
        plain=actor(work, actor_name="plain"),
        plain_gated=actor(gated, actor_name="plain_gated"),
        plain_poison=actor(poison, actor_name="plain_poison"),
        flaky=actor(flaky, assured=True, min_backoff=100, max_backoff=200, max_retries=5),
        failing=actor(flaky, actor_name="failing", assured=True, max_retries=0),
        parent=actor(parent, assured=True),
        holding=actor(gated, actor_name="holding", assured=True, on_orphan="hold"),
        discarding=actor(gated, actor_name="discarding", assured=True, on_orphan="discard"),
        child=child,
        staged=actor(staged, assured=True, min_backoff=50, max_backoff=100),
        staged_final=actor(staged, actor_name="staged_final", assured=True, max_retries=0),
        gated_failing=actor(gated_failing, assured=True, min_backoff=100),
        asking=actor(asking, assured=True),
        again=actor(again, assured=True),
        forking=actor(forking, assured=True),
    )


def make_broker(url: str, **options: Any) -> RedisBroker:
    """As users do it: from a URL, or with a client of redis-py's own where sentinels know the master."""
    if not url.startswith("redis+sentinel://"):
        return RedisBroker(url=url, **options)
    hosts, service = url.removeprefix("redis+sentinel://").split("/")[:2]
    sentinels = [(host, int(port)) for host, port in (one.split(":") for one in hosts.split(","))]
    return RedisBroker(client=Sentinel(sentinels, socket_timeout=2).master_for(service), **options)


if "LAB_URL" in os.environ:
    broker = make_broker(os.environ["LAB_URL"], **json.loads(os.environ.get("LAB_BROKER", "{}")))
    broker.add_middleware(dramatiq.middleware.CurrentMessage())
    if "LAB_ASYNC" in os.environ:
        broker.add_middleware(dramatiq.middleware.AsyncIO())
    if "LAB_PROMETHEUS" in os.environ:
        from dramatiq.middleware.prometheus import Prometheus

        broker.add_middleware(Prometheus())
    hook = (lambda orphan: note("hook", orphan.args[0])) if "LAB_HOOK" in os.environ else None
    broker.add_middleware(AssuredJobs(before_hand_back=hook))
    dramatiq.set_broker(broker)
    actors = declare(broker)
