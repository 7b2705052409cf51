"""Must: bad input is said clearly, and nothing is lost over it."""

from __future__ import annotations

import json

import pytest

from lab import Lab


def test_an_undecodable_payload_is_held_and_strands_nobody_else(lab: Lab) -> None:
    lab.redis.hset("dramatiq:default.msgs", "garbage-id", b"\xff\x00 not json")
    lab.redis.rpush("dramatiq:default", "garbage-id")
    for n in range(3):
        lab.jobs.work.send(n)
    first = lab.worker()
    lab.wait(lambda: first.said("Failed to decode message"), "the first worker chokes on it")
    first.kill()

    lab.worker()
    lab.wait(lambda: lab.count("done") == {0: 1, 1: 1, 2: 1}, "the others are done")
    lab.wait(lambda: lab.redis.zcard(lab.ledger.keys.held) == 1, "it is held")
    [held] = json.loads(lab.assured_jobs("orphans", "--json").stdout)
    assert (held["state"], held["message_id"], held["args"]) == ("held", "garbage-id", None)
    assert "cannot be decoded" in held["reason"]
    assert lab.redis.hget("dramatiq:default.msgs", "garbage-id") == b"\xff\x00 not json"


def test_a_payload_of_ten_megabytes_comes_back(lab: Lab) -> None:
    first = lab.worker()
    lab.jobs.blob.send(1, "x" * 10_000_000)
    lab.jobs.gated.send(2)
    lab.wait(lambda: set(lab.count("start")) == {1, 2}, "both run")
    first.kill()
    lab.open()
    lab.worker()
    lab.wait(lambda: lab.count("done")[1] >= 1 and lab.count("done")[2] == 1, "both are done")
    assert lab.effects("start")[-1].get("size", 10_000_000) == 10_000_000
    lab.wait_until_empty()


@pytest.mark.parametrize("key", ["owners", "fence", "alive"])
def test_jobs_run_beside_a_foreign_value_under_our_keys_and_the_log_names_the_key(lab: Lab, key: str) -> None:
    name = getattr(lab.ledger.keys, key)
    foreign = lab.redis.hset if key != "owners" else None
    lab.redis.hset(name, "theirs", "1") if foreign else lab.redis.set(name, "theirs")
    worker = lab.worker(wait=False)
    lab.jobs.work.send(1)
    lab.wait(lambda: lab.count("done")[1] == 1, "the job runs all the same")
    lab.wait(lambda: worker.said(name), "the log names the key")
    assert worker.said("did not write")


def test_a_foreign_crash_record_does_not_stop_the_recovery_of_others(lab: Lab) -> None:
    first = lab.worker()
    bad = lab.jobs.gated.send(1)
    lab.jobs.gated.send(2)
    lab.wait(lambda: lab.count("start").total() == 2, "both run")
    lab.redis.set(lab.ledger.keys.job(bad.message_id), "theirs")
    first.kill()
    lab.open()
    second = lab.worker()
    lab.wait(lambda: second.said(lab.ledger.keys.job(bad.message_id)), "the log names the key")
    lab.redis.delete(lab.ledger.keys.job(bad.message_id))
    lab.wait(lambda: lab.count("done") == {1: 1, 2: 1}, "both are done once it is gone")


def test_a_ledger_on_another_redis_than_the_brokers_is_refused_at_boot(lab: Lab, own_server) -> None:
    other = own_server()
    worker = lab.worker(wait=False, REDIS_URL=other.url)
    lab.wait(worker.exited, "it refuses to boot")
    assert worker.said("ASSURED_JOBS_REDIS_URL: expected the RedisBroker's own server and database")
