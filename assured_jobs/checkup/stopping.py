"""Judges whether jobs may take longer to stop than the platform waits before it kills. Pure."""

from __future__ import annotations

import math

from ..ledger.roster import Roster
from .finding import Finding, seconds, some

#: Seconds between the end of the last job and SIGKILL that the process needs to hand over and leave.
MARGIN = 5.0


def judge_grace(roster: Roster, grace_period: float | None = None) -> list[Finding]:
    """`grace_period` goes before what workers were told."""
    groups: dict[tuple[float | None, float | None], list[str]] = {}
    for one in roster.fresh:
        grace = one.info.termination_grace_period if grace_period is None else grace_period
        groups.setdefault((one.info.shutdown_timeout, grace), []).append(one.info.id)
    return [_stopping(timeout, grace, some(ids)) for (timeout, grace), ids in groups.items()]


def _stopping(timeout: float | None, grace: float | None, who: str) -> Finding:
    if timeout is None:
        most = "5 s less than the grace period"
        if grace is not None:
            most = f"{int(max(0, grace - MARGIN) * 1000)} ms or less"
        return Finding(
            "grace_period", "note", f"How long jobs may take to stop is not known: {who}.",
            "It does not run under the `dramatiq` command. If jobs may take longer than the platform's grace period, a "
            "deploy kills them.",
            f"Let the timeout in Worker.stop(timeout=...) be {most}.",
        )  # fmt: skip
    needed = timeout + MARGIN
    if grace is None:
        return Finding(
            "grace_period", "note", f"What the platform grants between SIGTERM and SIGKILL is not known: {who}.",
            f"If it is less than {seconds(needed)}, a deploy kills running jobs.",
            "Set ASSURED_JOBS_TERMINATION_GRACE_PERIOD in the workers, or say it here: "
            "assured-jobs check --grace-period SECONDS",
        )  # fmt: skip
    if needed <= grace:
        return Finding("grace_period", "ok", f"Jobs may take {seconds(timeout)} to stop, of {seconds(grace)} granted.")
    more = f"the platform grant more (terminationGracePeriodSeconds: {math.ceil(needed)})."
    shorter = f"Start workers with --worker-shutdown-timeout {int((grace - MARGIN) * 1000)}, or let"
    return Finding(
        "grace_period", "fault",
        f"Jobs may take {seconds(timeout)} to stop, and the platform kills after {seconds(grace)}: {who}.",
        "A deploy ends in SIGKILL for jobs that still run: they come back as interrupted, and are held after 10 times.",
        f"{shorter if grace > MARGIN else 'Let'} {more}",
    )  # fmt: skip
