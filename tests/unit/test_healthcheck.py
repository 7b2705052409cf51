"""What the probe says of each report, without any worker; and that it imports next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assured_jobs.healthcheck import ALIVE, DEAD, STALLED, Report, identity, look

ROOT = Path(__file__).parents[2]


def report(folder: Path, pid: int | None = None, **changes) -> Report:
    now = time.monotonic()
    about = pid or os.getpid()
    fields = {
        "pid": about, "born": identity(about).split(":")[1], "run": identity(os.getpid()), "at": now, "confirmed": now,
        "patience": 45.0, "draining": False, "lost": "",
    }  # fmt: skip
    made = Report(**{**fields, **changes})
    (folder / f"health.{about}").write_text(made.dumps())
    return made


def verdict(folder: Path) -> int:
    return look(str(folder / "health"))[0]


def test_a_report_is_read_as_it_was_written(tmp_path):
    made = report(tmp_path, lost="consumer of default", draining=True)
    assert Report.loads(made.dumps()).dumps() == made.dumps()


def test_a_fresh_report_of_a_living_process_is_alive(tmp_path):
    report(tmp_path)
    assert verdict(tmp_path) == ALIVE


def test_silence_beyond_its_patience_is_a_stall(tmp_path):
    report(tmp_path, at=time.monotonic() - 46)
    assert verdict(tmp_path) == STALLED


def test_redis_away_for_an_hour_is_no_illness(tmp_path):
    report(tmp_path, confirmed=time.monotonic() - 3600)
    assert verdict(tmp_path) == ALIVE


def test_a_dead_thread_is_a_stall_but_not_while_redis_is_away(tmp_path):
    report(tmp_path, lost="consumer of default")
    assert verdict(tmp_path) == STALLED
    report(tmp_path, lost="consumer of default", confirmed=time.monotonic() - 3600)
    assert verdict(tmp_path) == ALIVE


def test_a_dead_sibling_is_seen_beside_the_living(tmp_path):
    report(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    report(tmp_path, child.pid)
    assert verdict(tmp_path) == ALIVE
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and its parent has not taken notice
    assert verdict(tmp_path) == DEAD
    child.communicate()
    assert verdict(tmp_path) == DEAD


def test_another_process_with_the_same_pid_is_not_the_one_that_reported(tmp_path):
    report(tmp_path, born="1")
    assert verdict(tmp_path) == DEAD


@pytest.mark.parametrize("text", ["", "pid many\n", "pid 1\n", "\x00\xff" * 50])
def test_a_file_that_is_no_report_is_passed_over(tmp_path, text):
    (tmp_path / "health.4711").write_text(text)
    (tmp_path / "health.txt").write_text(text)
    assert verdict(tmp_path) == DEAD
    report(tmp_path)
    assert verdict(tmp_path) == ALIVE


@pytest.mark.parametrize("path", ["/nowhere/health", "health"])
def test_nobody_has_reported(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    assert look(path)[0] == DEAD


@pytest.mark.parametrize("program", [["assured-jobs", "healthcheck"], ["assured-jobs-healthcheck"]])
def test_both_ways_in_answer_and_say_why(tmp_path, program):
    report(tmp_path)
    env = {**os.environ, "ASSURED_JOBS_HEALTH_FILE": str(tmp_path / "health")}
    command = [str(Path(sys.executable).with_name(program[0])), *program[1:]]
    answer = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stderr) == (ALIVE, "")
    assert answer.stdout.startswith(f"alive: process {os.getpid()}, last heartbeat")
    named = subprocess.run([*command, str(tmp_path / "other")], capture_output=True, text=True, timeout=60, check=False)
    assert (named.returncode, named.stdout) == (DEAD, f"dead: no worker has reported under {tmp_path / 'other'}\n")
    bare = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (bare.returncode, bare.stdout) == (DEAD, "")
    assert "set ASSURED_JOBS_HEALTH_FILE" in bare.stderr


#: What the probe may load beyond a bare interpreter: little modules alone.
MAY_LOAD = {"__future__", "assured_jobs", "assured_jobs.__main__", "assured_jobs.healthcheck", "importlib", "warnings"}


def test_the_verb_is_reached_without_importing_anything_heavy(tmp_path):
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
before = set(sys.modules)
sys.argv = ["assured-jobs", "healthcheck", {str(tmp_path / "health")!r}]
from assured_jobs.__main__ import main
try:
    main()
except SystemExit as left:
    print(left.code, *(set(sys.modules) - before))
"""
    # -S: an editable install imports things of its own before anybody asks
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    code_, *loaded = done.stdout.splitlines()[-1].split()
    assert code_ == "2"
    assert set(loaded) <= MAY_LOAD | {"importlib._bootstrap", "importlib._bootstrap_external"}
