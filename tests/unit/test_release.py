"""What would be uploaded: the sdist holds what it should, the wheel is built from it and works where no sources are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, folder: Path, **env: str) -> str:
    told = {"PATH": os.environ["PATH"], **env}
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def dist(tmp_path_factory) -> Path:
    """An sdist, and the wheel that was made of it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return folder


def test_both_would_be_accepted(dist):
    files = [str(path) for path in dist.iterdir()]
    assert len(files) == 2
    told = run(sys.executable, "-m", "twine", "check", "--strict", *files, folder=dist)
    assert told.count("PASSED") == 2


def test_the_sdist_is_the_tree_and_nothing_that_lies_about(dist):
    [path] = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    kept_at_home = {name for name in listed if name.startswith((".ci/", ".github/", ".gitignore"))}
    assert names - {"PKG-INFO", ".gitignore"} <= set(listed)
    assert set(listed) - kept_at_home <= names


@pytest.mark.timeout(300)
def test_the_wheel_works_where_no_sources_are(dist, tmp_path):
    [wheel] = dist.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env/bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet", wheel, folder=tmp_path)
    [site] = (tmp_path / "env/lib").glob("python*/site-packages")
    # What it depends on is borrowed from here, behind its own: nothing is downloaded, and our checkout is not seen.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    checks = tmp_path / "check_wheel.py"
    checks.write_text((ROOT / "tests/release/check_wheel.py").read_text())
    told = run(python, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", checks, folder=tmp_path)
    assert "passed" in told
    assert "skipped" not in told


def test_the_workflow_runs_what_a_person_runs():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    commands = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert any(command.endswith("make test") for command in commands)
    sessions = set(re.findall(r"nox .*?-s (\w+)", "\n".join(commands)))
    assert sessions <= set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
