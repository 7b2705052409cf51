"""The probe's three answers about real workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assured_jobs.healthcheck import ALIVE, DEAD, STALLED

PROGRAM = Path(sys.executable).with_name("assured-jobs-healthcheck")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "health")


def probe(path: str) -> int:
    """In a process of its own, as a platform does it, which has no way to any Redis."""
    env = {"PATH": os.environ["PATH"], "ASSURED_JOBS_HEALTH_FILE": path}
    return subprocess.run([PROGRAM], env=env, capture_output=True, timeout=60, check=False).returncode


def pids(path: str) -> list[int]:
    return sorted(int(one.suffix[1:]) for one in Path(path).parent.glob("health.*"))


def test_a_live_a_stopped_and_a_dead_worker_get_the_three_answers(lab, path):
    worker = lab.worker(HEALTH_FILE=path)
    lab.wait(lambda: probe(path) == ALIVE, "the worker reports")
    worker.pause()
    lab.wait(lambda: probe(path) == STALLED, "its silence is noticed")
    worker.resume()
    lab.wait(lambda: probe(path) == ALIVE, "it reports again")
    worker.kill()
    assert probe(path) == DEAD


def test_a_job_that_holds_the_interpreter_is_a_stall_that_ends_with_it(lab, path):
    lab.worker(HEALTH_FILE=path)
    lab.wait(lambda: probe(path) == ALIVE, "the worker reports")
    lab.jobs.greedy.send(1, 7)
    lab.wait(lambda: probe(path) == STALLED, "its silence is noticed")
    lab.wait(lambda: lab.effects("done"), "the job lets go")
    lab.wait(lambda: probe(path) == ALIVE, "it reports again")


def test_a_dead_one_of_four_processes_is_seen_and_the_next_run_starts_clean(lab, path):
    worker = lab.worker("-p", "4", threads=1, HEALTH_FILE=path)
    lab.wait(lambda: len(pids(path)) == 4 and probe(path) == ALIVE, "four processes report")
    one = pids(path)[0]
    os.kill(worker.process.pid, signal.SIGSTOP)  # the command may not notice, and stop the others
    os.kill(one, signal.SIGKILL)
    lab.wait(lambda: probe(path) == DEAD, "the dead sibling is seen")
    worker.kill()
    lab.worker("-p", "2", threads=1, HEALTH_FILE=path)
    lab.wait(lambda: probe(path) == ALIVE and len(pids(path)) == 2, "what the dead run left is gone")
    assert one not in pids(path)


def test_a_worker_that_stops_in_order_takes_its_report_along(lab, path):
    worker = lab.worker(HEALTH_FILE=path)
    lab.wait(lambda: pids(path), "it reports")
    worker.terminate()
    lab.wait(worker.exited, "it stops")
    assert (pids(path), probe(path)) == ([], DEAD)


def test_an_outage_of_redis_makes_nobody_ill(make_lab, own_server, path):
    server = own_server()
    lab = make_lab(server)
    lab.worker(HEALTH_FILE=path)
    lab.wait(lambda: probe(path) == ALIVE, "it reports")
    reported = Path(f"{path}.{pids(path)[0]}")
    server.close()

    def unheard() -> float:
        told = dict(line.partition(" ")[::2] for line in reported.read_text().splitlines())
        return float(told["at"]) - float(told["confirmed"])

    lab.wait(lambda: unheard() > 6, "Redis has been away for twice the heartbeat's TTL", timeout=60)
    assert probe(path) == ALIVE


def test_a_path_that_cannot_be_written_stops_no_job(lab):
    worker = lab.worker(HEALTH_FILE="/proc/nowhere/health")
    lab.jobs.work.send(1)
    lab.wait(lambda: lab.effects("done"), "the job runs")
    lab.wait(lambda: worker.said("a probe takes this worker for dead"), "it says so")
