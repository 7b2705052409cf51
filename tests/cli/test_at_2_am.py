"""Every command of the README's "At 2 am" is run as it stands, at a terminal, on a ledger with something in it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assured_jobs.entry import Policy
from walkthrough import commands_of

ROOT = Path(__file__).parents[2]


#: What runs until Ctrl-C: what it says once it runs, and a port that is free here.
ENDLESS = {"assured-jobs events --follow": ("web-9", ""), "assured-jobs web": ("Ctrl-C ends it", " --port 0")}


@pytest.fixture
def lines(tmp_path) -> list[str]:
    part = tmp_path / "at-2-am.md"
    part.write_text((ROOT / "README.md").read_text().split("## At 2 am")[1].split("\n## ")[0])
    return commands_of(part)


def environment(scene) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ours = {
        "ASSURED_JOBS_REDIS_URL": scene.url,
        "ASSURED_JOBS_NS": "night",
        "ASSURED_JOBS_HEALTH_FILE": "/nowhere/health",
    }
    return {**os.environ, "PATH": path, **ours}


def type_in(scene, line: str, until: str | None = None) -> tuple[int, str]:
    """Types a line before a person who answers `y`; Ctrl-C once those words appear, where it runs for ever."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"y\n")
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"], env=environment(scene), stdin=theirs, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if until is None:
            told = process.communicate(timeout=60)[0]
        else:
            told = ""
            while until not in told:
                read = process.stdout.readline()
                assert read, told
                told += read
            process.send_signal(signal.SIGINT)
            told += process.communicate(timeout=60)[0]
        return process.returncode, told
    finally:
        os.close(ours)
        os.close(theirs)


def test_every_line_is_run_as_it_stands(scene, lines) -> None:
    scene.queue = "mail"
    dead = scene.register("web-9.1.ffff")
    (message_id, _), *_ = scene.hold("a@b", number=3, worker="web-1.1.aaaa", policy=Policy(max_crashes=1))
    scene.start(dead)
    *verbs, completion = lines
    assert completion.startswith("eval ")
    for typed in verbs:
        line = typed.split(" #")[0].strip().replace("<message id>", message_id).replace("<id>", dead.id)
        assert "<" not in line
        until, more = ENDLESS.get(line, (None, ""))
        code, told = type_in(scene, line + more, until)
        if line == "assured-jobs healthcheck":
            assert code == 2, told  # no worker of this container has reported; tests/platform has workers that do
        else:
            assert code in ((0, 1) if line == "assured-jobs check" else (0,)), f"{typed}\n{told}"
        assert "Traceback" not in told
        if line == "assured-jobs retry --queue mail --reason max_crashes --limit 10":
            assert "retried 2\n" in told


def test_the_completion_completes(scene, lines) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{lines[-1]} && complete -p assured-jobs"], env=environment(scene), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert "_assured_jobs_completion" in done.stdout
