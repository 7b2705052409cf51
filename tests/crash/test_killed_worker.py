"""Must: a killed worker's jobs come back, once, and soon."""

from __future__ import annotations

import pytest

from lab import Lab


def _busy_watcher(lab: Lab, start):
    """A worker that watches, with 4 running, 4 prefetched and 20 delayed jobs; and a second one beside it."""
    first = start()
    lab.wait(lambda: lab.lease_holder() in lab.alive(), "the first worker holds the lease")
    watcher = lab.lease_holder()
    for n in range(8):
        lab.jobs.gated.send(n)
    for n in range(100, 120):
        lab.jobs.work.send_with_options(args=(n,), delay=9_000)
    acks = f"dramatiq:__acks__.{lab.ledger.instances.describe([watcher])[watcher].broker_id}"
    lab.wait(lambda: len(lab.effects("start")) == 4, "4 jobs run")
    lab.wait(lambda: lab.redis.scard(f"{acks}.default") == 8, "4 more are prefetched")
    lab.wait(lambda: lab.redis.scard(f"{acks}.default.DQ") == 20, "20 are delayed in its memory")
    second = start()
    assert lab.lease_holder() == watcher
    return first, second


def _assert_once(lab: Lab, running: set[int]) -> None:
    lab.wait(lambda: len(lab.effects("done")) >= 28, "every job is done")
    lab.wait_until_empty()
    everything = {*range(8), *range(100, 120)}
    assert lab.count("done") == dict.fromkeys(everything, 1)
    assert lab.count("start") == {n: 2 if n in running else 1 for n in everything}


def _causes(lab: Lab) -> list[str]:
    """Of each death. The heartbeat alone would take far longer, at default settings."""
    return [told.fact["cause"] for told in lab.ledger.chronicle.since() if told.action == "InstanceDied"]


def test_a_killed_watchers_jobs_run_once_elsewhere_as_soon_as_its_connection_is_gone(lab: Lab) -> None:
    first, _ = _busy_watcher(lab, lab.default_worker)
    running = {line["n"] for line in lab.effects("start")}

    first.kill()
    lab.open()

    _assert_once(lab, running)
    assert _causes(lab) == ["connection lost"]


def test_one_copy_while_native_maintenance_and_an_operator_race_us(server, make_lab) -> None:
    lab = make_lab(server, heartbeat_timeout=2000, maintenance_chance=1_000_000)
    first, _ = _busy_watcher(lab, lab.default_worker)
    running = {line["n"] for line in lab.effects("start")}

    first.kill()
    lab.open()
    for _ in range(3):
        lab.assured_jobs("recover")

    _assert_once(lab, running)


def test_a_worker_restarted_in_place_under_its_fixed_id_recovers_its_own_jobs(lab: Lab) -> None:
    first = lab.default_worker(INSTANCE_ID="worker-pod-1")
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.count("start")[1] == 1, "the job runs")

    first.kill()
    lab.open()
    lab.default_worker(INSTANCE_ID="worker-pod-1")

    lab.wait(lambda: lab.count("done")[1] == 1, "the job is done")
    assert _causes(lab) == ["connection lost"]
    assert lab.count("start")[1] == 2


def test_a_death_between_the_forward_of_a_delayed_message_and_its_ack_doubles_nothing(lab: Lab) -> None:
    first = lab.worker(environment={"ASSURED_JOBS_FAIL_POINT": "forward.before_ack"})
    lab.jobs.work.send_with_options(args=(1,), delay=500)
    lab.wait(first.died, "it dies in between")
    lab.worker()
    lab.wait(lambda: lab.count("done")[1] == 1, "the forwarded copy runs")
    lab.wait_until_empty()
    assert lab.count("start")[1] == 1


def test_a_job_that_forked_does_not_make_its_killed_worker_look_alive(lab: Lab) -> None:
    patient = {"HEARTBEAT_TTL": "60", "STALL_TTL": "120"}
    first = lab.worker(**patient)
    lab.jobs.forking.send(1)
    lab.wait(lambda: lab.count("forked")[1] == 1, "its child lives")
    first.kill()
    lab.worker(**patient)
    lab.wait(lambda: lab.count("done")[1] == 1, "its death is seen all the same", timeout=20)
    lab.open()


@pytest.mark.parametrize("forbidden", ["-client", "-pubsub", "-info", "-subscribe"])
def test_a_server_that_forbids_what_presence_needs_still_recovers_by_heartbeats(
    own_server, make_lab, forbidden
) -> None:
    server = own_server(durable=False)
    lab = make_lab(server)
    lab.redis.execute_command("ACL", "SETUSER", "worker", "on", ">secret", "~*", "&*", "+@all", forbidden)
    as_user = {"LAB_URL": server.url.replace("redis://", "redis://worker:secret@")}
    first = lab.worker(environment=as_user)
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.count("start")[1], "the job runs")
    if forbidden != "-client":  # that one only keeps a judge from believing an absence
        lab.wait(lambda: first.said("The server does not show the presence"), "it says so")
    first.kill()
    lab.open()
    lab.worker(environment=as_user)
    assert first.log.read_text().count("The server does not show the presence") <= 1, "and says it once"
    lab.wait(lambda: lab.count("done")[1] == 1, "it comes back")
