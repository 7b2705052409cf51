from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from assured_jobs.ledger import Ledger, Store
from assured_jobs.orphans import Orphans


@pytest.fixture
def held(server):
    ledger = Ledger(Store.from_url(server.url, "assured_jobs", 5))
    yield lambda payment: [one.state for one in Orphans(ledger).find(payment)] == ["held"]
    ledger.close()


@pytest.mark.timeout(300)
def test_a_charge_cut_in_half_waits_for_a_person_who_retries_or_deletes_it(walk, held) -> None:
    tour = walk("payments", BANK_SECONDS="6")

    def is_in_the_books(payment: str, state: str) -> bool:
        try:
            with closing(sqlite3.connect(f"file:{tour.folder}/books.db?mode=ro", uri=True, timeout=30)) as db:
                return (payment, state) in db.execute("SELECT id, state FROM payments").fetchall()
        except sqlite3.OperationalError:  # not written yet
            return False

    tour.start("dramatiq tasks")
    assert "p-1 is enqueued" in tour.run("python pay.py p-1")
    tour.wait(lambda: is_in_the_books("p-1", "charging"), "p-1 is being charged")
    tour.kill()
    tour.start("dramatiq tasks")
    tour.wait(lambda: held("p-1"), "p-1 is held")
    assert "on_orphan=hold" in " ".join(tour.run("assured-jobs orphans").split())
    assert "our books:  p-1 is charging" in tour.run("python pay.py")
    assert "retried 1" in tour.run("assured-jobs retry p-1")
    tour.wait(lambda: is_in_the_books("p-1", "paid"), "p-1 is paid")
    paid = ["our books:  p-1 is paid", "the bank's: p-1 was charged 42.00"]
    assert tour.run("python pay.py").splitlines() == paid

    tour.run("python pay.py p-2")
    tour.wait(lambda: is_in_the_books("p-2", "charging"), "p-2 is being charged")
    tour.kill()
    tour.start("dramatiq tasks")
    tour.wait(lambda: held("p-2"), "p-2 is held")
    assert "deleted 1" in tour.run("assured-jobs delete p-2")
    assert {*paid, "our books:  p-2 is charging"} <= set(tour.run("python pay.py").splitlines())

    assert "4 passed" in tour.run("pytest", timeout=150)
    tour.finish()
