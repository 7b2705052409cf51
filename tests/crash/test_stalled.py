"""Must: who is silent and still connected is told of, and left alone."""

from __future__ import annotations

import json

import pytest

from lab import Lab

#: What is told of an instance's life and death, its comings and goings apart.
_OF_LIFE = ("InstanceStalled", "StallOver", "InstanceDied", "Fenced", "LateFinish")


def test_a_stalled_worker_is_told_of_once_and_keeps_its_job(lab: Lab) -> None:
    lab.worker(threads=1, STALL_TTL=60)  # the first one watches
    [watcher] = lab.alive()
    for n in range(8):
        lab.jobs.gated.send(n)
    sleeper = lab.worker(threads=1, STALL_TTL=60)
    lab.wait(lambda: lab.count("start").total() == 2, "each of them runs a job")
    [name] = set(lab.alive()) - {watcher}

    def told(action: str) -> list[dict]:
        return [one.fact for one in lab.ledger.chronicle.since() if one.action == action]

    sleeper.pause()
    lab.wait(lambda: told("InstanceStalled"), "it is told of")
    sleeper.resume()
    lab.wait(lambda: told("StallOver"), "it is over")
    lab.open()
    lab.wait(lambda: lab.count("done") == dict.fromkeys(range(8), 1), "every job is done")

    [stalled] = told("InstanceStalled")
    assert (stalled["instance"], stalled["silent_for"] > 3) == (name, True)
    assert told("StallOver") == [{"instance": name}]
    assert not told("InstanceDied")
    assert lab.count("start") == dict.fromkeys(range(8), 1)


@pytest.mark.chaos
def test_an_interpreter_held_for_a_minute_by_c_code_is_no_death_at_default_settings(lab: Lab) -> None:
    seconds = 60
    workers = [lab.default_worker(threads=1) for _ in range(2)]
    lab.jobs.greedy.send(1, seconds)
    lab.wait(lambda: lab.effects("start"), "one of them holds its interpreter")
    held = next(worker for worker in workers if worker.ran(lab.effects("start")[0]))
    names = set(lab.alive())

    def states(*words: str) -> dict[str, str]:
        told = json.loads(lab.assured_jobs(*words, "--json").stdout)
        return {one["id"]: one["state"] for one in (told["instances"] if words == ("status",) else told)}

    lab.wait(lambda: "stalled" in states("instances").values(), "it is shown as stalled", timeout=seconds)
    shown = states("status")
    assert sorted(shown.values()) == ["alive", "stalled"]
    assert not lab.effects("done"), "it was shown while its interpreter was held"
    [sleeper] = [id for id, state in shown.items() if state == "stalled"]

    lab.wait(lambda: lab.effects("done"), "the job is done", timeout=seconds)
    for n in range(2, 42):
        lab.jobs.work.send(n, 0.1)
    lab.wait(lambda: {line["n"] for line in lab.effects("done")} == {*range(1, 42)}, "every job is done")
    lab.wait(lambda: states("instances") == dict.fromkeys(names, "alive"), "both are alive, under their names")
    lab.wait_until_empty()
    assert any(held.ran(line) and line["n"] > 1 for line in lab.effects("done")), "it works on"

    assert set(lab.count("start").values()) == set(lab.count("done").values()) == {1}
    told = [(one.action, one.fact["instance"]) for one in lab.ledger.chronicle.since() if one.action in _OF_LIFE]
    assert told == [("InstanceStalled", sleeper), ("StallOver", sleeper)]
