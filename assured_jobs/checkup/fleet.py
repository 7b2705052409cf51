"""Judges the living workers: whether there are any, and their clocks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..entry import InstanceInfo
from ..ledger.roster import Member, Roster
from .finding import Finding, some

#: Seconds a worker's clock may be off.
FAR_OFF = 5.0

_ROBBED = (
    "takes it for dead from 60 s on (heartbeat_timeout) and puts back what it runs: jobs of actors that are not "
    "assured then run twice."
)


def judge_workers(roster: Roster, namespace: str) -> list[Finding]:
    fresh = roster.fresh
    if fresh:
        return [Finding("workers", "ok", f"Alive: {some(_ids(fresh))}.")]
    found = f"No worker is alive in the namespace {namespace!r}."
    if roster.living:
        found = f"{found} The last heartbeats are too old: {some(_ids(roster.living))}."
    return [
        Finding(
            "workers", "note", found,
            "Nothing runs and nothing is recovered; and this check can say nothing of workers.",
            "Start a worker; or name the right one with --namespace or ASSURED_JOBS_NS.",
        )
    ]  # fmt: skip


def judge_worker_clocks(roster: Roster) -> list[Finding]:
    """By Dramatiq's own heartbeats, which each broker sends by its machine's clock, once a second or so.

    Behind is measured from a worker's last heartbeat to us, not from now: a busy interpreter or a paused process sends
    neither, and is no fault. So a clock that is behind by less than the heartbeat's age is not seen each time.
    """
    told = [(one, one.native) for one in roster.fresh if one.native is not None]
    behind = [(one.info, roster.now - beat) for one, beat in told if one.beat - beat > FAR_OFF * 1000]
    ahead = [(one.info, beat - roster.now) for one, beat in told if beat - roster.now > FAR_OFF * 1000]
    silent = [one.info for one in roster.fresh if one.native is None]
    findings = []
    if behind:
        findings.append(
            Finding(
                "worker_clocks", "fault", f"By Dramatiq's own heartbeats, behind Redis's clock: {_off(behind)}.",
                "Its clock is wrong, or its consumer threads are dead and it fetches nothing. Dramatiq's maintenance "
                + _ROBBED,
                f"Compare `date` on {_hosts(behind)} with here and synchronise it (timedatectl set-ntp true); if it is "
                "right, restart the worker.",
            )
        )  # fmt: skip
    if ahead:
        findings.append(
            Finding(
                "worker_clocks", "fault", f"By Dramatiq's own heartbeats, ahead of Redis's clock: {_off(ahead)}.",
                "Its clock is wrong: its delayed jobs run early, and from 60 s on (heartbeat_timeout) its maintenance "
                "takes every other worker for dead and puts back what they run.",
                f"Synchronise the clock on {_hosts(ahead)}: timedatectl set-ntp true.",
            )
        )  # fmt: skip
    if silent:
        findings.append(
            Finding(
                "worker_clocks", "unknown", f"Dramatiq has no heartbeat of: {some([info.id for info in silent])}.",
                "It started a moment ago, or its consumer threads are dead and it fetches nothing.",
                "Run this check again; if it stays so, restart the worker.",
            )
        )  # fmt: skip
    if told and not findings:
        findings.append(Finding("worker_clocks", "ok", f"The workers' clocks agree with Redis's ({len(told):,} seen)."))
    return findings


def _ids(members: Sequence[Member]) -> list[str]:
    return [one.info.id for one in members]


def _off(found: list[tuple[InstanceInfo, int]]) -> str:
    return some([f"{info.id} ({ms / 1000:.0f} s)" for info, ms in found])


def _hosts(found: list[tuple[InstanceInfo, int]]) -> str:
    return some(list(dict.fromkeys(info.host for info, _ in found)))
