"""Must: who is silent and still connected is told of, and left alone."""

from __future__ import annotations

from lab import Lab


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
