"""What was installed from the wheel, with no sources beside it: it imports from there, and its programs answer.

`make test` runs this in an environment that holds the wheel alone, see tests/unit/test_release.py, and so does
`nox -s wheel` with packages from the registry.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import assured_jobs


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    told = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **env}
    return subprocess.run(command, env=told, capture_output=True, text=True, timeout=120, check=False)


def test_it_is_the_installed_one():
    assert "site-packages" in str(assured_jobs.__file__)
    assert Path(str(assured_jobs.__file__)).is_relative_to(sys.prefix)
    assert not (Path(str(assured_jobs.__file__)).parents[1] / "pyproject.toml").exists()


def test_every_module_can_be_imported():
    for one in pkgutil.walk_packages(assured_jobs.__path__, "assured_jobs."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)


def test_the_scripts_of_the_ledger_are_there():
    from assured_jobs.ledger.store import SCRIPTS

    assert {"begin", "finish", "hand_back", "declare_dead"} <= set(SCRIPTS)


@pytest.mark.parametrize("name", ["assured-jobs", "assured-jobs-healthcheck"])
def test_its_programs_are_installed(name):
    assert name in {one.name for one in entry_points(group="console_scripts")}
    assert Path(program(name)).exists()


def test_the_command_line_answers():
    told = run(program("assured-jobs"), "--version")
    assert told.stdout.split()[-1] == version("dramatiq-assured-jobs")
    assert run(program("assured-jobs"), "config", "--json").returncode == 0


def test_the_probe_answers(tmp_path):
    told = run(program("assured-jobs-healthcheck"), ASSURED_JOBS_HEALTH_FILE=str(tmp_path / "health"))
    assert (told.returncode, told.stderr) == (2, "")


def test_a_job_of_a_killed_worker_comes_back():
    """The demo is the whole story, told by the wheel alone."""
    told = run(program("assured-jobs"), "demo", "--json")
    if "No Redis server found" in told.stderr:
        pytest.skip("no redis-server")
    assert told.returncode == 0, told.stdout + told.stderr
