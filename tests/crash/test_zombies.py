"""Must: what a worker still runs when it wakes from the dead is interrupted, and it goes back to useful work."""

from __future__ import annotations

import dramatiq
import pytest

from lab import Lab


def _pause_until_its_jobs_run_elsewhere(lab: Lab, numbers: set[int], **environment: str):
    sleeper = lab.worker(threads=2, environment=environment)
    return sleeper, lambda: _pause(lab, sleeper, numbers, environment)


def _pause(lab: Lab, sleeper, numbers: set[int], environment: dict[str, str]):
    lab.wait(lambda: set(lab.count("start")) == numbers, "its jobs run")
    sleeper.pause()
    other = lab.worker(threads=2, environment=environment)
    # Suspects run alone: of two, the second starts there when the first is done.
    lab.wait(lambda: 2 in lab.count("start").values(), "one of them runs elsewhere")
    sleeper.resume()
    return other


@pytest.mark.parametrize("retries", ["with retries", "max_retries=0"])
def test_each_job_of_a_woken_worker_completes_once_and_both_workers_work_on(lab: Lab, retries: str) -> None:
    sleeper, pause = _pause_until_its_jobs_run_elsewhere(lab, {1, 2})
    actor = lab.jobs.slow if retries == "with retries" else lab.jobs.slow_final
    for n in (1, 2):
        actor.send(n, 12)
    other = pause()
    lab.wait(lambda: sleeper.log.read_text().count("interrupted here") == 2, "both are interrupted")
    lab.wait(lambda: lab.count("done") == {1: 1, 2: 1}, "each completes")

    def worked() -> set[str]:
        return {line["worker"] for line in lab.effects("start") if line["n"] >= 100}

    for n in range(100, 120):
        lab.jobs.work.send(n, 0.3)
    lab.wait(lambda: worked() == {sleeper.name, other.name}, "both work")
    lab.wait_until_empty()
    assert lab.count("done") == {1: 1, 2: 1, **dict.fromkeys(range(100, 120), 1)}
    assert lab.redis.zcard("dramatiq:default.XQ") == 0
    actions = [told.action for told in lab.ledger.chronicle.since()]
    assert actions.count("ZombieInterrupted") == 2
    assert "LateFinish" not in actions


def test_an_async_job_of_a_woken_worker_is_cancelled(lab: Lab) -> None:
    _, pause = _pause_until_its_jobs_run_elsewhere(lab, {1}, LAB_ASYNC="1")
    lab.broker.enqueue(dramatiq.Message("default", "slow_async", (1, 12), {}, {}))
    pause()
    lab.wait(lambda: lab.count("cancelled")[1] == 1, "it is cancelled")
    lab.wait(lambda: lab.count("done")[1] == 1, "it completes elsewhere")
    lab.wait_until_empty()
    assert lab.count("start")[1] == 2
