"""How a worker died is told where it can be known."""

from __future__ import annotations

import pytest

from assured_jobs import evidence
from assured_jobs.entry import Death, InstanceInfo
from assured_jobs.signs import Signs


def _death(cgroup: str, oom_kills: int | None) -> Death:
    info = InstanceInfo("web.1.a", "here", 1, "b", "d", (), (), "JSONEncoder", 15, 45, 3, 180, "0", cgroup=cgroup)
    return Death(info, 1, 1, 1, False, "connection lost", signs=Signs(oom_kills=oom_kills))


@pytest.fixture
def events(tmp_path, monkeypatch):
    path = tmp_path / "memory.events"
    path.write_text("low 0\nhigh 0\nmax 12\noom 2\noom_kill 3\n")
    monkeypatch.setattr(evidence, "MEMORY_EVENTS", path)
    return path


def test_a_sibling_in_the_same_cgroup_knows_of_a_kill_for_want_of_memory(events) -> None:
    assert evidence.exit_hint(_death(evidence.cgroup(), 2)).startswith("out of memory")
    assert evidence.exit_hint(_death(evidence.cgroup(), 3)) == "", "that kill was an earlier one"
    assert evidence.exit_hint(_death("elsewhere:0::/:7", 2)) == "", "another cgroup's counter says nothing of ours"
    assert evidence.exit_hint(_death(evidence.cgroup(), None)) == ""


def test_where_the_kernel_tells_nothing_nothing_is_claimed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(evidence, "MEMORY_EVENTS", tmp_path / "none")
    assert evidence.cgroup() == ""
    assert evidence.exit_hint(_death("", 0)) == ""
    assert evidence.signs().oom_kills is None


@pytest.mark.parametrize(
    "signs", [Signs(), Signs(12.5, 3_000_000, 0), Signs(0.0, None, 7)], ids=["unknown", "known", "some"]
)
def test_signs_come_back_as_they_were(signs) -> None:
    assert Signs.loads(signs.dumps()) == signs


@pytest.mark.parametrize("text", ["", "x y z", "1", "- - - -", "1 2 3 4", "\x00"])
def test_unreadable_signs_are_unknown_and_never_an_error(text) -> None:
    assert isinstance(Signs.loads(text), Signs)


def test_a_living_process_knows_its_memory() -> None:
    assert evidence.signs().rss > 2**20
