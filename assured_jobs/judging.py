"""What becomes of each delivery in the hands of the dead: read, judged by `policy`, and made an order to the ledger."""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import policy
from .brokers.redis import read_payload
from .entry import Crash, Death, InstanceInfo, Orphan, Policy, State
from .errors import ForeignValue
from .evidence import exit_hint
from .ledger import Ledger, Left, Order, Record
from .telling import complain

_STATES: dict[str, State] = {"defer": "deferred", "hold": "held", "discard": "discarded"}


@dataclass(frozen=True)
class Decision:
    """One orphan, the verdict on it, and the crash record the verdict rests on."""

    left: Left
    orphan: Orphan
    verdict: policy.Verdict
    record: Record


def judge(ledger: Ledger, death: Death, batch: list[Left]) -> list[Decision]:
    """find -> judged. A job whose crash record is not ours waits, and is complained about.

    Deliveries whose payload is gone are ordered away like any other: the script settles them.
    """
    named = [(left, *_name(death.info, left)) for left in batch]
    records = ledger.estate.records([message_id for _, message_id, _, _ in named])
    decisions = []
    for left, message_id, actor, decodable in named:
        record = records[message_id]
        if isinstance(record, ForeignValue):
            complain(str(record))
            continue
        entry = left.entry
        case = policy.Case(
            started=entry is not None and not entry.forward,
            # A delayed message runs only in its queue: in the delay queue it can kill nobody.
            assured=actor in death.info.assured or left.queue.endswith(".DQ"),
            decodable=decodable,
            policy=entry.policy if entry else Policy(),
            crashes=record.crashes,
            interrupted=record.interrupted,
            handed_back=record.handed_back,
            limit=record.limit,
            draining=death.draining,
            with_suspect=bool(death.suspects) and left.delivery not in death.suspects,
            since_last_sign=death.silent_for,
        )
        ruling = policy.verdict(case, jitter=random.random())
        orphan = _orphan(death, left, (message_id, actor), ruling, record)
        decisions.append(Decision(left, orphan, ruling, record))
    return decisions


def judge_stray(info: InstanceInfo, left: Left) -> Orphan | None:
    """What is to be held of what a living instance has forgotten; None where it goes back into its queue."""
    message_id, actor, decodable = _name(info, left)
    if decodable:
        return None
    ruling = policy.verdict(policy.Case(started=False, decodable=False))
    return Orphan(
        delivery=left.delivery,
        message_id=message_id,
        actor=actor,
        queue=left.queue,
        broker_namespace=info.broker_namespace,
        instance=info.id,
        state="held",
        reason=ruling.reason,
        reason_code=ruling.code,
    )


def order_of(decision: Decision) -> Order:
    """judged -> what the script is told to do."""
    verdict, orphan = decision.verdict, decision.orphan
    # What waits for a hook goes through custody, where nobody can fetch it while the hook is called.
    action = verdict.action
    if orphan.has_hook and action == "front":
        action, orphan = "defer", orphan.becomes(state="deferred")
    return Order(
        left=decision.left,
        message_id=orphan.message_id,
        action=action,
        delay=verdict.delay,
        charge=verdict.charge,
        seen=decision.record.count(verdict.charge),
        history=orphan.crashes,
        orphan=orphan,
    )


def _name(info: InstanceInfo, left: Left) -> tuple[str, str, bool]:
    """Message id, actor, and whether a worker could decode it."""
    if left.entry:
        return left.entry.message_id, left.entry.actor, True
    if left.payload is None:
        return left.delivery, "", True
    content = read_payload(left.payload, info.encoder)
    if content.kind == "message":
        return content.message_id, content.actor, True
    return left.delivery, "", content.kind == "opaque"


def _orphan(death: Death, left: Left, name: tuple[str, str], ruling: policy.Verdict, record: Record) -> Orphan:
    started_at = left.entry.started_at if left.entry and not left.entry.forward else None
    history = record.history
    if ruling.charge in ("crashes", "suspicions", "interrupted") and started_at is not None:
        crash = Crash(
            instance=death.info.id,
            host=death.info.host,
            cause=death.cause,
            died_at=death.died_at,
            started_at=started_at,
            last_seen=death.last_beat,
            ran_at_least=max(0, death.last_beat - started_at) / 1000,
            ran_at_most=max(0, death.died_at - started_at) / 1000,
            charged_as=ruling.charge,
            aboard=left.aboard,
            uptime=death.signs.uptime,
            rss=death.signs.rss,
            exit_hint=exit_hint(death),
        )
        history = (*history, crash)[-10:]
    return Orphan(
        delivery=left.delivery,
        message_id=name[0],
        actor=name[1],
        queue=left.queue,
        broker_namespace=death.info.broker_namespace,
        instance=death.info.id,
        state=_STATES.get(ruling.action, "orphaned"),
        reason=ruling.reason,
        reason_code=ruling.code,
        crash_count=record.crashes + (ruling.charge == "crashes"),
        interrupted_count=record.interrupted + (ruling.charge == "interrupted"),
        started_at=started_at,
        orphaned_at=death.died_at,
        fence=left.entry.fence if left.entry else 0,
        has_hook=death.info.has_hook and started_at is not None,
        crashes=history,
    )
