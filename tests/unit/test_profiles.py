"""docs/profiles.md: each list can be used as it stands, and its figures are those of its settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assured_jobs import AssuredJobsSettings, misspelt
from assured_jobs.lease import RENEWAL
from assured_jobs.settings import variable
from assured_jobs.watch import PERIOD, SILENCE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/profiles.md").read_text()
BLOCKS = re.findall(r"^## (.+?)\n.*?```env\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)
HEAD, *ROWS = [[cell.strip() for cell in line[1:-1].split("|")] for line in TEXT.splitlines() if line.startswith("| ")]
PROFILES = {"defaults": "", **{name.lower(): block for name, block in BLOCKS}}


def variables(name: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in PROFILES[name].splitlines())


def settings(monkeypatch, name: str) -> AssuredJobsSettings:
    monkeypatch.delenv("ASSURED_JOBS_REDIS_URL", raising=False)
    for one, value in variables(name).items():
        monkeypatch.setenv(one, value)
    return AssuredJobsSettings()


def test_the_three_profiles_are_there() -> None:
    assert list(PROFILES) == ["defaults", "high availability", "constrained", "critical"]
    assert ["", *PROFILES] == HEAD


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "defaults"])
def test_every_variable_exists_and_every_value_is_taken(monkeypatch, name: str) -> None:
    given = variables(name)
    read = settings(monkeypatch, name)
    assert [one.sentence for one in misspelt.ignored()] == []
    values = {variable(field): str(getattr(read, field)).lower().removesuffix(".0") for field in read.model_fields_set}
    assert values == given


@pytest.mark.parametrize("name", list(PROFILES))
def test_every_figure_follows_from_the_settings(monkeypatch, name: str) -> None:
    read = settings(monkeypatch, name)
    beat, grace = read.heartbeat_interval, read.presence_grace
    passes, interval = read.delayed_recovery_count, read.delayed_recovery_interval
    figures = [
        f"{grace:g} to {grace + SILENCE + 2 * PERIOD:g} s",
        f"{read.stall_ttl - beat:g} to {read.stall_ttl:g} s",
        f"{read.heartbeat_ttl - beat:g} to {read.heartbeat_ttl:g} s",
        f"{read.stall_ttl - beat:g} s",
        f"{read.heartbeat_ttl - beat:g} s",
        f"{1 / beat:.3f}",
        f"{read.redis_timeout:g} s",
        f"{passes}, {'after' if passes == 1 else 'over'} {passes * interval:g} s",
    ]
    assert [row[HEAD.index(name)] for row in ROWS] == figures


def test_a_watchers_commands_follow_from_its_turns() -> None:
    assert f"about {2 / PERIOD + 1 + 1 / RENEWAL:.1f} commands a second" in " ".join(TEXT.split())


def test_the_readme_points_at_them() -> None:
    assert "(docs/profiles.md)" in (ROOT / "README.md").read_text()
