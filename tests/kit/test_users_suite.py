"""Must: somebody else's test suite gets the kit with one line, and a failure there tells what went on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTING = Path(__file__).parents[2] / "docs/testing.md"
APP = Path(__file__).parent / "errands.py"

CONFTEST = """
import pytest

pytest_plugins = ["assured_jobs.testing"]

@pytest.fixture
def crash_lab(crash_lab, tmp_path):
    crash_lab.env["ERRANDS"] = str(tmp_path)
    return crash_lab
"""


@pytest.fixture
def run_suite(tmp_path: Path):
    def run(tests: str, conftest: str = CONFTEST, **env: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "errands.py").write_text(APP.read_text())
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_theirs.py").write_text(tests)
        command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        environment = {**os.environ, **env}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_a_users_suite_kills_its_worker_and_asks_what_became_of_the_job(run_suite) -> None:
    result = run_suite("""
from assured_jobs.testing import CrashLab

def test_it_runs_again(crash_lab: CrashLab):
    worker = crash_lab.start("errands", die_at="app.ran")
    id = crash_lab.send("run", "it")
    worker.wait_until_dead()
    crash_lab.start("errands")
    crash_lab.wait_until_done(id)

def test_nothing_is_left_of_the_test_before(crash_lab: CrashLab):
    crash_lab.start("errands")
    crash_lab.wait_until_done(crash_lab.send("run", "it"))
""")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout


def test_the_documented_test_passes_on_an_app_like_the_one_it_tells_of(run_suite, tmp_path) -> None:
    [test] = re.findall(r"```python\n(def test_.*?)```", TESTING.read_text(), flags=re.DOTALL)
    (tmp_path / "tasks.py").write_text("""
from errands import broker, dramatiq, note, reach

@dramatiq.actor(assured=True, on_orphan="hold")
def charge_card(payment):
    note(payment)
    reach("app.charged")
""")
    result = run_suite(test)
    assert result.returncode == 0, result.stdout


def test_a_wait_in_vain_shows_the_story_and_the_log_of_the_worker(run_suite) -> None:
    result = run_suite("""
def test_it_is_held(crash_lab):
    crash_lab.start("errands")
    id = crash_lab.send("fail_once", "it")
    crash_lab.wait(lambda: "fails once" in crash_lab.workers[0].log.read_text(), "it failed")
    crash_lab.wait_for(id, "held", timeout=1)
""")
    assert result.returncode == 1
    assert "is held" in result.stdout
    assert "Story(message_id=" in result.stdout
    assert "RuntimeError: fails once" in result.stdout


def test_a_worker_on_another_redis_is_told_with_the_names_to_set(run_suite) -> None:
    result = run_suite("""
def test_it(crash_lab):
    crash_lab.url_variable = "BROKER_URL"
    crash_lab.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    crash_lab.start("errands", timeout=2)
""")
    assert result.returncode == 1
    assert "crash_lab.url_variable" in result.stdout
    assert "BROKER_URL" in result.stdout


def test_without_a_redis_server_the_suite_says_what_to_install(run_suite, tmp_path) -> None:
    conftest = (
        CONFTEST
        + """
import assured_jobs.demo.server as server
from assured_jobs.demo.server import NoRedisServer

def find_server():
    raise NoRedisServer

server.find_server = find_server
"""
    )
    result = run_suite("def test_it(crash_lab): pass", conftest)
    assert result.returncode == 1
    assert "apt-get install redis-server" in result.stdout.replace("\n", " ")
    assert "--url" not in result.stdout


def test_without_pytest_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['pytest'] = None; import assured_jobs.testing"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ImportError: assured_jobs.testing needs pytest: pip install" in result.stderr
