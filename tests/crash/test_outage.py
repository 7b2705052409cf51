"""Must: what fails while Redis is away is not lost, and what ran unrecorded is recorded afterwards."""

from __future__ import annotations

from lab import Lab


def test_a_job_that_fails_while_redis_is_away_runs_again(own_server, make_lab) -> None:
    lab = make_lab(own_server())
    worker = lab.worker()
    lab.jobs.gated_failing.send(1)
    lab.wait(lambda: lab.count("start")[1], "the job runs")
    lab.server.stop(kill=True)
    lab.open()
    lab.wait(lambda: worker.said("Unexpected failure in after_process_message"), "its retry cannot be enqueued")
    lab.server.start()
    lab.wait(lambda: lab.count("done")[1] == 1, "it runs again and succeeds", timeout=60)
    lab.wait_until_empty()
    assert lab.count("start")[1] == 2


def test_a_job_that_asks_whether_it_is_owned_while_redis_is_away_waits_for_the_answer(own_server, make_lab) -> None:
    lab = make_lab(own_server())
    lab.worker(HEARTBEAT_INTERVAL="15", HEARTBEAT_TTL="45", STALL_TTL="60")
    lab.jobs.asking.send(1)
    lab.wait(lambda: lab.count("start")[1], "the job runs")
    lab.server.stop(kill=True)
    lab.open()
    lab.wait(lambda: lab.count("asks")[1], "it asks")
    lab.server.start()
    lab.wait(lambda: lab.count("done")[1] == 1, "it is answered, and goes on")
    assert lab.count("start")[1] == 1


def test_a_job_that_enqueues_its_own_message_again_and_dies_still_comes_back(lab: Lab) -> None:
    first = lab.worker()
    lab.jobs.again.send(1)
    lab.wait(lambda: lab.count("again")[1], "it has enqueued itself")
    first.kill()
    lab.open()
    lab.worker()
    lab.wait(lambda: lab.count("done")[1] == 1, "its main work is done")
    lab.wait(lambda: lab.count("second")[1] == 1, "and so is what it enqueued")


def test_without_a_watch_what_is_deferred_or_released_comes_back_all_the_same(lab: Lab) -> None:
    lab.worker(WATCH="false", DELAYED_RECOVERY_COUNT="0", DELAYED_RECOVERY_INTERVAL="600")
    first = lab.worker(WATCH="false")
    message = lab.jobs.holding.send(1)
    lab.wait(lambda: lab.count("start")[1], "the job runs")
    for worker in lab.workers:
        worker.kill()
    lab.worker(WATCH="false")
    lab.wait(lambda: lab.redis.zcard(lab.ledger.keys.held) == 1, "the pass at start holds it")
    lab.open()
    assert lab.assured_jobs("retry", message.message_id).returncode == 0
    lab.wait(lambda: lab.count("done")[1] == 1, "it comes back")
    assert first.exited()


def test_a_paused_watcher_does_not_keep_the_others_from_recovering(lab: Lab) -> None:
    watcher = lab.worker(HEARTBEAT_TTL="60", STALL_TTL="120", threads=1)
    lab.wait(lambda: lab.lease_holder() in lab.alive(), "it watches")
    victim = lab.worker(threads=1, HEARTBEAT_TTL="60", STALL_TTL="120")
    for n in range(4):
        lab.jobs.gated.send(n)
    lab.wait(lambda: lab.count("start").total() == 2, "both work")
    by_victim = next(line["n"] for line in lab.effects("start") if victim.ran(line))
    lab.worker(threads=1, HEARTBEAT_TTL="60", STALL_TTL="120")
    watcher.pause()
    victim.kill()
    lab.open()
    lab.wait(lambda: lab.count("done")[by_victim] == 1, "the third takes over", timeout=20)
    assert len(lab.alive()) == 2
