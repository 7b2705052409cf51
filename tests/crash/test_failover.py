"""Redis behind sentinels: the master is killed, then a worker, and the job comes back all the same."""

from __future__ import annotations

import pytest
import redis


@pytest.mark.parametrize("way", ["the URL of the settings", "the broker's own client"])
def test_a_job_outlives_its_master_and_then_its_worker(sentinels, make_lab, way: str) -> None:
    lab = make_lab(sentinels)
    settings = {"REDIS_URL": sentinels.url} if way == "the URL of the settings" else {}
    first = lab.worker(threads=1, **settings)
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.count("start")[1] == 1, "the job runs")
    [name] = lab.alive()

    sentinels.kill_master()
    lab.wait(lambda: _listens(lab, name), "the worker is there on the new master")
    assert lab.count("start")[1] == 1

    first.kill()
    lab.open()
    second = lab.worker(threads=1, **settings)
    lab.wait(lambda: lab.count("done")[1] == 1, "the job is done")
    lab.wait_until_empty()
    assert [second.ran(line) for line in lab.effects("start")] == [False, True]


def _listens(lab, name: str) -> bool:
    try:
        [(_, listeners)] = lab.redis.pubsub_numsub(lab.ledger.keys.presence(name))
    except redis.RedisError:
        return False
    return listeners == 1
