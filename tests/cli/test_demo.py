from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner

from assured_jobs.cli import main
from assured_jobs.demo.server import NoRedisServer, free_port

COMMAND = [sys.executable, "-m", "assured_jobs", "demo"]


@pytest.mark.timeout(150)
def test_a_killed_worker_costs_no_order_and_invoices_none_twice(url, tmp_path):
    with redis.Redis.from_url(url) as client:
        client.set("theirs", "stays")
        done = subprocess.run(
            [*COMMAND, "--url", url, "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert (result["sent"], result["done"]) == (300, 300)
        assert (result["lost"], result["done_twice"], result["held"]) == (0, 0, 0)
        assert 1 <= result["running_when_killed"] == result["started_twice"]
        assert result["held_by_the_dead"] >= result["running_when_killed"]
        assert 0 < result["kill_to_noticed"] <= result["kill_to_first_rerun"] < 20
        assert result["seconds"] < 60
        assert "kill -9 to worker A" in done.stderr
        assert client.keys() == [b"theirs"], "the demo leaves nothing behind on somebody's own Redis"
    assert list(tmp_path.iterdir()) == []


def no_server() -> str:
    raise NoRedisServer


def test_without_a_redis_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("assured_jobs.cli.demo.find_server", no_server)
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 3
    assert "apt-get install redis-server" in result.stderr


def test_the_redis_of_the_environment_serves_only_where_no_private_one_can_be_had(monkeypatch):
    monkeypatch.setattr("assured_jobs.cli.demo.find_server", no_server)
    port = free_port()
    result = CliRunner().invoke(main, ["demo"], env={"ASSURED_JOBS_REDIS_URL": f"redis://127.0.0.1:{port}/0"})
    assert result.exit_code == 3
    assert f"127.0.0.1:{port}" in result.stderr


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to see what was left behind")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_no_process_and_no_file(number, tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        for line in demo.stdout:
            if "orders.csv are sent" in line:
                break
        assert len(_processes_in(tmp_path)) >= 3
        demo.send_signal(number)
        assert "Stopped" in demo.stdout.read()
    assert demo.returncode == 130
    deadline = time.monotonic() + 10
    while _processes_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def _processes_in(folder: Path) -> list[int]:
    """Processes whose environment or command line names the folder, ourselves left out."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if bytes(folder) in told and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found
