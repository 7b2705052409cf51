"""A living instance's jobs: begin, finish, their retries, and what is held at the door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..entry import Entry, InstanceInfo, Orphan
from .keys import MEMORY, QueueKeys
from .store import Store

Outcome = Literal["ack", "retry", "nack", "again"]

#: By how much each that is deferred already lengthens the wait of the next, and the longest wait, in ms.
EACH, LONGEST = 50, 30_000


@dataclass(frozen=True)
class Answer:
    """What begin says. `word` is run, taken, gone, finished, hold, wait, fenced or unknown.

    `observed` is the word that only an observer does not obey.
    """

    word: str
    crashes: int = 0
    fence: int = 0
    started_at: int = 0
    recovered_from: str | None = None
    how: str = ""
    observed: str = ""


@dataclass(frozen=True)
class Ending:
    """A finished delivery that the ledger has not heard of yet. `successors`: id and queue of the retries it sent."""

    info: InstanceInfo
    entry: Entry
    token: str
    outcome: Outcome
    successors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fetched:
    """Whether the instance is alive, the delivery in its ack set, and its payload in the broker."""

    alive: bool
    ours: bool
    exists: bool


class Deliveries:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def begin(
        self,
        info: InstanceInfo,
        entry: Entry,
        token: str,
        *,
        predecessor: str = "",
        successor: tuple[str, str] = ("", ""),
        again: bool = False,
        observe: bool = False,
        endings: tuple[Ending, ...] = (),
    ) -> tuple[Answer, list[bool]]:
        """fetched -> started, in one round trip that also carries `endings`.

        `successor` is the id and the queue under which a delayed message goes on.
        Returns the answer, and for each ending whether it was accepted.
        If interrupted: recorded, and never started here: a death is charged that the job did not cause.
        """
        k, q = self.keys, QueueKeys(info.broker_namespace, entry.queue)
        keys = [
            k.alive, k.dead, k.buried, k.entries(info.id), k.owners, k.successors, k.fence,
            k.job(entry.message_id), k.done(entry.delivery), q.acks(info.broker_id), q.msgs, k.suspects(info.id),
        ]  # fmt: skip
        args = [
            info.id, entry.delivery, token, entry.dumps(), entry.policy.max_crashes, predecessor,
            "again" if again else "", successor[0], QueueKeys(info.broker_namespace, successor[1]).msgs,
            "observe" if observe else "", k.entries(""),
        ]  # fmt: skip
        *accepted, reply = self.store.run_many([*map(self._finish, endings), ("begin", keys, args)])
        return _answer(reply), [one >= 0 for one in accepted]

    def finish(self, endings: tuple[Ending, ...]) -> list[bool]:
        """started -> gone, for each; False for one that was no longer this instance's.

        If interrupted: finished or not; sending it again changes nothing.
        """
        return [one >= 0 for one in self.store.run_many([*map(self._finish, endings)])]

    def _finish(self, ending: Ending) -> tuple[str, list[str], list[Any]]:
        k, entry, info = self.keys, ending.entry, ending.info
        q = QueueKeys(info.broker_namespace, entry.queue)
        keys = [
            k.alive, k.entries(info.id), k.owners, k.successors, k.job(entry.message_id), k.done(entry.delivery),
            q.acks(info.broker_id), q.msgs, q.xq, q.xq_msgs, q.queue, k.suspects(info.id),
        ]  # fmt: skip
        went = "".join(f"{id} {QueueKeys(info.broker_namespace, queue).msgs}\n" for id, queue in ending.successors)
        args = [info.id, entry.delivery, ending.token, ending.outcome, MEMORY, went, info.recovery]
        return "finish", keys, args

    def succeed(self, delivery: str, successor: str, namespace: str, queue: str) -> bool:
        """Notes that a retry of `delivery` is about to be enqueued as `successor`.

        If interrupted: noted, and the retry never enqueued: recovery looks for it, finds none, hands back.
        """
        msgs = QueueKeys(namespace, queue).msgs
        return bool(self.store.run("succeed", [self.keys.owners, self.keys.successors], [delivery, successor, msgs]))

    def owns_job(self, instance: str, delivery: str, token: str) -> bool:
        """Whether this start is still this instance's. Reads only."""
        alive, owner = self.store.ask(
            lambda client: (
                client.pipeline(transaction=True)
                .zscore(self.keys.alive, instance)
                .hget(self.keys.owners, delivery)
                .execute()
            )
        )
        return alive is not None and (owner or b"").startswith(f"{instance} {token} ".encode())

    def look_up(self, info: InstanceInfo, delivery: str, queue: str) -> Fetched:
        """Where a fetched delivery is now. Reads only."""
        q = QueueKeys(info.broker_namespace, queue)
        alive, ours, payload = self.store.ask(
            lambda client: (
                client.pipeline(transaction=True)
                .zscore(self.keys.alive, info.id)
                .sismember(q.acks(info.broker_id), delivery)
                .hexists(q.msgs, delivery)
                .execute()
            )
        )
        return Fetched(alive is not None, bool(ours), bool(payload))

    def put_back(self, info: InstanceInfo, queue: str, delivery: str) -> bool:
        """fetched -> queue, for what was never started. False where it is no longer this instance's.

        If interrupted: still fetched, or back in its queue once.
        """
        q = QueueKeys(info.broker_namespace, queue)
        keys = [self.keys.alive, self.keys.owners, q.acks(info.broker_id), q.msgs, q.queue]
        return bool(self.store.run("put_back", keys, [info.id, delivery]))

    def defer(self, info: InstanceInfo, orphan: Orphan, seconds: float) -> bool:
        """fetched -> deferred. False where the delivery is no longer this instance's.

        If interrupted: still fetched, and deferred the next time it begins; or deferred.
        """
        k, q = self.keys, QueueKeys(info.broker_namespace, orphan.queue)
        keys = [k.alive, k.orphans, k.deferred, k.custody(orphan.message_id), q.acks(info.broker_id)]
        args = [info.id, orphan.delivery, orphan.dumps(), int(seconds * 1000), EACH, LONGEST]
        return bool(self.store.run("defer", keys, args))

    def hold(self, info: InstanceInfo, orphan: Orphan) -> bool:
        """fetched -> held. False where the delivery is no longer this instance's.

        If interrupted: still fetched, and held the next time it begins; or held.
        """
        k, q = self.keys, QueueKeys(info.broker_namespace, orphan.queue)
        keys = [
            k.alive, k.orphans, k.held, k.custody(orphan.message_id), k.job(orphan.message_id), q.acks(info.broker_id),
        ]  # fmt: skip
        return bool(self.store.run("hold", keys, [info.id, orphan.delivery, orphan.dumps()]))


def _answer(reply: list[bytes]) -> Answer:
    word = reply[0].decode()
    if word == "run":
        _, crashes, fence, started_at, last, observed = reply
        who = last.decode(errors="surrogateescape") or None
        return Answer(word, int(crashes), int(fence), int(started_at), who, observed=observed.decode())
    if word == "hold":
        return Answer(word, crashes=int(reply[1]))
    if word == "finished":
        return Answer(word, how=reply[1].decode())
    return Answer(word)
