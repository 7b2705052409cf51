"""One line gives the tests their crash_lab; the rest is about this app."""

from pathlib import Path

import pytest

pytest_plugins = ["assured_jobs.testing"]


@pytest.fixture
def crash_lab(crash_lab, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA", str(tmp_path))
    crash_lab.cwd = Path(__file__).parent
    crash_lab.env["BANK_SECONDS"] = "0"
    return crash_lab
