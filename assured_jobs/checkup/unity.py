"""Judges whether the living workers agree with one another. Pure."""

from __future__ import annotations

from typing import Any

from ..entry import LEDGER_VERSION, InstanceInfo
from ..ledger.roster import Roster
from ..settings import variable
from .finding import Finding, some

#: Everybody is judged by these of his own, so that different ones are odd and not dangerous.
_OWN_VALUES = ("heartbeat_interval", "heartbeat_ttl", "presence_grace", "stall_ttl")


def judge_settings(roster: Roster) -> list[Finding]:
    fresh = [one.info for one in roster.fresh]
    if not fresh:
        return []
    found = [*_knobs(fresh), *_recovery(fresh), *_versions(fresh), *_ledger_versions(fresh)]
    return found or [Finding("settings", "ok", "The workers agree.")]


def _knobs(fresh: list[InstanceInfo]) -> list[Finding]:
    return [
        Finding(
            "settings", "note", f"{name} differs: {_told(groups)}.",
            "Each worker is judged by its own: some deaths are seen later than others.",
            f"Set {variable(name)} to the same in all workers.",
        )
        for name in _OWN_VALUES
        if len(groups := _groups(fresh, name)) > 1
    ]  # fmt: skip


def _recovery(fresh: list[InstanceInfo]) -> list[Finding]:
    groups = _groups(fresh, "recovery")
    if len(groups) > 1:
        return [
            Finding(
                "recovery", "fault", f"recovery differs: {_told(groups)}.",
                "Whether the jobs of the dead come back depends on which worker watches.",
                f"Set {variable('recovery')} to the same in all workers.",
            )
        ]  # fmt: skip
    if "observe" not in groups:
        return []
    return [
        Finding(
            "recovery", "note", "Every worker has recovery=observe.",
            "Deaths are seen, judged and recorded, and no job is brought back.",
            f"When you have seen enough: {variable('recovery')}=act",
        )
    ]  # fmt: skip


def _versions(fresh: list[InstanceInfo]) -> list[Finding]:
    groups = _groups(fresh, "version")
    if len(groups) == 1:
        return []
    return [
        Finding(
            "versions", "note", f"Versions of assured_jobs differ: {_told(groups)}.",
            "That is well during a deploy: a worker understands its own ledger and the one before it.",
            "Finish the deploy.",
        )
    ]  # fmt: skip


def _ledger_versions(fresh: list[InstanceInfo]) -> list[Finding]:
    groups = _groups(fresh, "ledger_version")
    apart = max(*groups, LEDGER_VERSION) - min(*groups, LEDGER_VERSION)
    if not apart:
        return []
    return [
        Finding(
            "ledger_version", "fault" if apart > 1 else "note",
            f"Ledger versions differ: {_told(groups)}; this command writes {LEDGER_VERSION}.",
            "A worker reads its own version and the one before it; what is further off it cannot recover.",
            "Bring all workers and this command to the same version of dramatiq-assured-jobs, one version at a time.",
        )
    ]  # fmt: skip


def _groups(fresh: list[InstanceInfo], name: str) -> dict[Any, list[str]]:
    """Value -> who has it."""
    groups: dict[Any, list[str]] = {}
    for info in fresh:
        groups.setdefault(getattr(info, name), []).append(info.id)
    return groups


def _told(groups: dict[Any, list[str]]) -> str:
    return "; ".join(
        f"{f'{value:g}' if isinstance(value, float) else value} ({some(ids)})" for value, ids in groups.items()
    )
