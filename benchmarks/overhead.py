"""What the middleware costs: the same no-op jobs with and without it, in one run, as ratios.

`make bench` prints a table. Drained by one worker process of 8 threads from a queue filled beforehand.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs
from assured_jobs.demo.server import Server

JOBS = int(os.environ.get("JOBS", "5000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))

APP = """
import os, dramatiq
from dramatiq.brokers.redis import RedisBroker
broker = RedisBroker(url=os.environ["BENCH_URL"])
dramatiq.set_broker(broker)
options = {}
if os.environ["BENCH_ASSURED"] == "1":
    from assured_jobs import AssuredJobs
    broker.add_middleware(AssuredJobs())
    options = {"assured": True}
@dramatiq.actor(**options)
def noop():
    pass
"""


def calls(client: redis.Redis) -> int:
    """Scripts run so far. A job costs Dramatiq one (its ack) and us two: its begin, which is waited for, and its end,
    which goes out with others of its kind in one round trip."""
    stats = client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))


def drain(server: Server, folder: Path, *, assured: bool) -> tuple[float, float]:
    """Jobs per second, and script calls per job."""
    client = redis.Redis.from_url(server.url)
    client.flushall()
    broker = RedisBroker(url=server.url)
    if assured:
        broker.add_middleware(AssuredJobs())
    noop = dramatiq.actor(lambda: None, actor_name="noop", broker=broker, **({"assured": True} if assured else {}))
    for _ in range(JOBS):
        noop.send()
    env = {**os.environ, "BENCH_URL": server.url, "BENCH_ASSURED": str(int(assured)), "PYTHONPATH": str(folder)}
    worker = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", "app", "-p", "1", "-t", "8"],
        env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while client.hlen("dramatiq:default.msgs") > JOBS * 0.95:
            time.sleep(0.001)
        began, left, called = time.perf_counter(), client.hlen("dramatiq:default.msgs"), calls(client)
        while client.hlen("dramatiq:default.msgs"):
            time.sleep(0.001)
        took = time.perf_counter() - began
        return left / took, (calls(client) - called) / left
    finally:
        worker.terminate()
        worker.wait()


def main() -> None:
    server = Server()
    server.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "app.py").write_text(APP)
            drain(server, folder, assured=False)
            rounds = [
                (drain(server, folder, assured=False), drain(server, folder, assured=True)) for _ in range(ROUNDS)
            ]
    finally:
        server.close()
    bare, ours = zip(*rounds, strict=True)
    ratios = [with_us[0] / without[0] for without, with_us in rounds]
    print(f"{JOBS} no-op jobs, 1 process, 8 threads, {ROUNDS} rounds in turn (median)")
    print(f"  Dramatiq alone      {statistics.median(rate for rate, _ in bare):7.0f} jobs/s", end="")
    print(f"   {statistics.median(number for _, number in bare):5.2f} scripts per job")
    print(f"  with assured_jobs   {statistics.median(rate for rate, _ in ours):7.0f} jobs/s", end="")
    print(f"   {statistics.median(number for _, number in ours):5.2f} scripts per job (one waited for, one in batches)")
    extra = [1000 / with_us[0] - 1000 / without[0] for without, with_us in rounds]
    print(f"  extra time          {statistics.median(extra):7.2f} ms per job")
    print(f"  ratio               {statistics.median(ratios):7.2f}")


if __name__ == "__main__":
    main()
