"""Must: what Dramatiq forgets in the hands of a living worker is put right without a restart."""

from __future__ import annotations

import os
import signal

import pytest

from lab import Lab

#: Dramatiq's own client gives up on a frozen server after some seconds instead of a minute.
HASTY = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}


def _told(lab: Lab, action: str) -> list[dict]:
    return [told.fact for told in lab.ledger.chronicle.since() if told.action == action]


@pytest.fixture
def frozen(own_server, make_lab):
    """A lab whose Redis can be frozen."""
    server = own_server()
    lab = make_lab(server, **HASTY)
    lab.freeze = lambda: os.kill(server.process.pid, signal.SIGSTOP)
    lab.thaw = lambda: os.kill(server.process.pid, signal.SIGCONT)
    yield lab
    lab.thaw()


def test_a_delayed_message_dropped_from_memory_by_an_outage_still_runs(own_server, make_lab) -> None:
    server = own_server()
    lab = make_lab(server)
    worker = lab.worker(threads=1)
    lab.jobs.work.send_with_options(args=(1,), delay=5_000)
    acks = f"dramatiq:__acks__.{lab.ledger.instances.describe(lab.alive())[lab.alive()[0]].broker_id}"
    lab.wait(lambda: lab.redis.scard(f"{acks}.default.DQ") == 1, "it is in the worker's memory")
    server.stop(kill=True)
    # Each consumer sleeps between its looks, up to a second: one that slept through the outage would drop nothing.
    dropped = "ConsumerThread(default.DQ)] [CRITICAL] Consumer encountered a connection error"
    lab.wait(lambda: worker.said(dropped), "the consumer that holds it notices")
    server.start()
    lab.wait(lambda: lab.count("done")[1] == 1, "it runs", timeout=60)
    lab.wait_until_empty()
    assert lab.count("start")[1] == 1
    lab.wait(lambda: _told(lab, "StrayPutRight"), "it is told")
    [stray] = [fact for fact in _told(lab, "StrayPutRight") if fact["queue"] == "default.DQ"]
    assert stray["outcome"] == "put_back"


def test_a_consumer_thread_that_died_of_a_timeout_is_reported_and_replaced(frozen: Lab) -> None:
    lab = frozen
    worker = lab.worker(threads=1)
    lab.jobs.work.send_with_options(args=(1,), delay=20_000)
    acks = f"dramatiq:__acks__.{lab.ledger.instances.describe(lab.alive())[lab.alive()[0]].broker_id}"
    lab.wait(lambda: lab.redis.scard(f"{acks}.default.DQ") == 1, "it is in the worker's memory")
    lab.freeze()
    lab.wait(lambda: worker.said("Exception in thread"), "the thread dies", timeout=90)
    lab.thaw()
    lab.wait(lambda: _told(lab, "ThreadDied"), "its death is told", timeout=60)
    assert all(fact["replaced"] for fact in _told(lab, "ThreadDied"))
    lab.wait(lambda: lab.count("done")[1] == 1, "the delayed job runs", timeout=90)
    lab.wait_until_empty()
    assert lab.count("start")[1] == 1


def test_a_finished_job_whose_ack_timed_out_is_acked_and_not_run_again(frozen: Lab) -> None:
    lab = frozen
    worker = lab.worker(threads=1)
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.count("start")[1] == 1, "it runs")
    lab.freeze()
    lab.open()
    lab.wait(lambda: worker.said("Unhandled error during post_process_message"), "its ack fails", timeout=90)
    lab.thaw()
    lab.wait_until_empty(timeout=60)
    lab.wait(lambda: lab.redis.hlen(lab.ledger.keys.owners) == 0, "the ledger has let go of it")
    assert lab.count("start")[1] == 1
    lab.wait(lambda: _told(lab, "StrayPutRight"), "it is told")
    assert [fact["outcome"] for fact in _told(lab, "StrayPutRight")] == ["finished"]


def test_what_was_fetched_behind_an_undecodable_payload_runs_and_that_one_is_held(lab: Lab) -> None:
    first = lab.jobs.work.send(1)
    lab.redis.hset("dramatiq:default.msgs", "garbage", b"\x80no message")
    lab.redis.rpush("dramatiq:default", "garbage")
    for n in (2, 3):
        lab.jobs.work.send(n)
    lab.worker(threads=2)
    lab.wait(lambda: lab.count("done") == {1: 1, 2: 1, 3: 1}, "every job is done")
    lab.wait(lambda: lab.redis.zscore(lab.ledger.keys.held, "garbage"), "the undecodable one is held")
    assert lab.redis.hget("dramatiq:default.msgs", "garbage") == b"\x80no message"
    assert first.message_id not in {fact["message_id"] for fact in _told(lab, "StrayPutRight")}
    lab.wait_until_empty_but(1)
    assert lab.count("start") == {1: 1, 2: 1, 3: 1}
