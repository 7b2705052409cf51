"""The store lost its data: what runs is still this worker's, since nobody else can have it."""

from __future__ import annotations

import pytest

from assured_jobs import OwnershipLost, current_job
from inside import Inside, wait


@pytest.fixture
def inside(server):
    """Its next heartbeat is far away."""
    one = Inside(server.url, heartbeat_interval=20, heartbeat_ttl=60, stall_ttl=90)
    yield one
    one.stop()


def test_a_job_that_asks_before_the_next_heartbeat_is_still_its_workers(inside) -> None:
    ended = []

    def asking() -> None:
        inside.gate.wait(20)
        try:
            current_job().ensure_owned()
            ended.append("owned")
        except OwnershipLost:
            ended.append("lost")

    actor = inside.actor(asking, max_retries=0)
    inside.start()
    actor.send()
    wait(lambda: inside.running() == 1, "it runs")
    inside.redis.flushall()
    inside.gate.set()
    wait(lambda: ended, "it has asked")
    assert ended == ["owned"]
