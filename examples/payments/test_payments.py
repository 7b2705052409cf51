"""What a charge that was cut in half comes to. Each test starts real workers and kills one of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def charges(tmp_path):
    """How often the bank took money, by key."""

    def ask() -> dict[str, int]:
        try:
            with closing(sqlite3.connect(tmp_path / "bank.db", timeout=30)) as db:
                return dict(db.execute("SELECT key, count(*) FROM charges GROUP BY key").fetchall())
        except sqlite3.OperationalError:  # nobody has been charged yet
            return {}

    return ask


@pytest.fixture
def state(tmp_path):
    """What our books say about a payment."""

    def ask(payment: str) -> str:
        with closing(sqlite3.connect(tmp_path / "books.db", timeout=30)) as db:
            return db.execute("SELECT state FROM payments WHERE id = ?", (payment,)).fetchone()[0]

    return ask


def cut_in_half(crash_lab, place: str) -> str:
    """A charge whose worker died at that place; a second worker is there to find it."""
    worker = crash_lab.start("tasks", die_at=place)
    message = crash_lab.send("charge_card", "p-1", 4200)
    worker.wait_until_dead()
    crash_lab.start("tasks")
    story = crash_lab.wait_for(message, "held")
    assert (story.crash_count, story.copies) == (1, 1)
    return message


def test_cut_off_before_the_charge_a_retry_charges(crash_lab, charges, state):
    message = cut_in_half(crash_lab, "app.before_charge")
    assert state("p-1") == "charging"
    crash_lab.retry(message)
    crash_lab.wait_until_done(message)
    assert (state("p-1"), charges()) == ("paid", {message: 1})


def test_cut_off_after_the_charge_a_retry_charges_nothing_more(crash_lab, charges, state):
    message = cut_in_half(crash_lab, "app.after_charge")
    assert (state("p-1"), charges()) == ("charging", {message: 1})
    crash_lab.retry(message)
    crash_lab.wait_until_done(message)
    assert (state("p-1"), charges()) == ("paid", {message: 1})


def test_deleted_it_is_never_charged(crash_lab, charges, state):
    message = cut_in_half(crash_lab, "app.before_charge")
    crash_lab.delete(message)
    story = crash_lab.what_happened(message)
    assert (story.state, story.copies, charges()) == ("discarded", 0, {})
    assert state("p-1") == "charging"  # for a person to correct: only a person knows what was agreed


def test_a_worker_that_wakes_up_too_late_neither_charges_again_nor_writes(crash_lab, charges, state):
    sleeper = crash_lab.start("tasks", env={"BANK_SECONDS": "8"})
    message = crash_lab.send("charge_card", "p-1", 4200)
    crash_lab.wait(lambda: charges() == {message: 1}, "the bank has taken the money, and not answered yet")
    sleeper.pause()
    crash_lab.start("tasks")
    crash_lab.wait_for(message, "held")
    crash_lab.retry(message)
    crash_lab.wait_until_done(message)
    assert (state("p-1"), charges()) == ("paid", {message: 1})

    sleeper.resume()
    crash_lab.wait(lambda: sleeper.said("word counts no longer"), "the sleeper's last write is refused")
    assert (state("p-1"), charges()) == ("paid", {message: 1})
