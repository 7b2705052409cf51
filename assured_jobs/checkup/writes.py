"""Judges whether the server takes writes at this moment. Pure: what Redis told goes in, findings come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .finding import Finding

_NOTHING = "Redis refuses every write: nothing is sent, fetched, recorded or brought back."


def judge_role(info: Mapping[str, Any]) -> list[Finding]:
    if info.get("role") != "slave":
        return [Finding("role", "ok", "The server is no replica.")]
    return [
        Finding(
            "role", "fault", "The server is a replica.",
            "It takes no writes: no job is enqueued, fetched or recorded here.",
            "Name its primary in --url or ASSURED_JOBS_REDIS_URL, and in the RedisBroker.",
        )
    ]  # fmt: skip


def may_stop(persistence: Mapping[str, Any]) -> bool:
    """Whether a snapshot failed: then it depends on a setting whether writes are refused."""
    return bool(persistence.get("rdb_last_bgsave_status", "ok") != "ok")


def judge_writes(persistence: Mapping[str, Any], memory: Mapping[str, Any], *, stops: bool) -> list[Finding]:
    """`stops`: a snapshot failed, and the server is set up to refuse writes after that."""
    findings = []
    if persistence.get("aof_last_write_status", "ok") != "ok":
        findings.append(
            Finding(
                "writes", "fault", "Redis could not write to its append-only file.", _NOTHING,
                "Make room on the disk of Redis; its log says what failed.",
            )
        )  # fmt: skip
    if stops:
        findings.append(
            Finding(
                "writes", "fault", "Redis could not save its last snapshot, and stops writes after that.", _NOTHING,
                "Make room on the disk of Redis, its log says what failed; then redis-cli BGSAVE.",
            )
        )  # fmt: skip
    most, used = (int(memory.get(name) or 0) for name in ("maxmemory", "used_memory"))
    if most and used >= most and memory.get("maxmemory_policy") == "noeviction":
        findings.append(
            Finding(
                "writes", "fault", f"Memory is full: {used:,} of {most:,} bytes.",
                "Redis refuses what takes more of it: no job can be sent, and one that starts may go unrecorded.",
                "redis-cli CONFIG SET maxmemory to more, or make room: `redis-cli --bigkeys` names the largest keys.",
            )
        )  # fmt: skip
    return findings or [Finding("writes", "ok", "Redis takes writes.")]
