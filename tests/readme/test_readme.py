"""README.md: its blocks can be used as they stand, its figures were measured, and it keeps to its order."""

from __future__ import annotations

import re
from pathlib import Path

import dramatiq
import pytest
from dramatiq.brokers import redis as dramatiq_redis
from dramatiq.brokers.stub import StubBroker

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_python_block_compiles(block: str) -> None:
    compile(block, "block", "exec")


def test_the_readmes_blocks_run_one_after_the_other(monkeypatch) -> None:
    scope: dict[str, object] = {}
    former = dramatiq.broker.global_broker
    try:
        for block in re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
            exec(compile(block, "README.md", "exec"), scope)  # opens no connection: nothing is sent
    finally:
        dramatiq.set_broker(former or StubBroker())
    assert scope["charge_card"].options["max_crashes"] == 2
    assert scope["send_invoice"].options["assured"]


def rows(text: str) -> list[str]:
    table = re.search(r"^\| \| Dramatiq alone.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    return table[0].replace("[^1]", "").splitlines()


def test_the_comparison_is_the_one_that_was_measured() -> None:
    assert len(rows(TEXT)) == 5
    assert rows(TEXT) == rows((ROOT / "benchmarks/README.md").read_text())
    assert "compare: " in (ROOT / "Makefile").read_text()


def test_what_is_said_of_dramatiqs_defaults_is_true() -> None:
    assert dramatiq_redis.DEFAULT_HEARTBEAT_TIMEOUT == 60_000
    assert dramatiq_redis.DEFAULT_MAINTENANCE_CHANCE / dramatiq_redis.MAINTENANCE_SCALE == 1 / 1000


def test_the_overhead_is_the_one_that_was_measured() -> None:
    assert "about 0.2 ms by `make bench`" in TEXT
    assert "That is 0.22 ms more for each job" in (ROOT / "benchmarks/README.md").read_text()


def test_it_keeps_to_its_order() -> None:
    assert re.findall(r"^## (.*)$", TEXT, re.MULTILINE) == [
        "See it", "Ten lines", "What is promised, what is not", "At 2 am", "In your own code and tests", "Settings",
        "The orphaned-jobs dashboard", "Kubernetes", "How it works", "Compatibility",
    ]  # fmt: skip
    assert "`kill -9`" in TEXT.split("## See it")[0]
    assert len(TEXT.splitlines()) <= 280


def test_every_command_is_run_by_some_test() -> None:
    """ "Ten lines" by test_newcomer, "At 2 am" by tests/cli/test_at_2_am.py; each of them all that stand there."""
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
    commands = {title: re.findall(r"^\$ (.*)$", text, re.MULTILINE) for title, text in sections.items()}
    assert {title for title, found in commands.items() if found} == {"See it", "Ten lines", "At 2 am"}
    assert [line.split(" #")[0].strip() for line in commands["See it"]] == ["make demo", "make test"]


def test_the_two_commands_do_what_tests_do_without_make() -> None:
    """The demo is run by tests/cli/test_demo.py, and the tests are these."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo: .*\n\t@\$\(BIN\)/assured-jobs demo$", makefile, re.MULTILINE)
    assert re.search(r"^test: .*\n(?:\t.*\n)*\t\$\(BIN\)/python -m pytest", makefile, re.MULTILINE)
