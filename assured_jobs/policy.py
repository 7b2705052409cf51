"""Pure judgement: who is dead, and what becomes of an orphan. No clock, no store, no randomness of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .entry import Policy, Vitals

#: Deaths of a draining instance are not the job's fault, but a job that is interrupted this often is held:
#: a liveness probe that kills the worker again and again looks exactly like a deploy.
MAX_INTERRUPTED = 10

#: The longest wait between two lives of a job that keeps crashing, in seconds.
MAX_BACKOFF = 60.0

#: Within this time a living instance whose connection was cut has it again, and within twice that it has beaten, in
#: seconds: it tries every half second, and every second.
RECONNECT = 1.0


@dataclass(frozen=True)
class Judgement:
    """`state` is what people see. A death says what declare_dead must find still true when it acts."""

    state: Literal["alive", "draining", "stalled", "dead"]
    cause: str = ""
    older_than: float = 0.0
    absent: bool = False


def judge(vitals: Vitals, *, watched: float | None, absent_for: float) -> Judgement:
    """Who is dead, by two signals.

    Args:
        vitals: what the store shows; `vitals.age` is already bounded by the store's own uptime.
        watched: seconds this judge has watched without a break; None for a judge that looks once.
        absent_for: seconds of that unbroken watch in which the presence was gone.
    """
    info, age = vitals.info, vitals.age
    expired = age > info.heartbeat_ttl
    if vitals.presence == "gone":
        # The heartbeat itself verifies the presence: where it is gone, no heartbeat came since it went.
        grace = min(info.presence_grace, RECONNECT) if vitals.draining else info.presence_grace
        if 0 < grace <= absent_for or (expired and _gave_a_chance(info.heartbeat_interval, watched)):
            return Judgement("dead", "connection lost", absent=True)
    elif vitals.presence == "there":
        if age > info.stall_ttl and _gave_a_chance(info.heartbeat_interval, watched):
            return Judgement("dead", "stalled", older_than=info.stall_ttl)
        if expired:
            return Judgement("stalled")
    elif expired and _gave_a_chance(info.heartbeat_interval, watched):
        return Judgement("dead", "heartbeat expired", older_than=info.heartbeat_ttl)
    return Judgement("draining" if vitals.draining else "alive")


def _gave_a_chance(interval: float, watched: float | None) -> bool:
    """After a frozen or unreachable store every heartbeat is old, and after an outage every connection may be gone:
    a watcher waits until all could beat again."""
    return watched is None or watched > max(interval, 2 * RECONNECT)


@dataclass(frozen=True)
class Case:
    """One delivery of a dead instance, as the judge needs it. Times in seconds.

    `with_suspect`: another job was aboard that had been running at an earlier death, the only such one: it alone is
    charged, and this one becomes a suspect itself. `assured` is None where the actor is unknown. `started` is False for
    prefetched and delayed deliveries.
    """

    started: bool
    assured: bool | None = True
    decodable: bool = True
    policy: Policy = field(default_factory=Policy)
    crashes: int = 0
    interrupted: int = 0
    handed_back: int = 0
    limit: int = 0
    draining: bool = False
    with_suspect: bool = False
    since_last_sign: float = 0.0


Action = Literal["front", "tail", "defer", "hold", "discard", "leave"]
Charge = Literal["crashes", "suspicions", "interrupted", "handed_back", ""]


#: Why, for programs: a small set that never grows with the jobs.
ReasonCode = Literal[
    "never_started", "not_assured", "undecodable",
    "crashed", "suspected", "interrupted",
    "max_crashes", "max_interrupted", "max_orphan_age", "on_orphan",
]  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What becomes of it, and why: `reason` in words for a person, `code` for programs. `delay` in seconds."""

    action: Action
    code: ReasonCode
    reason: str
    charge: Charge = ""
    delay: float = 0.0


def verdict(case: Case, *, jitter: float = 1.0) -> Verdict:
    """Judges one orphan. `jitter` between 0 and 1 spreads the delays of many."""
    if not case.decodable:
        return Verdict("hold", "undecodable", "its payload cannot be decoded: no worker could read it")
    if not case.started:
        return _never_started(case)
    return _never_again(case) or _again(case, jitter)


def _never_started(case: Case) -> Verdict:
    if case.assured:
        return Verdict("front", "never_started", "fetched and never started")
    if not case.handed_back:
        return Verdict("tail", "not_assured", "its actor is not assured: handed back once", "handed_back")
    reason = "its actor is not assured and it was handed back before: left to Dramatiq's own maintenance"
    return Verdict("leave", "not_assured", reason)


def _never_again(case: Case) -> Verdict | None:
    """Why a started job does not simply run again, if it does not."""
    charge = _charge(case)
    crashes, interrupted = case.crashes + (charge == "crashes"), case.interrupted + case.draining
    if case.since_last_sign > case.policy.max_orphan_age:
        age, most = round(case.since_last_sign), round(case.policy.max_orphan_age)
        reason = f"last sign of life {age} s ago, more than max_orphan_age={most} s"
        return Verdict("hold", "max_orphan_age", reason, charge)
    if case.policy.on_orphan == "hold":
        return Verdict("hold", "on_orphan", "its actor says on_orphan=hold", charge)
    if case.policy.on_orphan == "discard":
        return Verdict("discard", "on_orphan", "its actor says on_orphan=discard", charge)
    if interrupted >= MAX_INTERRUPTED:
        reason = f"interrupted {interrupted} times by workers shutting down"
        return Verdict("hold", "max_interrupted", reason, charge)
    if charge == "crashes" and crashes >= max(case.policy.max_crashes, case.limit):
        return Verdict("hold", "max_crashes", say_max_crashes(crashes, case.policy.max_crashes), charge)
    return None


def _charge(case: Case) -> Charge:
    if case.draining:
        return "interrupted"
    return "suspicions" if case.with_suspect else "crashes"


def _again(case: Case, jitter: float) -> Verdict:
    if case.draining:
        return Verdict("front", "interrupted", "interrupted: its worker was shutting down", "interrupted")
    if case.with_suspect:
        return Verdict("front", "suspected", "its worker died running a suspect, which is charged alone", "suspicions")
    crashes = case.crashes + 1
    if crashes == 1:
        return Verdict("front", "crashed", "its worker died: crash 1", "crashes")
    delay = min(MAX_BACKOFF, 2.0 ** min(crashes - 2, 10)) * (0.5 + jitter / 2)
    return Verdict("defer", "crashed", f"its worker died: crash {crashes}", "crashes", delay)


def say_max_crashes(crashes: int, most: int) -> str:
    return f"{crashes} worker{'' if crashes == 1 else 's'} died running it (max_crashes={most})"
