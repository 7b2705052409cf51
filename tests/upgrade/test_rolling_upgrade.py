"""During a deploy old and new workers share one ledger: each reads what the other wrote, and recovers it.

`ledger-1.json` is what the first version wrote, byte for byte. When LEDGER_VERSION grows, the file of the version
before stays, and the reading of older ones may go.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assured_jobs.entry import LEDGER_VERSION, Entry, InstanceInfo, Orphan, load_crashes
from assured_jobs.events import recall
from assured_jobs.recovery import Recovery
from assured_jobs.signs import Signs
from lab import TESTS

HERE = Path(__file__).parent
OLDEST = max(1, LEDGER_VERSION - 1)


def written() -> dict:
    return json.loads((HERE / f"ledger-{OLDEST}.json").read_text())


def test_what_the_version_before_wrote_is_read():
    told = written()
    assert InstanceInfo.loads(told["instance"]).assured == ("work",)
    entry = Entry.loads("d1", told["entry"].encode())
    assert (entry.message_id, entry.fence, entry.suspect, entry.policy.max_crashes) == ("m1", 7, True, 3)
    orphan = Orphan.loads(told["orphan"].encode())
    assert (orphan.state, orphan.reason_code, orphan.since) == ("held", "max_crashes", 1764143000001)
    assert orphan.crashes == load_crashes(json.loads(told["crashes"]))
    assert Signs.loads(told["signs"]).uptime == 12.0


def test_what_it_told_is_told_in_the_same_words():
    for action, fact in written()["events"]:
        event = recall(action, json.loads(fact))
        assert event is not None, action
        assert event.sentence()


def test_what_a_later_version_adds_is_passed_over():
    told = written()
    later = json.dumps({**json.loads(told["instance"]), "ledger_version": LEDGER_VERSION + 1, "colour": "red"})
    assert InstanceInfo.loads(later).ledger_version == LEDGER_VERSION + 1
    since, text = told["orphan"].split(" ", 1)
    assert Orphan.loads(f"{since} {json.dumps({**json.loads(text), 'colour': 'red'})}".encode()).state == "held"
    action, fact = told["events"][0]
    assert recall(action, {**json.loads(fact), "colour": "red"}) is not None


def test_a_job_that_the_version_before_started_is_brought_back(lab):
    """Its worker described itself, started a job, and died, in its own words."""
    told = written()
    info = replace(InstanceInfo.loads(told["instance"]), heartbeat_ttl=0.001)
    message = lab.jobs.work.send(1)
    delivery = message.options["redis_message_id"]
    keys = lab.ledger.keys
    lab.redis.lrem("dramatiq:default", 1, delivery)
    lab.redis.sadd(f"dramatiq:__acks__.{info.broker_id}.default", delivery)
    lab.redis.hset(keys.instances, info.id, told["instance"])
    lab.redis.zadd(keys.alive, {info.id: 1764144000000})
    lab.redis.hset(keys.entries(info.id), delivery, told["entry"].replace("m1", message.message_id))
    assert lab.ledger.instances.declare_dead(
        info, beat=1764144000000, older_than=0, absent=False, draining=False, cause="connection lost"
    )
    Recovery(lab.ledger).run([info.id])
    assert [id.decode() for id in lab.redis.lrange("dramatiq:default", 0, -1)] + [
        id.decode() for id in lab.redis.zrange(keys.held, 0, -1)
    ] == [delivery]


@pytest.mark.skipif("LAB_EARLIER" not in os.environ, reason="names no earlier version: nox -s upgrade -- <tag>")
def test_workers_of_an_earlier_version_beside_these_bring_each_others_jobs_back(lab):
    earlier = {"PYTHONPATH": f"{os.environ.get('LAB_EARLIER')}{os.pathsep}{TESTS}"}
    where = [sys.executable, "-c", "import assured_jobs; print(assured_jobs.__file__)"]
    env = {**os.environ, **earlier}
    found = subprocess.run(where, env=env, cwd=HERE, capture_output=True, text=True, check=True).stdout
    assert found.startswith(os.environ["LAB_EARLIER"])

    old = lab.worker(environment=earlier)
    lab.jobs.gated.send(1, "gate-1")
    lab.wait(lambda: lab.effects("start"), "the old one runs a job")
    new = lab.worker()
    old.kill()
    lab.wait(lambda: [line for line in lab.effects("start") if new.ran(line)], "the new one brings it back")
    lab.open("gate-1")
    lab.wait_until_empty()

    lab.jobs.gated.send(2, "gate-2")
    lab.wait(lambda: lab.count("start")[2], "the new one runs a job")
    old_again = lab.worker(environment=earlier)
    new.kill()
    lab.wait(lambda: [line for line in lab.effects("start") if old_again.ran(line)], "the old one brings it back")
    lab.open("gate-2")
    lab.wait_until_empty()
    assert lab.count("start") == {1: 2, 2: 2}
    assert lab.count("done") == {1: 1, 2: 1}
