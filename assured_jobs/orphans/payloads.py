"""What a job was called with, as its payload tells it: decoded as JSON or not at all.

A pickle runs code when it is read, and whoever looks at a job must not be running it. So it is decoded here, and never
by the encoder of the process that looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..entry import Death, Orphan
from ..errors import ForeignValue
from ..foreign import parse
from ..ledger import Ledger, Left, Record

_READABLE = "JSONEncoder"


@dataclass(frozen=True)
class Shown:
    """An orphan, and what its payload says; both None where it cannot say, and then why.

    `traceback` is of an earlier failure, where the message carries one.
    """

    orphan: Orphan
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    payload_error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class Content:
    """What a payload says; or `error`, why it says nothing."""

    message_id: str = ""
    actor: str = ""
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    traceback: str | None = None
    error: str | None = None


def read(payload: bytes, encoder: str) -> Content:
    if encoder != _READABLE:
        return Content(error=f"written by {encoder}, which is not decoded here")
    try:
        told = parse(payload.decode())
        args, kwargs, options = list(told["args"]), dict(told["kwargs"]), dict(told["options"])
        names = str(told["message_id"]), str(told["actor_name"])
    except (ValueError, TypeError, KeyError):
        return Content(error="cannot be decoded")
    traceback = options.get("traceback")
    return Content(*names, args, kwargs, traceback if isinstance(traceback, str) else None)


def show(orphan: Orphan, content: Content | None) -> Shown:
    if content is None:
        return Shown(orphan, payload_error="its payload is gone")
    return Shown(orphan, content.args, content.kwargs, content.error, content.traceback)


def show_unjudged(ledger: Ledger, death: Death, batch: list[Left], payloads: dict[str, bytes]) -> list[Shown]:
    """What a dead instance held, as far as it still exists; nothing is judged."""
    contents = {delivery: read(payload, death.info.encoder) for delivery, payload in payloads.items()}
    named = [(left, *_name(left, contents[left.delivery])) for left in batch if left.delivery in contents]
    records = ledger.estate.records([message_id for _, message_id, _ in named]) if named else {}
    shown = []
    for left, message_id, actor in named:
        record = records[message_id]
        unreadable = "; its crash record is not ours" if isinstance(record, ForeignValue) else ""
        if isinstance(record, ForeignValue):
            record = Record()
        orphan = Orphan(
            delivery=left.delivery,
            message_id=message_id,
            actor=actor,
            queue=left.queue,
            broker_namespace=death.info.broker_namespace,
            instance=death.info.id,
            reason=f"its worker died ({death.cause}); not judged yet{unreadable}",
            crash_count=record.crashes,
            interrupted_count=record.interrupted,
            started_at=left.entry.started_at if left.entry and not left.entry.forward else None,
            orphaned_at=death.died_at,
            crashes=record.history,
        )
        shown.append(show(orphan, contents[left.delivery]))
    return shown


def show_all(ledger: Ledger, orphans: list[Orphan], most: int | None = None) -> list[Shown]:
    """One page of orphans with their payloads, read queue by queue. Payloads of more than `most` bytes are not read."""
    infos = ledger.instances.describe(list({orphan.instance for orphan in orphans}))
    payloads: dict[str, bytes] = {}
    too_large: dict[str, int] = {}
    for (namespace, queue), group in groupby(sorted(orphans, key=_home), _home):
        deliveries = [orphan.delivery for orphan in group]
        if most is not None:
            sizes = ledger.estate.sizes(namespace, queue, deliveries)
            too_large |= {id: size for id, size in sizes.items() if size > most}
        payloads |= ledger.estate.payloads(namespace, queue, [id for id in deliveries if id not in too_large])
    shown = []
    for orphan in orphans:
        # A held job outlives the description of its worker: JSON is tried then, which cannot hurt.
        encoder = infos[orphan.instance].encoder if orphan.instance in infos else _READABLE
        payload = payloads.get(orphan.delivery)
        if orphan.delivery in too_large:
            shown.append(Shown(orphan, payload_error=f"{too_large[orphan.delivery]:,} bytes: too much to show here"))
        else:
            shown.append(show(orphan, None if payload is None else read(payload, encoder)))
    return shown


def _name(left: Left, content: Content) -> tuple[str, str]:
    """Message id and actor, by the same rule as a pass names them."""
    if left.entry:
        return left.entry.message_id, left.entry.actor
    return content.message_id or left.delivery, content.actor


def _home(orphan: Orphan) -> tuple[str, str]:
    return orphan.broker_namespace, orphan.queue
