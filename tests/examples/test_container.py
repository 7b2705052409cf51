"""examples/container: the app of the worker's image, started with what the manifests tell it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker

import manifests
from assured_jobs.demo.server import free_port
from assured_jobs.healthcheck import ALIVE, look
from prometheus import read, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def worker(server, tmp_path):
    [container] = manifests.worker()["containers"]
    told = {
        **manifests.settings(),
        "ASSURED_JOBS_REDIS_URL": server.url, "ASSURED_JOBS_INSTANCE_ID": "pod-1",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "dramatiq_prom_db": str(tmp_path),
        "ASSURED_JOBS_HEALTH_FILE": str(tmp_path / "health"), "dramatiq_prom_port": str(free_port()),
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *container["command"]], cwd=ROOT / "examples/container",
            env={**os.environ, **told}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    yield process, told, tmp_path
    process.terminate()
    process.wait(60)


def test_the_images_app_runs_as_the_manifests_say(server, worker):
    process, told, folder = worker
    broker = RedisBroker(url=server.url)
    broker.enqueue(dramatiq.Message("default", "send_invoice", (1,), {"seconds": 0.1}, {}))
    until(lambda: "invoice 1 sent" in (folder / "log").read_text(), "the job runs")
    until(lambda: look(told["ASSURED_JOBS_HEALTH_FILE"])[0] == ALIVE, "the probe says alive")
    url = f"http://127.0.0.1:{told['dramatiq_prom_port']}/metrics"
    until(lambda: 'assured_jobs_ledger_seconds_count{operation="begin"} 1.0' in read(url), "its metrics are exported")
    process.terminate()  # as a platform does it: the master alone
    assert process.wait(60) == 0
    assert look(told["ASSURED_JOBS_HEALTH_FILE"])[0] != ALIVE
