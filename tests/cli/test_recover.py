from __future__ import annotations

import subprocess
import sys

from assured_jobs.entry import Policy


def test_recover_brings_back_what_the_dead_held(scene):
    info = scene.register("web-1.4711.aaaa")
    _, started = scene.start(info)
    _, prefetched = scene.send()
    scene.fetch(info, prefetched)
    scene.declare_dead(info)
    assert scene.json("recover") == {"dead": [info.id], "buried": [], "outcomes": {"handed_back": 2}}
    assert sorted(scene.queued()) == sorted([started, prefetched])


def test_recover_said_twice_brings_nothing_back_twice(scene):
    _, delivery = scene.orphan()
    scene.run("recover")
    assert scene.json("recover")["outcomes"] == {}
    assert scene.queued() == [delivery]


def test_two_recovers_at_once_bring_each_job_back_once(scene):
    info = scene.register("web-1.4711.aaaa")
    made = [scene.start(info)[1] for _ in range(150)]
    scene.declare_dead(info)
    command = [sys.executable, "-m", "assured_jobs", "--url", scene.url, "--namespace", "night", "recover", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    told = [one.communicate(timeout=60) for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert sorted(scene.queued()) == sorted(made)


def test_a_lost_connection_is_looked_at_until_its_grace_is_over(scene):
    info = scene.register("web-1.4711.aaaa", present=True)
    _, delivery = scene.start(info)
    scene.lose_connection(info)
    assert scene.json("recover")["outcomes"] == {"handed_back": 1}
    assert scene.queued() == [delivery]
    assert scene.ledger.instances.deaths([info.id])[0].cause == "connection lost"


def test_a_worker_that_is_silent_and_still_connected_is_left_alone(scene):
    info = scene.register("web-1.4711.aaaa", present=True, heartbeat_interval=0.1, heartbeat_ttl=0.3)
    scene.start(info)
    scene.age_heartbeat(info, 5)
    assert scene.json("recover") == {"dead": [], "buried": [], "outcomes": {}}
    assert scene.queued() == []


def test_recover_releases_what_an_operator_released(scene):
    [(message_id, delivery)] = scene.hold()
    scene.run("retry", message_id)
    assert scene.json("recover")["outcomes"] == {"handed_back": 1}
    assert scene.queued() == [delivery]


def test_the_report_says_that_jobs_wait_where_nobody_works(scene):
    scene.orphan()
    result = scene.run("recover")
    assert "1  handed_back  back in their queues" in result.stdout
    assert "No worker is alive: they run when one starts." in result.stdout


def test_a_dry_run_says_each_verdict_and_changes_nothing(scene):
    undeclared = scene.register("web-1.4711.aaaa", present=True)
    again, _ = scene.start(undeclared)
    scene.lose_connection(undeclared)
    declared = scene.register("web-2.1.bbbb")
    held, _ = scene.start(declared, policy=Policy(on_orphan="hold"))
    scene.declare_dead(declared)
    before = scene.everything()
    verdicts = {found["message_id"]: found for found in scene.json("recover", "--dry-run")}
    shown = scene.run("recover", "--dry-run").stdout
    assert scene.everything() == before
    assert (verdicts[again]["verdict"], verdicts[again]["reason"]) == ("front", "its worker died: crash 1")
    assert (verdicts[held]["verdict"], verdicts[held]["reason"]) == ("hold", "its actor says on_orphan=hold")
    assert again in shown
    assert "its actor says on_orphan=hold" in shown


def test_a_dry_run_foretells_what_the_pass_does(scene):
    info = scene.register("web-1.4711.aaaa")
    scene.start(info, policy=Policy(on_orphan="hold"))
    scene.start(info, policy=Policy(on_orphan="discard"))
    scene.start(info)
    scene.fetch(info, scene.send()[1])
    _, finished = scene.start(info)
    scene.broker.broker_id = info.broker_id
    scene.broker.do_ack("default", finished)
    scene.declare_dead(info)
    foretold = sorted(found["verdict"] for found in scene.json("recover", "--dry-run"))
    assert foretold == ["discard", "front", "front", "hold", "settle"]
    assert scene.json("recover")["outcomes"] == {"handed_back": 2, "held": 1, "discarded": 1, "settled": 1}


def test_a_job_that_cannot_be_brought_back_makes_the_exit_code(scene):
    message_id, _ = scene.orphan()
    scene.redis.set(scene.keys.job(message_id), "not ours")
    result = scene.run("recover")
    assert result.exit_code != 0
    assert scene.keys.job(message_id) in result.stderr
    assert "Traceback" not in result.output


def test_where_redis_takes_no_writes_recover_says_what_is_not_back(scene_on):
    scene = scene_on()
    _, delivery = scene.orphan()
    scene.redis.replicaof("127.0.0.1", "1")
    result = scene.run("recover")
    assert result.exit_code == 1
    assert "Nothing was brought back." in result.stdout
    assert "1 job of dead workers not brought back." in result.stderr
    scene.redis.replicaof("NO", "ONE")
    assert scene.run("recover").exit_code == 0
    assert scene.queued() == [delivery]
