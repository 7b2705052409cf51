"""Must: from an empty folder to a recovery in under five minutes, with nothing but what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from walkthrough import Tour, commands_of

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MINUTES = 5


class Newcomer(Tour):
    """Types what stands in "Ten lines", with another Redis than the one on 127.0.0.1:6379, and another checkout."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        python = str(Path(sys._base_executable).parent)
        plain = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
        # No PYTHONUNBUFFERED: what the README's job prints must be seen without.
        env = {**plain, "PATH": os.pathsep.join([python, plain["PATH"]]), "ASSURED_JOBS_REDIS_URL": redis_url}
        text = README.read_text().split("## Ten lines")[1].split("\n## ")[0]
        part = folder / "ten-lines.md"
        part.write_text(text)
        super().__init__(folder / "empty", commands_of(part), env)
        self.folder.mkdir()
        self.instead = {"~/dramatiq-assured-jobs": str(ROOT)}
        self.tasks = "\n\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
        self.tasks = self.tasks.replace("redis://127.0.0.1:6379/0", redis_url)

    def activate(self) -> None:
        """The next command, which enters a virtual environment: this terminal and all that follow are in it."""
        command = self._next("source ")
        told = subprocess.run(
            ["bash", "-c", f"{command} && env -0"], cwd=self.folder, env=self.env, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        self.env = dict(line.split("=", 1) for line in told.stdout.split("\0") if line)

    def install(self) -> None:
        """The next command, which may need an index that cannot be reached from here."""
        try:
            self.run("pip install", timeout=200)
        except AssertionError as error:
            if "No matching distribution" in str(error) and not os.environ.get("CI"):
                pytest.skip("pip cannot reach an index")
            raise


@pytest.mark.timeout(60 * MINUTES)
def test_a_newcomer_is_protected_and_sees_a_recovery_in_under_five_minutes(server, tmp_path, capsys) -> None:
    began = time.monotonic()
    tour = Newcomer(tmp_path, server.url)
    try:
        tour.run("python3 -m venv")
        tour.activate()
        tour.install()
        (tour.folder / "tasks.py").write_text(tour.tasks)

        tour.start("dramatiq tasks")
        tour.wait(lambda: tour.said("Worker process is ready for action."), "the worker works")
        tour.run("python -c")
        tour.wait(lambda: tour.said("order-1: started"), "the job runs")
        tour.kill()
        killed = time.monotonic()
        line = "BLEEDING: 1 job of 1 dead worker not brought back yet."
        assert line in README.read_text()
        assert line in tour.run("assured-jobs status")

        tour.start("dramatiq tasks")
        tour.wait(lambda: tour.said("order-1: started"), "the job runs again")
        back = time.monotonic() - killed
        tour.wait(lambda: tour.said("order-1: sent"), "it is done")
        tour.run("assured-jobs status")
        tour.finish()
    finally:
        tour.close()
    with capsys.disabled():
        took = time.monotonic() - began
        print(f"\nA newcomer took {took:.0f} s from an empty folder to the end.")
        print(f"The job ran again {back:.1f} s after the kill.")
