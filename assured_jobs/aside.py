"""A job that may not start here and now: held at its cap, or deferred while its worker runs another suspect."""

from __future__ import annotations

import random

from .entry import Orphan
from .errors import ForeignValue
from .events import OrphanSettled
from .job import Job
from .ledger import Answer, Ledger, Record
from .policy import say_max_crashes

#: How long a suspect waits, in seconds: once to twice, and longer where many wait.
WAIT = 1.5

_WAITS = "it was running when a worker died, and so was another that runs here now: one at a time"


def set_aside(ledger: Ledger, job: Job, answer: Answer) -> None:
    """fetched -> held or deferred, as begin said. Raises LedgerError.

    If interrupted: fetched still, and set aside the next time it begins; or set aside.
    """
    message_id = job.entry.message_id
    record = ledger.estate.records([message_id])[message_id]
    if isinstance(record, ForeignValue):
        raise record
    orphan = _orphan(job, record)
    if answer.word == "wait":
        waits = orphan.becomes(state="deferred", reason=_WAITS, reason_code="suspected")
        ledger.deliveries.defer(job.info, waits, WAIT * (1 + random.random()))
        return
    reason = say_max_crashes(answer.crashes, job.entry.policy.max_crashes)
    held = orphan.becomes(state="held", reason=reason, reason_code="max_crashes", crash_count=answer.crashes)
    if ledger.deliveries.hold(job.info, held):
        told = (message_id, held.actor, held.queue, held.instance, "held", held.reason, held.crash_count)
        ledger.tell(OrphanSettled(*told, reason_code=held.reason_code))


def _orphan(job: Job, record: Record) -> Orphan:
    entry = job.entry
    return Orphan(
        delivery=entry.delivery,
        message_id=entry.message_id,
        actor=entry.actor,
        queue=entry.queue,
        broker_namespace=job.info.broker_namespace,
        instance=job.info.id,
        crash_count=record.crashes,
        interrupted_count=record.interrupted,
        orphaned_at=record.history[-1].died_at if record.history else None,
        crashes=record.history,
    )
