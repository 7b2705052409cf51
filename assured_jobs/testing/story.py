"""What became of one message, read from the ledger and from Dramatiq's own keys. Reads alone.

A look takes several round trips, and a job may move between two of them: what two looks in a row agree on is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..brokers.redis import encoder_name, read_payload
from ..entry import Crash, InstanceInfo, Orphan
from ..errors import ForeignValue
from ..ledger import Ledger, Record
from ..ledger.keys import QueueKeys
from ..orphans import Orphans, Selection

Happened = Literal[
    "queued", "running", "deferred", "held", "released", "discarded", "orphaned", "done", "dead_lettered", "stranded"
]

#: Looks that disagree are repeated so often.
_LOOKS = 20


@dataclass(frozen=True)
class Story:
    """What became of a message.

    Attributes:
        state: `queued` waits in its queue, for its time, or in a worker that has not started it; `running` is started,
            and its worker not declared dead; `deferred`, `held`, `released`, `discarded` and `orphaned` as the command
            line shows them; `dead_lettered` has failed for good; `done`: nothing is left of it, or it never was;
            `stranded`: its payload is there and nothing leads to it, which never happens.
        crash_count: how many workers have died running it. The ledger forgets it when the job succeeds.
        interrupted_count: how often a worker that shut down cut it off. Forgotten with it.
        reason: why it waits, in words for a person, if it does.
        crashes: the evidence, oldest first. Forgotten with it.
        copies: how many deliveries of it can still reach a worker, custody included: 1, or 0 when it is at its end.
            2 only for the instant between a failed job's retry and its ack, or between a forward and its ack.
    """

    message_id: str
    state: Happened
    crash_count: int = 0
    interrupted_count: int = 0
    reason: str = ""
    crashes: tuple[Crash, ...] = ()
    copies: int = 0


class Storyteller:
    """Opened on a ledger. `infos` adds instances that nobody may remember by now."""

    def __init__(self, ledger: Ledger, broker_namespace: str) -> None:
        self.ledger = ledger
        self.desk = Orphans(ledger)
        self.broker_namespace = broker_namespace

    def tell(self, message_id: str, infos: Iterable[InstanceInfo], queues: Iterable[str]) -> Story:
        """Raises LedgerError, and ForeignValue where a crash record is not ours."""
        infos, queues = list(infos), list(queues)
        story = self._look(message_id, infos, queues)
        for _ in range(_LOOKS):
            before, story = story, self._look(message_id, infos, queues)
            if story == before:
                break
        return story

    def close(self) -> None:
        self.desk.close()

    def _look(self, message_id: str, more: list[InstanceInfo], queues: list[str]) -> Story:
        fleet = self.desk.look()
        living = [finding.vitals.info for finding in fleet.findings if finding.judgement.state != "dead"]
        infos = {info.id: info for info in [*more, *living, *(death.info for death in fleet.deaths)]}
        shown = [one.orphan for one in self.desk.listing(Selection(), fleet) if one.orphan.message_id == message_id]
        running = {
            left.delivery
            for info in living
            for batch in self.ledger.estate.left_by(info)
            for left in batch
            if left.entry and left.entry.message_id == message_id and not left.entry.forward
        }
        names = {*queues, *(queue for info in infos.values() for queue in info.queues)}
        found = [self._find(message_id, name, [info.broker_id for info in infos.values()]) for name in sorted(names)]
        payloads = {delivery for one in found for delivery in one.payloads}
        waiting = [orphan for orphan in shown if orphan.state not in ("discarded", "orphaned")]
        copies = sum(one.copies for one in found) + sum(orphan.delivery in payloads for orphan in waiting)
        dead_letters = any(one.dead_letters for one in found)
        record = self.ledger.estate.records([message_id])[message_id]
        if isinstance(record, ForeignValue):
            raise record

        orphan = _most_telling(shown)
        if orphan and orphan.state != "discarded":
            return _of_orphan(orphan, copies)
        if payloads & running:
            return _of_record(message_id, "running", record, copies)
        if payloads:
            return _of_record(message_id, "queued" if copies else "stranded", record, copies)
        if dead_letters:
            return _of_record(message_id, "dead_lettered", record, 0)
        return _of_orphan(orphan, 0) if orphan else _of_record(message_id, "done", record, 0)

    def _find(self, message_id: str, queue: str, broker_ids: Sequence[str]) -> _Found:
        """One queue in one consistent moment."""
        keys = QueueKeys(self.broker_namespace, queue)

        def ask(client: Any) -> list[Any]:
            pipe = client.pipeline(transaction=True).hgetall(keys.msgs).hvals(keys.xq_msgs).lrange(keys.queue, 0, -1)
            for broker_id in broker_ids:
                pipe.smembers(keys.acks(broker_id))
            return list(pipe.execute())

        msgs, dead_letters, queued, *fetched = self.ledger.store.ask(ask)
        payloads = {delivery for delivery, payload in msgs.items() if _is_of(message_id, payload)}
        copies = sum(delivery in payloads for where in (queued, *fetched) for delivery in where)
        rejected = any(_is_of(message_id, payload) for payload in dead_letters)
        return _Found({delivery.decode(errors="surrogateescape") for delivery in payloads}, copies, rejected)


@dataclass(frozen=True)
class _Found:
    payloads: set[str]
    copies: int
    dead_letters: bool


def _is_of(message_id: str, payload: bytes) -> bool:
    return read_payload(payload, encoder_name()).message_id == message_id


def _most_telling(orphans: list[Orphan]) -> Orphan | None:
    order = ("held", "orphaned", "released", "deferred", "discarded")
    return min(orphans, key=lambda orphan: order.index(orphan.state), default=None)


def _of_orphan(orphan: Orphan, copies: int) -> Story:
    return Story(
        orphan.message_id, orphan.state, orphan.crash_count, orphan.interrupted_count, orphan.reason, orphan.crashes,
        copies,
    )  # fmt: skip


def _of_record(message_id: str, state: Happened, record: Record, copies: int) -> Story:
    return Story(message_id, state, record.crashes, record.interrupted, "", record.history, copies)
