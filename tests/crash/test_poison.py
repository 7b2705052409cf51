"""Must: a job that kills its workers is stopped after max_crashes starts, and a person decides."""

from __future__ import annotations

import json
import threading

import pytest

from lab import Lab


class Supervisor:
    """Restarts the worker whenever it has ended, like a Kubernetes Deployment."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            if self.current.died():
                self._start()

    def _start(self) -> None:
        self.current = self.lab.worker(wait=False)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(params=["quiet", "native maintenance first"])
def poisoned(request, server, make_lab):
    lab = make_lab(
        server, **({"heartbeat_timeout": 0, "maintenance_chance": 1_000_000} if "native" in request.param else {})
    )
    supervisor = Supervisor(lab)
    yield lab
    supervisor.stop()


def _orphans(lab: Lab) -> list[dict]:
    return json.loads(lab.assured_jobs("orphans", "--json").stdout)


def test_poison_is_held_after_max_crashes_starts_and_obeys_its_operator(poisoned: Lab) -> None:
    lab = poisoned
    message = lab.jobs.poison.send(1)
    lab.wait(lambda: [o for o in _orphans(lab) if o["state"] == "held"], "the job is held", timeout=60)

    assert lab.count("start")[1] == 3
    [held] = _orphans(lab)
    assert (held["message_id"], held["actor"], held["crash_count"]) == (message.message_id, "poison", 3)
    assert "3 workers died running it" in held["reason"]
    assert len({crash["instance"] for crash in held["crashes"]}) == 3

    assert lab.assured_jobs("retry", message.message_id).returncode == 0
    lab.wait(lambda: lab.count("start")[1] == 4, "it gets one more life")
    lab.wait(lambda: [o for o in _orphans(lab) if o["state"] == "held"], "it is held again")
    assert lab.count("start")[1] == 4

    assert lab.assured_jobs("delete", message.message_id, "--yes").returncode == 0
    assert lab.payloads() == 0
    assert [o for o in _orphans(lab) if o["state"] != "discarded"] == []


def test_an_unassured_job_that_kills_its_worker_is_handed_back_once_to_the_tail(lab: Lab) -> None:
    first = lab.worker(threads=1)
    lab.jobs.plain_poison.send(1)
    lab.wait(first.died, "the job killed its worker")
    for n in (10, 11):
        lab.jobs.work.send(n)

    second = lab.worker(threads=1)
    lab.wait(second.died, "it was handed back, and killed the next one")
    assert lab.count("start")[1] == 2
    order = [line["n"] for line in lab.effects("start")]
    assert (order[0], sorted(order[1:3]), order[3:]) == (1, [10, 11], [1])

    third = lab.worker(threads=1)
    lab.jobs.work.send(12)
    lab.wait(lambda: lab.count("done")[12] == 1, "the third worker works")
    lab.wait(lambda: third.said("left to Dramatiq's own maintenance"), "it says that it left it")
    assert lab.count("start")[1] == 2


@pytest.mark.parametrize(("actor", "state"), [("holding", "held"), ("discarding", "discarded")])
def test_an_actors_on_orphan_decides(lab: Lab, actor: str, state: str) -> None:
    first = lab.worker()
    getattr(lab.jobs, actor).send(1)
    lab.wait(lambda: lab.count("start")[1], "the job runs")
    first.kill()
    lab.worker()
    lab.wait(lambda: [o["state"] for o in _orphans(lab)] == [state], f"it is {state}")
    assert lab.count("start")[1] == 1


def test_poison_is_held_after_three_starts_and_its_innocent_neighbours_are_done(server, make_lab) -> None:
    lab = make_lab(server)
    for n in (1, 2, 3):
        lab.jobs.slow.send(n, 2)
    lab.jobs.late_poison.send(0)
    supervisor = Supervisor(lab)
    try:
        lab.wait(lambda: [o for o in _orphans(lab) if o["state"] == "held"], "the poison is held", timeout=90)
        lab.wait(lambda: lab.count("done") == {1: 1, 2: 1, 3: 1}, "the innocents are done")
        lab.wait_until_empty_but(1)
    finally:
        supervisor.stop()
    [held] = [o for o in _orphans(lab) if o["state"] != "discarded"]
    assert (held["actor"], held["crash_count"]) == ("late_poison", 3)
    assert lab.count("start")[0] == 3
    first, *alone = held["crashes"]
    assert {one.split()[0] for one in first["aboard"]} == {"slow"}, "all four were aboard at the first death"
    assert all(crash["charged_as"] == "crashes" and crash["rss"] > 2**20 and crash["uptime"] >= 0 for crash in alone)
