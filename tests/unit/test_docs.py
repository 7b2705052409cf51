"""docs/: what they say of states, scripts, events and fences is what the code does."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from assured_jobs import events

ROOT = Path(__file__).parents[2]
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
STATES = (ROOT / "docs/states.md").read_text()
ARROWS = re.findall(r"^    (\S+) --> (\S+): (.+)$", STATES, re.MULTILINE)
SCRIPTS = sorted((ROOT / "assured_jobs/ledger/scripts").glob("*.lua"))
EVENTS = {
    cells[0].strip("`"): cells[1:]
    for line in (ROOT / "docs/events.md").read_text().splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line[1:-1].split("|")]]
}


def says_of_itself(script: Path) -> str:
    """The first sentence of its head."""
    head = script.read_text().split("\n--\n")[0]
    text = " ".join(line.removeprefix("-- ") for line in head.splitlines())
    return text.partition(": ")[2].split(". ")[0].rstrip(".")


def test_every_script_is_listed_with_what_it_says_of_itself() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", STATES, re.MULTILINE))
    assert rows == {script.stem: says_of_itself(script).replace("|", "\\|") for script in SCRIPTS}


def test_every_arrow_is_a_script_or_somebody_elses_doing() -> None:
    assert len(ARROWS) == STATES.count(" --> ") > 35
    names, drawn = {script.stem for script in SCRIPTS}, {re.split(r"\W", label)[0] for _, _, label in ARROWS}
    others = {label for _, _, label in ARROWS if re.split(r"\W", label)[0] not in names}
    assert all("(Dramatiq)" in label or label.startswith("(judged)") for label in others), others
    assert names - drawn == {"look", "tick", "lease_obtain", "lease_let_go"}, "these serve the watch"


@pytest.mark.parametrize(
    "name", ["bury", "claim", "defer", "discard", "hold", "put_back", "release", "reopen", "retry"]
)
def test_an_arrow_begins_and_ends_where_its_script_says(name: str) -> None:
    says = says_of_itself(SCRIPTS[0].with_stem(name))
    drawn = [(begin, end) for begin, end, label in ARROWS if label.split(",")[0] == name]
    assert drawn
    for state in {state for arrow in drawn for state in arrow}:
        assert state.removesuffix("d") in says  # "queued" is drawn, "queue" is written


def test_every_event_is_told_with_its_keys() -> None:
    kinds = events._KINDS
    assert set(EVENTS) == set(kinds)
    for name, (keys, _, advice) in EVENTS.items():
        assert re.findall(r"`(\w+)`", keys) == [field.name for field in fields(kinds[name])], name
        assert advice.endswith((".", "?"))


@pytest.mark.parametrize("name", events._KINDS)
def test_every_event_is_told_with_its_level(name: str) -> None:
    kind, told = events._KINDS[name], EVENTS[name][1]
    assert told.split(";")[0].upper() == logging.getLevelName(kind.level)
    assert ("log and callback alone" in told) != kind.streamed


def test_what_a_settled_orphans_level_depends_on() -> None:
    def level(outcome: str) -> int:
        return events.OrphanSettled("m", "a", "q", "i", outcome, "because", 1).severity()

    assert EVENTS["OrphanSettled"][1] == "info; warning where held or discarded"
    assert {outcome: level(outcome) for outcome in ("handed_back", "deferred", "paced", "held", "discarded")} == {
        "handed_back": logging.INFO, "deferred": logging.INFO, "paced": logging.INFO,
        "held": logging.WARNING, "discarded": logging.WARNING,
    }  # fmt: skip


LAST, ONCE = re.findall(r"```sql\n(.*?)\n```", (ROOT / "docs/fencing.md").read_text(), re.DOTALL)


@pytest.fixture
def payments() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE payments (id PRIMARY KEY, state, fence)")
        db.execute("INSERT INTO payments VALUES ('p-1', 'new', 0)")
        yield db


def test_a_zombies_write_is_refused_and_the_last_starts_are_not(payments) -> None:
    def write(state: str, fence: int) -> int:
        return payments.execute(LAST, {"id": "p-1", "state": state, "fence": fence}).rowcount

    assert write("charging", 7) == 1
    assert write("charging", 9) == 1, "its second start"
    assert write("paid", 7) == 0, "the first one, woken"
    assert write("unrecorded", 0) == 0
    assert write("paid", 9) == 1
    assert payments.execute("SELECT * FROM payments").fetchall() == [("p-1", "paid", 9)]


def test_where_one_start_writes_once_the_second_time_is_nothing(payments) -> None:
    writes = [("paid", 9), ("paid", 9), ("paid", 7)]
    done = [payments.execute(ONCE, {"id": "p-1", "state": state, "fence": fence}).rowcount for state, fence in writes]
    assert done == [1, 0, 0]


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    for name in re.findall(r"`((?:assured_jobs|tests|docs|benchmarks|examples)/[\w/.]+)`", page.read_text()):
        assert (ROOT / name).exists(), name
