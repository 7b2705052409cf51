"""Judges how the server is set up. Pure: what Redis told goes in, findings come out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .finding import Finding, seconds

#: The oldest server that has every command the ledger's scripts use.
FLOOR = (6, 2)

#: Seconds. Above this the server notices a silent host later than `stall_ttl` does.
_LONG_KEEPALIVE = 300

#: Seconds that this machine's clock may be off: worth a word, and worth a mend.
OFF, FAR_OFF = 1.0, 5.0

_CONF = "in redis.conf, or the like where the server is managed"


def judge_version(info: Mapping[str, Any]) -> list[Finding]:
    product = "Valkey" if "valkey_version" in info else "Redis"
    told = str(info.get("valkey_version") or info.get("redis_version") or "")
    numbers = re.match(r"(\d+)\.(\d+)", told)
    if numbers is None:
        return [
            Finding(
                "version", "unknown", "The server does not tell its version.",
                "Whether it has the commands that the ledger uses is not known.",
                "Ask whoever runs it whether it speaks as Redis 6.2 or newer.",
            )
        ]  # fmt: skip
    if (int(numbers[1]), int(numbers[2])) >= FLOOR:
        return [Finding("version", "ok", f"{product} {told}.")]
    return [
        Finding(
            "version", "fault", f"The server is {product} {told}.",
            "Commands that the ledger uses came with Redis 6.2: recovery fails where one of them is missing.",
            "Upgrade the server to Redis 6.2 or newer, or to Valkey.",
        )
    ]  # fmt: skip


def judge_persistence(appendonly: str, appendfsync: str, save: str) -> list[Finding]:
    if appendonly != "yes":
        return [_snapshots(save)]
    if appendfsync == "always":
        return [Finding("persistence", "ok", "Append-only file, appendfsync always.")]
    if appendfsync == "everysec":
        return [
            Finding(
                "persistence", "note", "Append-only file, appendfsync everysec.",
                "If the machine of Redis loses power, a second or two of jobs is lost; if Redis alone dies, none.",
                "Where that is too much: redis-cli CONFIG SET appendfsync always, which costs a sync for each write.",
            )
        ]  # fmt: skip
    return [
        Finding(
            "persistence", "note", f"Append-only file, appendfsync {appendfsync}.",
            "If the machine of Redis loses power, all that its system had not written yet is lost: half a minute, say.",
            f"redis-cli CONFIG SET appendfsync everysec, and the same {_CONF}.",
        )
    ]  # fmt: skip


def _snapshots(save: str) -> Finding:
    turn_on = f"redis-cli CONFIG SET appendonly yes, and the same {_CONF}."
    periods = [int(word) for word in save.split()[::2] if word.isdigit()]
    if not periods:
        return Finding(
            "persistence", "fault", "Neither an append-only file nor snapshots: all is in memory alone.",
            "When Redis restarts, every queued, running and held job is lost.", turn_on,
        )  # fmt: skip
    return Finding(
        "persistence", "note", f"Snapshots alone (save {save}).",
        f"When Redis dies, up to {max(periods)} s are lost: jobs sent since the last snapshot are gone, and those that "
        "finished since then run again.",
        turn_on,
    )  # fmt: skip


def judge_eviction(info: Mapping[str, Any]) -> list[Finding]:
    policy, most = info.get("maxmemory_policy"), info.get("maxmemory")
    if policy is None or most is None:
        return [
            Finding(
                "eviction", "unknown", "INFO memory does not tell maxmemory and its policy.",
                "Redis may throw away payloads when its memory is full.",
                "Ask whoever runs this server for maxmemory-policy noeviction.",
            )
        ]  # fmt: skip
    mend = f"redis-cli CONFIG SET maxmemory-policy noeviction, and the same {_CONF}."
    if policy == "noeviction":
        return [Finding("eviction", "ok", f"maxmemory-policy noeviction, maxmemory {int(most):,} bytes.")]
    if not int(most):
        return [
            Finding(
                "eviction", "note", f"maxmemory-policy {policy}, and no maxmemory yet.",
                "Nothing is evicted now; from the day a maxmemory is set, jobs can be.", mend,
            )
        ]  # fmt: skip
    if policy.startswith("volatile"):
        follows = (
            "When memory is full, Redis throws away what has a time to live: crash counts and done markers, "
            "so that a job that kills its workers lives on, and one that ended may run again."
        )
    else:
        follows = "When memory is full, Redis throws away queues, payloads or the ledger: jobs vanish without a trace."
    return [Finding("eviction", "fault", f"maxmemory-policy {policy}, maxmemory {int(most):,} bytes.", follows, mend)]


def judge_keepalive(told: str) -> list[Finding]:
    mend = f"redis-cli CONFIG SET tcp-keepalive 60, and the same {_CONF}. It holds for new connections."
    if told == "0":
        return [
            Finding(
                "tcp_keepalive", "fault", "tcp-keepalive is off (0).",
                "A worker whose host loses power looks connected for ever: its jobs come back only after `stall_ttl` "
                "(180 s unless set), and its connections stay open.",
                mend,
            )
        ]  # fmt: skip
    if told.isdigit() and int(told) > _LONG_KEEPALIVE:
        return [
            Finding(
                "tcp_keepalive", "note", f"tcp-keepalive is {told} s.",
                f"The connection of a host that loses power is closed only after about {2 * int(told)} s; until "
                "`stall_ttl` (180 s unless set) its worker looks connected.",
                mend,
            )
        ]  # fmt: skip
    return [Finding("tcp_keepalive", "ok", f"tcp-keepalive is {told} s.")]


def judge_clock(ahead: float, round_trip: float) -> list[Finding]:
    """`ahead` of Redis's clock. What the way there and back may explain is not held against it."""
    off = max(0.0, abs(ahead) - round_trip / 2)
    trip = f"round trip {round_trip * 1000:.1f} ms"
    if off <= OFF:
        return [Finding("clock", "ok", f"This machine's clock agrees with Redis's ({trip}).")]
    side = "ahead of" if ahead > 0 else "behind"
    return [
        Finding(
            "clock", "fault" if off > FAR_OFF else "note",
            f"This machine's clock is {seconds(abs(ahead))} {side} Redis's ({trip}).",
            "We judge by Redis's clock alone, but Dramatiq's own heartbeats and delays use the clock of each machine: "
            "delayed jobs run early or late, and from 60 s on (heartbeat_timeout) living workers are taken for dead.",
            "Synchronise both machines, e.g. timedatectl set-ntp true.",
        )
    ]  # fmt: skip
