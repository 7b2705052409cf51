"""Must: a deploy hands over at once and charges nobody a crash."""

from __future__ import annotations

import pytest

from lab import Lab


def test_sigterm_ends_what_runs_and_leaves_nothing_behind(lab: Lab) -> None:
    worker = lab.worker()
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.count("start")[1], "the job runs")
    worker.terminate()
    lab.wait(lambda: "draining" in lab.assured_jobs("status", "--json").stdout, "it is seen draining")
    lab.open()
    lab.wait(worker.exited, "it exits")
    assert lab.count("done") == {1: 1}
    assert lab.alive() == []
    assert lab.redis.zcard(lab.ledger.keys.dead) == 0
    assert lab.payloads() == 0


@pytest.mark.parametrize("how", ["timeout exceeded", "whole group"])
def test_jobs_cut_off_by_a_shutdown_are_handed_over_at_once_without_a_crash(lab: Lab, how: str) -> None:
    patient = {"HEARTBEAT_INTERVAL": "15", "HEARTBEAT_TTL": "45", "PRESENCE_GRACE": "30", "STALL_TTL": "180"}
    worker = lab.worker("--worker-shutdown-timeout", "500", **patient)
    sent = [lab.jobs.gated.send(n) for n in range(3)]
    lab.wait(lambda: lab.count("start").total() == 3, "the jobs run")
    lab.worker()

    if how == "timeout exceeded":
        worker.terminate()
    else:
        worker.terminate_group()
    lab.wait(worker.exited, "it exits")
    lab.wait(lambda: lab.count("start") == {0: 2, 1: 2, 2: 2}, "its jobs start again", timeout=20)
    for message in sent:
        record = lab.ledger.estate.records([message.message_id])[message.message_id]
        assert (record.crashes, record.interrupted) == (0, 1)
    lab.open()
    lab.wait(lambda: lab.count("done") == {0: 1, 1: 1, 2: 1}, "every job is done once")
