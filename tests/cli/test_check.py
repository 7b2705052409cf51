"""Each fault on a real server that is set up wrongly, in the words an engineer reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import redis

from scene import until

WORKER = "web-1.4711.aaaa"
RIGHT = {"shutdown_timeout": 25.0, "termination_grace_period": 30.0}


def now(scene) -> int:
    seconds, micros = scene.redis.time()
    return seconds * 1000 + micros // 1000


def live(scene, id: str = WORKER, *, native: float = 0.0, **changes: Any):
    """A living worker whose broker's clock is that many seconds ahead."""
    info = scene.register(id, **{**RIGHT, **changes})
    scene.redis.zadd("dramatiq:__heartbeats__", {info.broker_id: now(scene) + native * 1000})
    return info


def leave(scene, broker: str, *ids: str, silent: float = 300, queue: str = "default") -> None:
    """A broker that nobody of ours owns, with what it fetched."""
    scene.redis.zadd("dramatiq:__heartbeats__", {broker: now(scene) - silent * 1000})
    if ids:
        scene.redis.sadd(f"dramatiq:__acks__.{broker}.{queue}", *ids)


def check(scene, *args: str, exit_code: int | None = None) -> list[dict[str, str]]:
    result = scene.run("check", "--json", *args)
    report = json.loads(result.stdout)
    assert result.stderr == ""
    assert report["faults"] == sum(finding["level"] == "fault" for finding in report["findings"])
    assert result.exit_code == (1 if report["faults"] else 0)
    assert exit_code is None or result.exit_code == exit_code, result.stdout
    return list(report["findings"])


def one(findings: list[dict[str, str]], name: str) -> dict[str, str]:
    [found] = [finding for finding in findings if finding["name"] == name]
    return found


def says(finding: dict[str, str], *sentences: str | None) -> None:
    """Level, found, follows and mend are exactly these; None is not compared."""
    for word, expected in zip(("level", "found", "follows", "mend"), sentences, strict=True):
        assert expected is None or finding[word] == expected


def as_user(scene, *rights: str) -> str:
    """The URL of a user who may do everything but this."""
    scene.redis.execute_command("ACL", "SETUSER", "poor", "on", ">hunter2", "~*", "&*", "+@all", *rights)
    return scene.url.replace("redis://", "redis://poor:hunter2@")


def test_a_healthy_server_with_a_living_worker_has_no_fault(scene_on):
    scene = scene_on()
    live(scene)
    scene.hold()
    live(scene, "web-2.1.bbbb")
    findings = check(scene, exit_code=0)
    assert {finding["level"] for finding in findings} == {"ok"}
    assert [finding["name"] for finding in findings] == [
        "version", "role", "writes", "persistence", "eviction", "tcp_keepalive", "scripts", "presence", "publish",
        "clock", "foreign_values", "workers", "descriptions", "worker_clocks", "grace_period", "settings",
        "stale_heartbeats", "leaked_ids", "custody",
    ]  # fmt: skip


def test_looking_writes_nothing(scene_on):
    scene = scene_on()
    live(scene)
    scene.hold()
    leave(scene, "stranger", "d1")
    before = scene.everything()
    check(scene)
    assert scene.everything() == before


def test_people_read_the_faults_first_and_the_summary_last(scene_on):
    scene = scene_on("--tcp-keepalive", "0")
    live(scene, termination_grace_period=None)
    result = scene.run("check")
    lines = result.stdout.splitlines()
    assert lines[0] == "FAULT   tcp_keepalive  tcp-keepalive is off (0)."
    assert lines[1].startswith("        follows  A worker whose host loses power")
    assert lines[2].startswith("        do       redis-cli CONFIG SET tcp-keepalive 60")
    assert lines[3].startswith("note    grace_period  What the platform grants")
    assert lines[6].startswith(("ok      version           Redis ", "ok      version           Valkey "))
    assert lines[-1] == "1 fault, 1 note; 17 in order."


@pytest.mark.parametrize("name", ["\x1b[2Jx.1.a", "[bold red]x[/].1.a"])
def test_a_hostile_name_is_shown_and_not_obeyed(scene, is_plain, name):
    live(scene, name, native=-20)
    shown = scene.run("check").stdout
    assert is_plain(shown)
    assert name.replace("\x1b", "\\x1b") in shown


# --- the server -------------------------------------------------------------------------------------------------------


def test_no_persistence_is_a_fault(scene_on):
    scene = scene_on(durable=False)
    says(
        one(check(scene, exit_code=1), "persistence"),
        "fault",
        "Neither an append-only file nor snapshots: all is in memory alone.",
        "When Redis restarts, every queued, running and held job is lost.",
        "redis-cli CONFIG SET appendonly yes, and the same in redis.conf, or the like where the server is managed.",
    )


@pytest.mark.parametrize(
    ("extra", "found", "follows"),
    [
        (("--appendfsync", "everysec"), "Append-only file, appendfsync everysec.", "a second or two of jobs is lost"),
        (("--appendfsync", "no"), "Append-only file, appendfsync no.", "half a minute, say"),
        (
            ("--appendonly", "no", "--save", "900", "1", "--save", "60", "1000"),
            "Snapshots alone (save 900 1 60 1000).",
            "up to 900 s are lost",
        ),
    ],
)
def test_weak_persistence_is_a_note_that_says_how_much_can_be_lost(scene_on, extra, found, follows):
    finding = one(check(scene_on(*extra), exit_code=0), "persistence")
    assert (finding["level"], finding["found"]) == ("note", found)
    assert follows in finding["follows"]


@pytest.mark.parametrize(
    ("policy", "follows"),
    [
        (
            "allkeys-lru",
            "When memory is full, Redis throws away queues, payloads or the ledger: jobs vanish without a trace.",
        ),
        (
            "volatile-ttl",
            (
                "When memory is full, Redis throws away what has a time to live: crash counts and done markers, so "
                "that a job that kills its workers lives on, and one that ended may run again."
            ),
        ),
    ],
)
def test_a_server_that_may_evict_is_a_fault(scene_on, policy, follows):
    scene = scene_on("--maxmemory", "100mb", "--maxmemory-policy", policy)
    says(
        one(check(scene, exit_code=1), "eviction"),
        "fault",
        f"maxmemory-policy {policy}, maxmemory 104,857,600 bytes.",
        follows,
        "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf, or the like where the server is "
        "managed.",
    )


def test_an_evicting_policy_without_a_maxmemory_is_a_note(scene_on):
    finding = one(check(scene_on("--maxmemory-policy", "allkeys-lru"), exit_code=0), "eviction")
    assert (finding["level"], finding["found"]) == ("note", "maxmemory-policy allkeys-lru, and no maxmemory yet.")


def test_no_keepalive_is_a_fault(scene_on):
    says(
        one(check(scene_on("--tcp-keepalive", "0"), exit_code=1), "tcp_keepalive"),
        "fault",
        "tcp-keepalive is off (0).",
        "A worker whose host loses power looks connected for ever: its jobs come back only after `stall_ttl` (180 s "
        "unless set), and its connections stay open.",
        "redis-cli CONFIG SET tcp-keepalive 60, and the same in redis.conf, or the like where the server is managed. "
        "It holds for new connections.",
    )


def test_a_long_keepalive_is_a_note(scene_on):
    finding = one(check(scene_on("--tcp-keepalive", "900"), exit_code=0), "tcp_keepalive")
    assert (finding["level"], finding["found"]) == ("note", "tcp-keepalive is 900 s.")
    assert "closed only after about 1800 s" in finding["follows"]


def test_a_replica_is_a_fault(scene_on):
    scene = scene_on("--replicaof", "127.0.0.1", "1")
    says(
        one(check(scene, exit_code=1), "role"),
        "fault",
        "The server is a replica.",
        "It takes no writes: no job is enqueued, fetched or recorded here.",
        "Name its primary in --url or ASSURED_JOBS_REDIS_URL, and in the RedisBroker.",
    )


def test_a_server_whose_disk_takes_no_snapshot_refuses_every_write_and_is_a_fault(scene_on):
    scene = scene_on("--dbfilename", "snapshot")
    # As with a full disk, the file cannot be put there.
    Path(scene.redis.config_get("dir")["dir"], "snapshot").mkdir()
    scene.redis.config_set("save", "1 1")
    scene.redis.set("a", "job")
    until(lambda: scene.redis.info("persistence")["rdb_last_bgsave_status"] == "err")
    with pytest.raises(redis.ResponseError, match="snapshot"):
        scene.redis.set("a", "job")
    says(
        one(check(scene, exit_code=1), "writes"),
        "fault",
        "Redis could not save its last snapshot, and stops writes after that.",
        "Redis refuses every write: nothing is sent, fetched, recorded or brought back.",
        "Make room on the disk of Redis, its log says what failed; then redis-cli BGSAVE.",
    )
    scene.redis.config_set("stop-writes-on-bgsave-error", "no")
    assert one(check(scene), "writes")["level"] == "ok"


def test_a_server_whose_memory_is_full_is_a_fault(scene_on):
    scene = scene_on()
    scene.redis.config_set("maxmemory", "1")
    finding = one(check(scene, exit_code=1), "writes")
    assert finding["level"] == "fault"
    assert finding["found"].startswith("Memory is full: ")


def test_a_server_that_tells_nothing_of_itself_is_unknown_and_no_fault(scene_on):
    scene = scene_on("--rename-command", "CONFIG", "")
    findings = check(scene, exit_code=0)
    for name in ("persistence", "tcp_keepalive"):
        finding = one(findings, name)
        assert finding["level"] == "unknown"
        assert finding["found"].startswith("Redis does not tell: unknown command ")
        assert finding["mend"] == "Ask whoever runs this server, or: redis-cli ACL SETUSER USER '+config|get'"
    assert one(findings, "persistence")["follows"] == "When Redis restarts, every job may be lost."


# --- what this user may do --------------------------------------------------------------------------------------------


def test_what_an_acl_hides_is_unknown_and_the_password_is_not_told(scene_on):
    scene = scene_on()
    live(scene)
    url = as_user(scene, "-info", "-config")
    result = scene.run("check", "--url", url)
    assert "hunter2" not in result.output
    assert "Traceback" not in result.output
    findings = check(scene, "--url", url)
    for name in ("version", "role", "eviction", "persistence", "tcp_keepalive"):
        assert one(findings, name)["level"] == "unknown"
        assert "no permissions" in one(findings, name)["found"]


@pytest.mark.parametrize(
    ("command", "rights", "allowed"),
    [
        ("SUBSCRIBE", ("-subscribe",), "+subscribe '&{night}:*'"),
        ("PUBSUB NUMSUB", ("-pubsub",), "'+pubsub|numsub'"),
        ("INFO", ("-info",), "+info"),
        ("CLIENT ID", ("-client",), "'+client|id'"),
        ("SUBSCRIBE", ("resetchannels", "&theirs:*"), "+subscribe '&{night}:*'"),
    ],
)
def test_a_user_without_the_rights_for_presence_is_a_fault(scene_on, command, rights, allowed):
    scene = scene_on()
    finding = one(check(scene, "--url", as_user(scene, *rights), exit_code=1), "presence")
    assert finding["level"] == "fault"
    assert finding["found"].startswith(f"Redis refuses {command} to this user: ")
    assert "no permissions" in finding["found"].lower()  # each version writes it in its own way
    assert finding["follows"] == (
        "Deaths are seen by their heartbeats alone: after `heartbeat_ttl` (45 s unless set) instead of "
        "`presence_grace` (3 s)."
    )
    assert finding["mend"] == f"redis-cli ACL SETUSER USER {allowed}"


def test_a_user_who_may_not_publish_is_a_fault(scene_on):
    scene = scene_on()
    findings = check(scene, "--url", as_user(scene, "-publish"), exit_code=1)
    assert one(findings, "presence")["level"] == "ok"
    assert one(findings, "publish")["found"].startswith("Redis refuses PUBLISH to this user: ")
    says(
        one(findings, "publish"),
        None,
        None,
        "The watcher's ticks reach nobody: every worker watches for itself, and one that was declared dead learns it "
        "only with its next heartbeat.",
        "redis-cli ACL SETUSER USER +publish '&{night}:*'",
    )


def test_a_user_who_may_not_run_scripts_is_a_fault(scene_on):
    scene = scene_on()
    finding = one(check(scene, "--url", as_user(scene, "-evalsha"), exit_code=1), "scripts")
    assert finding["found"].startswith("Redis refuses the ledger's scripts: ")
    says(
        finding,
        None,
        None,
        "Workers record no job here, and nothing that dies comes back before Dramatiq's own maintenance.",
        "redis-cli ACL SETUSER USER +eval +evalsha '~{night}:*' '~dramatiq:*'",
    )


def test_keys_that_this_user_may_not_read_are_unknown(scene_on):
    scene = scene_on()
    findings = check(scene, "--url", as_user(scene, "resetkeys", "~theirs:*"))
    for name in ("workers", "worker_clocks", "grace_period", "stale_heartbeats", "leaked_ids", "custody"):
        assert one(findings, name)["level"] == "unknown"


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "level", "side"), [(9, "fault", "ahead of"), (-9, "fault", "behind"), (3, "note", "ahead of")]
)
def test_a_clock_of_this_machine_that_is_off_is_told(scene, monkeypatch, ahead, level, side):
    import time

    real = time.time
    monkeypatch.setattr("assured_jobs.ledger.health.time.time", lambda: real() + ahead)
    finding = one(check(scene), "clock")
    assert finding["level"] == level
    assert finding["found"].startswith(f"This machine's clock is {abs(ahead)} s {side} Redis's (round trip ")
    says(
        finding,
        None,
        None,
        "We judge by Redis's clock alone, but Dramatiq's own heartbeats and delays use the clock of each machine: "
        "delayed jobs run early or late, and from 60 s on (heartbeat_timeout) living workers are taken for dead.",
        "Synchronise both machines, e.g. timedatectl set-ntp true.",
    )


def test_a_worker_whose_native_heartbeat_lags_is_a_fault(scene):
    live(scene, native=-20)
    live(scene, "web-2.1.bbbb", native=-4)
    finding = one(check(scene, exit_code=1), "worker_clocks")
    says(
        {**finding, "found": re.sub(r"2\d s", "20 s", finding["found"])},  # a slow machine adds a second or two
        "fault",
        "By Dramatiq's own heartbeats, behind Redis's clock: web-1.4711.aaaa (20 s).",
        "Its clock is wrong, or its consumer threads are dead and it fetches nothing. Dramatiq's maintenance takes it "
        "for dead from 60 s on (heartbeat_timeout) and puts back what it runs: jobs of actors that are not assured "
        "then run twice.",
        "Compare `date` on node-7 with here and synchronise it (timedatectl set-ntp true); if it is right, restart the "
        "worker.",
    )


def test_a_worker_whose_native_heartbeat_is_ahead_is_a_fault(scene):
    live(scene, native=90)
    finding = one(check(scene, exit_code=1), "worker_clocks")
    says(
        {**finding, "found": re.sub(r"8\d s", "90 s", finding["found"])},  # a slow machine takes a second or two
        "fault",
        "By Dramatiq's own heartbeats, ahead of Redis's clock: web-1.4711.aaaa (90 s).",
        "Its clock is wrong: its delayed jobs run early, and from 60 s on (heartbeat_timeout) its maintenance takes "
        "every other worker for dead and puts back what they run.",
        "Synchronise the clock on node-7: timedatectl set-ntp true.",
    )


def test_a_worker_that_was_just_killed_or_is_busy_has_no_wrong_clock(scene):
    info = live(scene, native=-12)
    scene.redis.zincrby(scene.keys.alive, -12_000, info.id)  # neither beats: that is no clock
    assert one(check(scene), "worker_clocks")["level"] == "ok"


def test_a_worker_that_dramatiq_has_not_heard_of_is_unknown(scene):
    scene.register(WORKER)
    finding = one(check(scene), "worker_clocks")
    assert (finding["level"], finding["found"]) == ("unknown", f"Dramatiq has no heartbeat of: {WORKER}.")


# --- how workers stop, and whether they agree -------------------------------------------------------------------------


def test_a_shutdown_that_takes_longer_than_the_grace_period_is_a_fault(scene):
    live(scene, shutdown_timeout=600.0, termination_grace_period=30.0)
    says(
        one(check(scene, exit_code=1), "grace_period"),
        "fault",
        "Jobs may take 600 s to stop, and the platform kills after 30 s: web-1.4711.aaaa.",
        "A deploy ends in SIGKILL for jobs that still run: they come back as interrupted, and are held after 10 times.",
        "Start workers with --worker-shutdown-timeout 25000, or let the platform grant more "
        "(terminationGracePeriodSeconds: 605).",
    )


def test_a_grace_period_that_is_said_goes_before_what_workers_were_told(scene_on):
    scene = scene_on()
    live(scene, shutdown_timeout=25.0, termination_grace_period=300.0)
    assert one(check(scene, exit_code=0), "grace_period")["level"] == "ok"
    assert one(check(scene, "--grace-period", "29", exit_code=1), "grace_period")["mend"].startswith(
        "Start workers with --worker-shutdown-timeout 24000, or"
    )
    assert one(check(scene, "--grace-period", "5", exit_code=1), "grace_period")["mend"] == (
        "Let the platform grant more (terminationGracePeriodSeconds: 30)."
    )


def test_an_unknown_grace_period_is_a_note_that_says_how_to_tell_it(scene):
    live(scene, shutdown_timeout=600.0, termination_grace_period=None)
    says(
        one(check(scene), "grace_period"),
        "note",
        "What the platform grants between SIGTERM and SIGKILL is not known: web-1.4711.aaaa.",
        "If it is less than 605 s, a deploy kills running jobs.",
        "Set ASSURED_JOBS_TERMINATION_GRACE_PERIOD in the workers, or say it here: "
        "assured-jobs check --grace-period SECONDS",
    )


def test_an_embedded_worker_is_a_note(scene):
    live(scene, shutdown_timeout=None)
    finding = one(check(scene), "grace_period")
    assert (finding["level"], finding["mend"]) == (
        "note",
        "Let the timeout in Worker.stop(timeout=...) be 25000 ms or less.",
    )


def test_workers_that_disagree_about_recovery_are_a_fault(scene):
    live(scene)
    live(scene, "web-2.1.bbbb", recovery="observe")
    says(
        one(check(scene, exit_code=1), "recovery"),
        "fault",
        "recovery differs: act (web-1.4711.aaaa); observe (web-2.1.bbbb).",
        "Whether the jobs of the dead come back depends on which worker watches.",
        "Set ASSURED_JOBS_RECOVERY to the same in all workers.",
    )


def test_workers_that_all_observe_are_a_note(scene):
    live(scene, recovery="observe")
    assert one(check(scene), "recovery")["level"] == "note"


def test_workers_whose_ledgers_are_too_far_apart_are_a_fault(scene):
    live(scene)
    live(scene, "web-2.1.bbbb", ledger_version=3)
    says(
        one(check(scene, exit_code=1), "ledger_version"),
        "fault",
        "Ledger versions differ: 1 (web-1.4711.aaaa); 3 (web-2.1.bbbb); this command writes 1.",
        "A worker reads its own version and the one before it; what is further off it cannot recover.",
        "Bring all workers and this command to the same version of dramatiq-assured-jobs, one version at a time.",
    )


def test_workers_that_differ_otherwise_are_notes(scene):
    live(scene)
    live(scene, "web-2.1.bbbb", heartbeat_ttl=90.0, version="0.2.0", ledger_version=2)
    findings = check(scene)
    assert one(findings, "settings")["found"] == ("heartbeat_ttl differs: 45 (web-1.4711.aaaa); 90 (web-2.1.bbbb).")
    assert one(findings, "versions")["found"] == (
        "Versions of assured_jobs differ: 0.1.0 (web-1.4711.aaaa); 0.2.0 (web-2.1.bbbb)."
    )
    assert {one(findings, name)["level"] for name in ("settings", "versions", "ledger_version")} == {"note"}


def test_no_living_worker_is_a_note(scene):
    scene.age_heartbeat(live(scene), 60)
    finding = one(check(scene), "workers")
    assert finding["level"] == "note"
    assert finding["found"] == (
        "No worker is alive in the namespace 'night'. The last heartbeats are too old: web-1.4711.aaaa."
    )


# --- what lies about --------------------------------------------------------------------------------------------------


def test_ids_in_ack_sets_that_nobody_owns_are_a_fault(scene):
    live(scene)
    leave(scene, "stranger", "d1", "d2")
    leave(scene, "other", "d3", silent=400, queue="default.DQ")
    leave(scene, "young", "d4", silent=60)
    says(
        one(check(scene, exit_code=1), "leaked_ids"),
        "fault",
        "3 ids in ack sets of brokers that no worker here owns, silent for over 2 min: "
        "dramatiq:__acks__.other.default.DQ (1), dramatiq:__acks__.stranger.default (2).",
        "No pass of ours brings them back: they wait for Dramatiq's own maintenance, one command in a thousand on that "
        "very queue, and for ever where nobody consumes it.",
        "Let a worker consume that queue with RedisBroker(maintenance_chance=1_000_000) until they are back.",
    )


def test_what_a_dead_worker_of_ours_holds_is_not_leaked(scene):
    live(scene)
    info = scene.register("web-2.1.bbbb")
    leave(scene, info.broker_id, "d1")
    scene.declare_dead(info)
    assert one(check(scene), "leaked_ids")["level"] == "ok"


def test_the_queues_of_a_fleet_that_has_gone_home_are_known(scene):
    assert scene.ledger.instances.resign(scene.register(WORKER, queues=("mail", "mail.DQ"), broker_namespace="shop"))
    scene.redis.zadd("shop:__heartbeats__", {"stranger": now(scene) - 300_000})
    scene.redis.sadd("shop:__acks__.stranger.mail", "d1")
    assert "shop:__acks__.stranger.mail (1)" in one(check(scene), "leaked_ids")["found"]


def test_a_few_stale_native_heartbeats_are_a_note_and_many_a_fault(scene):
    live(scene, native=-300)  # alive by our own heartbeat: not stale, whatever its clock says
    leave(scene, "producer")
    says(
        one(check(scene), "stale_heartbeats"),
        "note",
        "1 broker in dramatiq:__heartbeats__ silent for over 2 min, of no living worker: producers that ended, workers "
        "that died.",
        "Each costs Dramatiq's maintenance a KEYS over all keys, again and again while it has ids in an ack set: 100 "
        "of them block a Redis of 100,000 keys for half a second.",
        "They go by themselves with Dramatiq's next maintenance, one command in a thousand.",
    )
    for number in range(99):
        leave(scene, f"producer-{number}", *(["d1"] if number == 7 else []))
    finding = one(check(scene, exit_code=1), "stale_heartbeats")
    assert finding["level"] == "fault"
    assert finding["found"].startswith("100 brokers in dramatiq:__heartbeats__")
    assert finding["mend"] == (
        "Those with ids left stay until their queues are consumed: see leaked_ids. The others go by themselves."
    )


def test_a_delivery_without_its_record_is_a_fault_and_its_queue_is_found(scene):
    live(scene)
    [(_, delivery)] = scene.hold(worker="web-2.1.bbbb")
    scene.redis.hdel(scene.keys.orphans, delivery)
    says(
        one(check(scene, exit_code=1), "custody"),
        "fault",
        f"1 delivery without a readable record in {{night}}:orphans: {delivery} in {{night}}:held.",
        "Nobody can say whose they are or where they belong: neither the watcher nor `retry` brings them back.",
        f"For the first: redis-cli ZREM '{{night}}:held' {delivery}, and if that says 1: "
        f"redis-cli LPUSH dramatiq:default {delivery}",
    )


@pytest.mark.parametrize("state", ["held", "deferred", "released"])
def test_an_unreadable_record_is_a_fault_in_every_state(scene, state):
    scene.redis.zadd(getattr(scene.keys, state), {"d1": 1})
    scene.redis.hset(scene.keys.orphans, "d1", "theirs")
    finding = one(check(scene, exit_code=1), "custody")
    assert finding["found"].endswith(f"in {{night}}:orphans: d1 in {{night}}:{state}.")
    assert finding["mend"] == (
        f"For the first (its payload is in no queue that is known): redis-cli ZREM '{{night}}:{state}' d1"
    )


def test_a_job_in_custody_without_its_payload_is_a_fault(scene):
    [(message_id, delivery), _] = scene.hold(number=2)
    scene.redis.hdel("dramatiq:default.msgs", delivery)
    says(
        one(check(scene, exit_code=1), "custody"),
        "fault",
        f"1 job in custody without a payload: {message_id}.",
        "There is nothing left to run: `retry` will do nothing for them.",
        f"Find out who purged the queue or what evicts keys; then assured-jobs delete {message_id}",
    )


def test_no_more_than_a_bounded_number_is_examined_and_the_rest_is_told(scene, monkeypatch):
    monkeypatch.setattr("assured_jobs.ledger.strays.MOST", 4)
    for number in range(5):
        leave(scene, f"stranger-{number}", "d1")
    scene.redis.zadd(scene.keys.held, {f"d{number}": number for number in range(5)})
    scene.redis.zadd(scene.keys.released, {"d9": 1})
    findings = check(scene)
    assert one(findings, "stale_heartbeats")["found"].startswith("5 brokers")
    # Four brokers were read, of five; two queues each.
    assert one(findings, "leaked_ids")["found"].endswith("Only 4 of 10 were examined.")
    assert one(findings, "custody")["found"].endswith("Only 4 of 6 were examined.")


@pytest.mark.parametrize(("why", "text"), [("missing", None), ("unreadable", "theirs")])
def test_a_living_worker_without_a_description_is_a_fault(scene, why, text):
    scene.redis.zadd(scene.keys.alive, {"x.1.a": now(scene)})
    if text:
        scene.redis.hset(scene.keys.instances, "x.1.a", text)
    says(
        one(check(scene, exit_code=1), "descriptions"),
        "fault",
        f"Alive without a description of its own: x.1.a ({why}).",
        "Nobody can tell whether it lives or what it holds: its death would not be seen.",
        "redis-cli HDEL '{night}:instances' x.1.a: a living worker then describes itself with its next heartbeat. If "
        "this finding stays, it is gone: redis-cli ZREM '{night}:alive' x.1.a",
    )


def test_a_dead_worker_without_a_description_is_a_fault(scene):
    scene.redis.zadd(scene.keys.dead, {"x.1.a": now(scene)})
    says(
        one(check(scene, exit_code=1), "descriptions"),
        "fault",
        "Dead without a description of its own: x.1.a (missing).",
        "No pass can find what it held: that waits for Dramatiq's own maintenance.",
        "Bury it yourself: redis-cli ZADD '{night}:buried' $(date +%s)000 x.1.a, then redis-cli ZREM '{night}:dead' "
        "x.1.a",
    )


@pytest.mark.parametrize("name", ["alive", "instances", "orphans"])
def test_a_foreign_value_under_our_keys_is_a_fault_and_the_rest_is_examined(scene, name):
    key = getattr(scene.keys, name)
    live(scene)
    scene.hold(worker="web-2.1.bbbb")
    scene.redis.delete(key)
    scene.redis.set(key, "theirs")
    findings = check(scene, exit_code=1)
    kind = "zset" if name == "alive" else "hash"
    says(
        one(findings, "foreign_values"),
        "fault",
        f"Not written by assured_jobs: {{night}}:{name} (a string, not a {kind}).",
        "Whatever needs that key is refused: jobs run unrecorded, or the dead are not recovered.",
        f"Move it away, redis-cli RENAME '{{night}}:{name}' elsewhere; or choose another namespace.",
    )
    assert one(findings, "version")["level"] == "ok"
    assert one(findings, "custody")["level"] == "unknown"
