"""Every place where a process can be killed is listed, and a name that is none is complained about."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from assured_jobs import failpoint
from assured_jobs.failpoint import FAIL_POINTS, problem_of

PACKAGE = Path(__file__).parents[2] / "assured_jobs"


def test_every_place_is_listed_and_every_listed_place_is_reached() -> None:
    calls = re.findall(r"\breach\(([^()]*)\)", "".join(path.read_text() for path in PACKAGE.rglob("*.py")))
    reached = {name for call in calls for name in re.findall(r'"([\w.]+)"', call) if not name.startswith("app.")}
    assert reached == set(FAIL_POINTS)


@pytest.mark.parametrize("text", [*FAIL_POINTS, "app.charged", "pass.after_bury:3"])
def test_a_place_is_accepted(text: str) -> None:
    assert problem_of(text) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("job.afterbegin", "Did you mean 'job.after_begin'?"),
        ("charged", "Did you mean 'app.charged'?"),
        ("app.", "got 'app.'"),
        ("job.after_begin:often", "a whole number"),
        ("job.after_begin:0", "a whole number"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: str, told: str) -> None:
    assert told in (problem_of(text) or "")


@pytest.mark.parametrize(
    ("value", "code", "told"),
    [
        ("app.here", -9, "kills itself at app.here"),
        ("app.here:2", 0, "kills itself"),
        ("job.afterbegin", 0, "Did you mean 'job.after_begin'?"),
        ("", 0, ""),
    ],
)
def test_only_a_process_told_so_dies_and_says_so(value: str, code: int, told: str) -> None:
    script = "import logging; logging.basicConfig(); from assured_jobs.failpoint import reach; reach('app.here')"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={"ASSURED_JOBS_FAIL_POINT": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code
    assert told in result.stderr
    assert value or not result.stderr


def test_our_own_tests_may_play_something_else_there(monkeypatch) -> None:
    monkeypatch.setattr(failpoint, "_plan", None)
    reached: list[str] = []
    failpoint.play({"app.here": lambda: reached.append("here")})
    failpoint.reach("app.here")
    failpoint.reach("app.elsewhere")
    failpoint.reach("app.here")
    assert reached == ["here", "here"]
