"""Must: a worker that slept past its limit changes nothing for the jobs it lost, and goes on afterwards."""

from __future__ import annotations

from lab import Lab


def test_a_paused_workers_prefetched_and_delayed_jobs_run_once_elsewhere(lab: Lab) -> None:
    sleeper = lab.worker(threads=2)
    for n in range(4):
        lab.jobs.parent.send(n)
    for n in range(20, 24):
        lab.jobs.plain_gated.send(n)  # prefetched behind them: fences hold for unassured jobs too
    for n in range(100, 110):
        lab.jobs.work.send_with_options(args=(n,), delay=3_000)
    lab.wait(lambda: len(lab.effects("start")) == 2, "2 jobs run")
    running = {line["n"] for line in lab.effects("start")}
    acks = f"dramatiq:__acks__.{_broker_id(lab)}"
    lab.wait(lambda: lab.redis.scard(f"{acks}.default.DQ") == 10, "10 are delayed in its memory")
    sleeper.pause()
    lab.open()
    lab.worker()
    others = {*range(4), *range(20, 24), *range(100, 110)}
    lab.wait(lambda: set(lab.count("done")) == others, "every job is done elsewhere")

    sleeper.resume()
    lab.wait(lambda: sleeper.said("goes on as"), "the sleeper learns that it was declared dead")
    lab.jobs.work.send(500)
    lab.wait(lambda: lab.count("done")[500] == 1, "new work is done")
    lab.wait(lambda: len(lab.alive()) == 2, "both workers live")
    lab.wait(lambda: lab.queued() == 0 and lab.payloads() == 0, "nothing is left")

    starts = lab.count("start")
    assert all(starts[n] == 1 for n in others - running)
    assert lab.count("child") == dict.fromkeys(range(4), 1)
    # What ran in the paused process ran on when it woke: that is the one copy nobody can prevent.
    assert all(lab.count("done")[n] <= 2 for n in running)


def test_a_woken_worker_works_again_under_a_new_name(lab: Lab) -> None:
    sleeper = lab.worker()
    former = lab.alive()
    sleeper.pause()
    helper = lab.worker()
    lab.wait(lambda: not set(former) & set(lab.alive()), "the sleeper is declared dead")
    helper.kill()
    sleeper.resume()
    lab.wait(lambda: sleeper.said("goes on as"), "it takes a new name")
    for n in range(20):
        lab.jobs.work.send(n)
    lab.wait(lambda: lab.count("done") == dict.fromkeys(range(20), 1), "it works")
    lab.wait_until_empty()


def test_the_same_message_enqueued_twice_on_purpose_runs_twice(lab: Lab) -> None:
    lab.worker()
    message = lab.jobs.work.message(1)
    lab.broker.enqueue(message)
    lab.broker.enqueue(message)
    lab.wait(lambda: lab.count("done")[1] == 2, "it ran twice")
    lab.wait_until_empty()


def test_retries_and_final_failures_stay_what_they_are(lab: Lab) -> None:
    lab.worker()
    lab.jobs.flaky.send(1, 3)
    lab.jobs.failing.send(2, 1)
    lab.wait(lambda: lab.count("done")[1] == 1, "the fourth try succeeds")
    lab.wait_until_empty()
    assert lab.count("start") == {1: 4, 2: 1}
    assert lab.redis.zcard("dramatiq:default.XQ") == 1
    lab.wait(lambda: lab.redis.hlen(lab.ledger.keys.owners) == 0, "the ledger has let go of them")


def _broker_id(lab: Lab) -> str:
    [id] = lab.alive()
    return lab.ledger.instances.describe([id])[id].broker_id
