"""What a probe costs: `assured-jobs healthcheck` beside a bare `python -c pass`, in turn, as a ratio.

`make bench` runs it. The wheel is installed in an environment of its own: a checkout's way of importing costs more.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from assured_jobs.healthcheck import ALIVE, Report, identity

ROOT = Path(__file__).parents[1]
ROUNDS = int(os.environ.get("ROUNDS", "200"))


def install(folder: Path) -> Path:
    """The folder of its programs."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    venv.create(folder / "env", with_pip=False)
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", folder / "env/bin/python", "install", "--quiet", "--no-deps", wheel]
    subprocess.run(pip, check=True)
    return folder / "env/bin"


def seconds(command: list[str | Path], env: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, env=env, check=False, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - began
    if done.returncode != ALIVE:
        raise SystemExit(f"{command} exited with {done.returncode}")
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        programs = install(folder)
        pid, born = os.getpid(), identity(os.getpid())
        now = time.monotonic()
        report = Report(
            pid=pid, born=born.split(":")[1], run=born, at=now, confirmed=now, patience=3600, draining=False, lost=""
        )
        (folder / f"health.{pid}").write_text(report.dumps())
        env = {"ASSURED_JOBS_HEALTH_FILE": str(folder / "health")}
        commands: dict[str, list[str | Path]] = {
            "python -c pass": [programs / "python", "-c", "pass"],
            "assured-jobs-healthcheck": [programs / "assured-jobs-healthcheck"],
            "assured-jobs healthcheck": [programs / "assured-jobs", "healthcheck"],
        }
        for command in commands.values():
            seconds(command, env)
        took: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                took[name].append(seconds(command, env))
    bare = statistics.median(took["python -c pass"])
    print(f"{ROUNDS} runs of each, in turn (median)")
    for name, times in took.items():
        print(f"  {name:26}{statistics.median(times) * 1000:7.1f} ms   {statistics.median(times) / bare:5.2f} x")


if __name__ == "__main__":
    main()
