"""Must: the living are left alone, whatever their clocks say and whatever happens to the store."""

from __future__ import annotations

from contextlib import closing

import pytest

from lab import Lab
from proxy import Proxy


def _beats_pass(lab: Lab, seconds: float) -> None:
    """Waits until every living instance has a heartbeat that much younger than its last one now."""
    before = dict(lab.redis.zrange(lab.ledger.keys.alive, 0, -1, withscores=True))
    lab.wait(
        lambda: all(
            (lab.redis.zscore(lab.ledger.keys.alive, id) or 0) > at + 1000 * seconds for id, at in before.items()
        ),
        f"everybody has lived {seconds} s more",
    )


def _youngest_heartbeat(lab: Lab) -> float:
    """Its age in seconds, by the clock of the store."""
    seconds, micros = lab.redis.time()
    [(_, at)] = lab.redis.zrange(lab.ledger.keys.alive, -1, -1, withscores=True)
    return float(seconds + micros / 1e6 - at / 1000)


def test_clocks_two_minutes_off_kill_nobody_and_hide_nobodys_death(lab: Lab) -> None:
    fast = lab.worker(environment={"LAB_CLOCK_SKEW": "120"})
    slow = lab.worker(environment={"LAB_CLOCK_SKEW": "-120"})
    _beats_pass(lab, 5)
    assert len(lab.alive()) == 2
    assert lab.redis.hlen(lab.ledger.keys.deaths) == 0

    for n in range(4):
        lab.jobs.gated.send(n)
    lab.wait(lambda: lab.count("start").total() == 4, "the jobs run")
    by_fast = {line["n"] for line in lab.effects("start") if fast.ran(line)}
    fast.kill()
    lab.open()
    lab.wait(lambda: lab.count("done") == {0: 1, 1: 1, 2: 1, 3: 1}, "every job is done once")
    lab.assert_only_the_dead_lost_starts(fast)
    assert all(lab.count("start")[n] == 2 for n in by_fast)
    assert slow.process.poll() is None


def test_a_restarted_redis_kills_nobody_and_doubles_nothing(own_server, make_lab) -> None:
    lab = make_lab(own_server())
    lab.worker(threads=2)
    lab.worker(threads=2)
    for n in range(8):
        lab.jobs.gated.send(n)
    for n in range(100, 110):
        lab.jobs.work.send_with_options(args=(n,), delay=500)
    lab.wait(lambda: lab.count("start").total() >= 4, "jobs run")
    names = set(lab.alive())

    lab.server.stop(kill=True)
    lab.server.start()
    lab.open()

    lab.wait(lambda: lab.count("done").total() >= 8, "the jobs are done", timeout=60)
    _beats_pass(lab, 5)
    assert set(lab.alive()) == names
    assert lab.redis.hlen(lab.ledger.keys.deaths) == 0
    done = lab.count("done")
    assert {n: done[n] for n in range(8)} == dict.fromkeys(range(8), 1)
    assert all(count == 1 for count in lab.count("start").values())


def test_a_redis_that_was_away_for_longer_than_the_ttl_kills_nobody(own_server, make_lab) -> None:
    lab = make_lab(own_server())
    worker = lab.worker(threads=2, HEARTBEAT_TTL="1", HEARTBEAT_INTERVAL="0.3", STALL_TTL="2")
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.count("start")[1], "the job runs")
    [name] = lab.alive()
    lab.server.stop(kill=True)
    lab.wait(lambda: worker.said("The ledger in Redis does not answer"), "the worker says what follows")
    lab.open()
    lab.wait(lambda: lab.count("done")[1] == 1, "the job goes on and ends")
    lab.server.start()
    lab.wait(lambda: worker.said("The ledger answers again"), "it says that it is over")
    lab.wait_until_empty()
    assert lab.alive() == [name]
    assert lab.count("start")[1] == 1
    assert worker.log.read_text().count("The ledger in Redis does not answer") == 1


def test_a_fleet_cut_off_from_redis_for_longer_than_the_ttl_kills_nobody(own_server, make_lab) -> None:
    lab = make_lab(own_server())
    with closing(Proxy(lab.server.url)) as proxy:
        patient = {"HEARTBEAT_TTL": "2.5", "PRESENCE_GRACE": "2", "STALL_TTL": "60"}
        for _ in range(4):
            lab.worker(threads=2, environment={"LAB_URL": proxy.url}, **patient)
        for n in range(8):
            lab.jobs.gated.send(n)
        lab.wait(lambda: lab.count("start"), "jobs run")
        names = set(lab.alive())

        proxy.cut(refuse=True)
        lab.wait(lambda: _youngest_heartbeat(lab) > 3, "heartbeats and connections are gone")
        proxy.heal()
        lab.wait(lambda: _youngest_heartbeat(lab) < 0.5, "they come back")
        _beats_pass(lab, 4)
        lab.open()
        lab.wait_until_empty()
        assert set(lab.alive()) == names
        assert lab.redis.hlen(lab.ledger.keys.deaths) == 0
        assert lab.count("start") == dict.fromkeys(range(8), 1)


@pytest.mark.parametrize("how", ["restarted empty", "flushed"])
def test_workers_register_and_record_again_when_redis_lost_its_data(own_server, make_lab, how: str) -> None:
    lab = make_lab(own_server(durable=False))
    worker = lab.worker(threads=1)
    for n in range(2):
        lab.jobs.gated.send(n)
    lab.wait(lambda: lab.count("start").total() == 1, "a job runs")
    [name] = lab.alive()
    info = lab.ledger.instances.describe([name])[name]
    lab.wait(lambda: lab.redis.scard(f"dramatiq:__acks__.{info.broker_id}.default") == 2, "another is prefetched")

    if how == "flushed":
        lab.redis.flushall()
    else:
        lab.server.stop(kill=True)
        lab.server.start()

    lab.wait(lambda: lab.alive() == [name], "it is registered again")
    lab.wait(lambda: lab.redis.hlen(lab.ledger.keys.entries(name)) == 1, "the running job is recorded again")
    lab.open()
    lab.wait(lambda: lab.count("done") == {0: 1, 1: 1}, "what only its memory knew is done too", timeout=60)
    lab.wait(lambda: lab.redis.hlen(lab.ledger.keys.owners) == 0, "and nothing is left behind")
    assert not worker.exited()


def test_a_worker_that_boots_before_redis_registers_once_it_is_there(own_server, make_lab) -> None:
    server = own_server()
    lab = make_lab(server)
    server.stop()
    worker = lab.worker(wait=False)
    lab.wait(lambda: worker.said("The ledger in Redis does not answer"), "it says what follows")
    server.start()
    lab.wait(lambda: len(lab.alive()) == 1, "it is registered")
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.redis.hlen(lab.ledger.keys.owners) == 1, "its jobs are recorded")
    worker.kill()
    lab.open()
    lab.worker()
    lab.wait(lambda: lab.count("done")[1] == 1, "and recovered")
