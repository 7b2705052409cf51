"""What is shipped, and what importing it does."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "assured_jobs/ledger/scripts").glob("*.lua"))


def _python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


def test_importing_opens_no_socket_reads_no_environment_and_starts_no_thread() -> None:
    code = """
import os, socket, sys, threading
class Deaf(dict):
    def get(self, *_): raise AssertionError("environment read")
    __getitem__ = get
socket.socket = None
before = set(sys.modules)
os.environ = Deaf()
import assured_jobs
assert threading.active_count() == 1
heavy = {"redis", "dramatiq", "pydantic", "flask"} & {name.split(".")[0] for name in set(sys.modules) - before}
assert not heavy, heavy
"""
    result = _python(code)
    assert result.returncode == 0, result.stderr


def test_a_producer_pays_nothing(server) -> None:
    code = f"""
import threading, dramatiq, redis
from dramatiq.brokers.redis import RedisBroker
from assured_jobs import AssuredJobs
broker = RedisBroker(url="{server.url}")
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)
@dramatiq.actor(assured=True)
def work(): pass
watcher = redis.Redis.from_url("{server.url}")
clients = watcher.info("clients")["connected_clients"]
work.send()
calls = watcher.info("commandstats")
work.send()
assert threading.active_count() == 1
assert watcher.info("clients")["connected_clients"] == clients + 1
grown = {{k: v["calls"] - calls.get(k, {{"calls": 0}})["calls"] for k, v in watcher.info("commandstats").items()}}
assert grown["cmdstat_evalsha"] == 1, grown
assert not watcher.keys("{{assured_jobs}}*")
"""
    result = _python(code)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_our_two_packages_and_everything_in_them(wheel) -> None:
    names = set(wheel.namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"assured_jobs", "assured_jobs_web"}
    shipped = ("*.py", "*.lua", "py.typed", "*.csv", "*.html", "*.css", "*.js")
    for base in (ROOT, ROOT / "web"):
        for pattern in shipped:
            for path in base.glob(f"assured_jobs*/**/{pattern}"):
                assert str(path.relative_to(base)) in names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_script_states_its_contract_and_keeps_to_it(script: Path) -> None:
    text = script.read_text()
    header = "\n".join(line for line in text.splitlines()[:60] if line.startswith("--"))
    body = "\n".join(line for line in text.splitlines() if not line.strip().startswith("--"))
    assert text.startswith(f"-- {script.stem}: ")
    assert "-- Returns" in header
    for kind in ("KEYS", "ARGV"):
        used = {int(number) for number in re.findall(rf"{kind}\[(\d+)\]", body)}
        told = {int(number) for number in re.findall(rf"{kind}\[(\d+)", header)}
        assert used <= told, f"{kind} {sorted(used - told)} used and not told"
    assert "'KEYS'" not in body
    assert "'SCAN'" not in body
    assert "cjson" not in body


def test_every_script_is_run_by_the_ledger() -> None:
    code = "".join(path.read_text() for path in (ROOT / "assured_jobs").rglob("*.py"))
    for script in SCRIPTS:
        assert f'"{script.stem}"' in code


def test_no_file_names_a_package_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        assert not re.search(r"https?://\S*/simple", (ROOT / name).read_text(errors="replace")), name


def test_every_promise_names_a_test_that_exists() -> None:
    named = re.findall(r"`(tests/\S+?)::(\w+)`", (ROOT / "docs/promises.md").read_text())
    assert len(named) > 15
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(), name
