"""Must: whoever recovers may be killed between any two steps, and the next pass ends the work."""

from __future__ import annotations

import json

import pytest

from lab import Lab

STEPS = (
    "pass.after_declare",
    "pass.before_judge",
    "pass.before_hand_back",
    "pass.after_hand_back",
    "pass.before_bury",
    "pass.after_claim",
    "pass.before_release",
    "pass.after_release",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_recoverer_killed_at_any_step_loses_and_doubles_nothing(lab: Lab, step: str) -> None:
    hook = {"LAB_HOOK": "1"} if step == "pass.after_claim" else {}
    victim = lab.worker(threads=2, environment=hook)
    for n in range(4):
        lab.jobs.gated.send(n)
    # These wait at the gate too: whoever is killed between an effect and its ack does it twice.
    for n in range(100, 103):
        lab.jobs.gated.send_with_options(args=(n,), delay=1_000)
    lab.wait(lambda: len(lab.effects("start")) == 2, "2 jobs run")
    running = {line["n"] for line in lab.effects("start")}
    if "release" in step:  # a first crash already behind them: the second one defers
        for line in lab.redis.hvals("dramatiq:default.msgs"):
            lab.redis.hset(lab.ledger.keys.job(json.loads(line)["message_id"]), "crashes", 1)
    victim.kill()

    recoverer = lab.worker(environment={"ASSURED_JOBS_FAIL_POINT": step, **hook})
    lab.wait(recoverer.died, f"the recoverer dies at {step}")
    lab.open()
    # What was claimed is due again, half a minute later.
    for delivery, _ in lab.redis.zscan_iter(lab.ledger.keys.deferred):
        lab.redis.zincrby(lab.ledger.keys.deferred, -30_000, delivery)
    lab.worker(environment=hook)

    lab.wait(lambda: len(lab.effects("done")) >= 7, "every job is done")
    lab.wait_until_empty()
    everything = {*range(4), 100, 101, 102}
    assert lab.count("done") == dict.fromkeys(everything, 1)
    lab.assert_only_the_dead_lost_starts(victim, recoverer)
    assert all(lab.count("start")[n] >= 2 for n in running)
    # The recoverer may have started the others before it died with them.
    assert not hook or running <= set(lab.count("hook")) <= everything
