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
    worker = lab.worker("--worker-shutdown-timeout", "500", HEARTBEAT_INTERVAL="15", HEARTBEAT_TTL="45", PRESENCE_GRACE="30", STALL_TTL="180")
    lab.worker(threads=1)
    lab.wait(lambda: len(lab.alive()) == 2, "both live")
    for n in range(3):
        lab.jobs.gated.send(n)
    lab.wait(lambda: lab.count("start").total() == 3, "the jobs run")
    cut = {line["n"] for line in lab.effects("start")} - _of_the_other(lab)

    worker.terminate() if how == "timeout exceeded" else worker.terminate_group()
    lab.wait(worker.exited, "it exits")
    lab.open()
    lab.wait(lambda: lab.count("done") == {0: 1, 1: 1, 2: 1}, "every job is done once", timeout=15)
    assert cut
    assert all(lab.count("start")[n] == 2 for n in cut)
    assert [line["crashes"] for line in lab.effects("start") if "crashes" in line] == []
    for n in cut:
        assert b"crashes" not in lab.redis.hgetall(lab.ledger.keys.job(str(n)))


def _of_the_other(lab: Lab) -> set[int]:
    other = lab.workers[1].process.pid
    starts = lab.effects("start")
    children = {line["pid"] for line in starts}
    owned = {pid for pid in children if _parent(pid) == other}
    return {line["n"] for line in starts if line["pid"] in owned}


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])
