"""Must: Dramatiq's maintenance taking the living for dead loses and doubles nothing."""

from __future__ import annotations

import random

from dramatiq.brokers.redis import RedisBroker

from lab import Lab


def test_2000_jobs_of_living_workers_robbed_at_random_run_once_each(lab: Lab) -> None:
    chance = random.Random(7)
    robber = RedisBroker(url=lab.server.url, heartbeat_timeout=0, maintenance_chance=1_000_000)
    lab.worker()
    lab.worker()
    delayed = set(range(1800, 2000))
    robberies = 0
    for n in range(2000):
        if n in delayed:
            lab.jobs.work.send_with_options(args=(n, 0.002), delay=chance.randint(500, 4000))
        else:
            lab.jobs.work.send(n, 0.002)
        if chance.random() < 0.02:
            _rob(robber)
            robberies += 1

    def everything_done() -> bool:
        nonlocal robberies
        if chance.random() < 0.2:
            _rob(robber)
            robberies += 1
        return len({line["n"] for line in lab.effects("done")}) == 2000

    lab.wait(everything_done, "2000 jobs are done", timeout=90)
    lab.wait(lambda: lab.queued() == 0, "the queue is empty")
    assert robberies > 30
    assert lab.count("done") == dict.fromkeys(range(2000), 1)
    assert lab.count("start") == dict.fromkeys(range(2000), 1)


def _rob(robber: RedisBroker) -> None:
    for queue in ("default", "default.DQ"):
        robber.do_fetch(queue, 0)
