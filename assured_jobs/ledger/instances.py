"""The living and the dead: register, beat, look, declare dead, resign, bury."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis

from ..entry import Death, InstanceInfo
from ..errors import ForeignValue
from ..signs import Signs
from ..telling import complain
from .keys import MEMORY, ROOM, QueueKeys
from .store import Store, pipelined, speaking_plainly, whole

#: A dead instance is buried no sooner, in ms: a fetch it sent before it knew may still arrive.
BURIAL_DELAY = 10_000


@dataclass(frozen=True)
class Seen:
    """One living instance, as the store sees it. Times in ms."""

    id: str
    beat: int
    seen_by: str
    draining: bool
    signs: Signs
    subscribers: int
    suspects: frozenset[str]


@dataclass(frozen=True)
class Look:
    """The whole fleet at one moment of the store. `connection` names the judge's own connection, `due` counts what
    waits no longer, `dead` the started jobs of each dead instance that are not settled."""

    now: int
    run_id: str
    uptime: float
    connection: int
    due: int
    living: tuple[Seen, ...]
    dead: dict[str, int]


class Instances:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys

    def register(self, info: InstanceInfo) -> bool:
        """(unknown) -> alive. False where a tombstone stands.

        If interrupted: registered or not; an instance that never beats again is found by its TTL.
        """
        k = self.keys
        reply = self.store.run("register", [k.alive, k.dead, k.buried, k.instances], [info.id, info.dumps()])
        return bool(reply == b"alive")

    def beat(
        self, info: InstanceInfo, *, presence: bool, draining: bool, signs: Signs | None = None
    ) -> tuple[str, str, int]:
        """alive -> alive. Returns what the script says, the run_id that saw the presence, or "-", and how many
        deliveries it has fetched and not acked.

        If interrupted: the heartbeat counts or does not.
        """
        k = self.keys
        channel = k.presence(info.id) if presence else ""
        keys = [k.alive, k.dead, k.buried, k.vitals, k.instances, *ack_sets(info)]
        reply = self.store.run("beat", keys, [info.id, channel, int(draining), (signs or Signs()).dumps()])
        word, seen_by, fetched = [*(word.decode() for word in reply), "-", "0"][:3]
        return word, seen_by, int(fetched)

    def look(self, client: Any) -> Look:
        """Reads the fleet through `client`, whose one connection the judge watches. Writes nothing."""
        k = self.keys
        keys = [k.alive, k.dead, k.vitals, k.deferred, k.released, k.owners, k.observed]
        with speaking_plainly(keys):
            try:
                connection = int(client.client_id())
            except redis.exceptions.ResponseError:  # an ACL, a proxy, a managed service: no absence is believed then
                connection = -1
        now, run_id, uptime, due, living, dead = self.store.run(
            "look", keys, [k.presence_prefix, k.entries(""), k.suspects("")], client
        )
        return Look(
            now=int(now),
            run_id=run_id.decode(),
            uptime=float(uptime),
            connection=connection,
            due=int(due),
            living=tuple(_seen(*living[at : at + 5]) for at in range(0, len(living), 5)),
            dead={dead[at].decode(errors="surrogateescape"): int(dead[at + 1]) for at in range(0, len(dead), 2)},
        )

    def describe(self, ids: list[str]) -> dict[str, InstanceInfo]:
        """The descriptions of those instances that have a readable one; an unreadable one is complained about."""
        if not ids:
            return {}
        raw = self.store.ask(lambda client: client.hmget(self.keys.instances, ids), self.keys.instances)
        found = {}
        for id, text in zip(ids, raw, strict=True):
            if text is not None:
                try:
                    found[id] = InstanceInfo.loads(text)
                except (ValueError, TypeError, KeyError):
                    complain(
                        f"{ForeignValue.__doc__} Expected the description of instance {id!r} in the hash "
                        f"{self.keys.instances}, got {text[:80]!r}: nobody can tell whether it lives or what it held."
                    )
        return found

    def declare_dead(
        self,
        info: InstanceInfo,
        *,
        beat: int,
        older_than: float,
        absent: bool,
        draining: bool,
        cause: str,
        observe: bool = False,
    ) -> int:
        """alive -> dead, where the judgement still holds. Returns the time of death in ms, or 0.

        `observe`: it stays alive, and it is written down once that it would be dead.
        If interrupted: dead or not; a dead instance stays on the list until its jobs are settled.
        """
        k = self.keys
        channel = k.presence(info.id) if absent else ""
        keys = [k.alive, k.dead, k.deaths, k.vitals, k.observed, k.entries(info.id), k.suspects(info.id), k.owners]
        args: list[str | int] = [info.id, beat, int(older_than * 1000), channel, int(draining), cause]
        args.append("observe" if observe else "")
        died_at = self.store.run("declare_dead", keys, args)
        if died_at and not observe:
            self.store.publish(k.presence(info.id), "fenced")
        return int(died_at)

    def tick(self, instance: str) -> None:
        """Says that this instance has looked after everybody. If interrupted: said, or said a second later."""
        self.store.run("tick", [self.keys.tick], [instance, self.keys.ticks])

    def deaths(self, ids: list[str]) -> list[Death]:
        """What is known of those dead; an instance without a description is left out, and its broker's
        own maintenance cares for it."""
        k = self.keys
        infos = self.describe(ids)
        if not infos:
            return []
        known = list(infos)
        questions = [("TIME",), ("HMGET", k.deaths, *known)]
        questions += [("SMEMBERS", k.suspects(id)) for id in known]
        questions += [("ZSCORE", k.dead, id) for id in known]
        (seconds, micros), told, *answers = self.store.ask(lambda client: pipelined(client, questions))
        now = seconds * 1000 + micros // 1000
        found = []
        suspects, scores = answers[: len(known)], answers[len(known) :]
        for id, text, ran, died_at in zip(known, told, suspects, scores, strict=True):
            if died_at is not None:
                last_beat, draining, cause, signs = _told(text) or (str(whole(died_at)), "0", "unknown", "")
                found.append(
                    Death(
                        infos[id], whole(died_at), int(last_beat), now, draining == "1", cause,
                        _deliveries(ran), Signs.loads(signs),
                    )
                )  # fmt: skip
        return found

    def resign(self, info: InstanceInfo) -> bool:
        """alive -> buried, with empty hands only. False where something is still held.

        If interrupted: alive until its TTL, or gone; nothing was held either way.
        """
        k = self.keys
        keys = [
            k.alive,
            k.buried,
            k.deaths,
            k.vitals,
            k.entries(info.id),
            k.observed,
            k.suspects(info.id),
            *ack_sets(info),
        ]
        return bool(self.store.run("resign", keys, [info.id]) != 0)

    def bury(self, info: InstanceInfo) -> bool:
        """dead -> buried, once nothing is owed to it. If interrupted: the next pass buries it."""
        k = self.keys
        keys = [k.dead, k.buried, k.entries(info.id), k.suspects(info.id), *ack_sets(info)]
        return bool(self.store.run("bury", keys, [info.id, BURIAL_DELAY]))

    def reopen(self, instance: str) -> bool:
        """buried -> dead, for one last look through its ack sets. If interrupted: as it was, or reopened."""
        return bool(self.store.run("reopen", [self.keys.dead, self.keys.buried], [instance]))

    def forget(self) -> int:
        """Drops the oldest memories, a bounded number. If interrupted: the next pass goes on."""
        k = self.keys
        keys = [k.buried, k.discarded, k.instances, k.deaths, k.orphans]
        return int(self.store.run("forget", keys, [MEMORY * 1000, 500, ROOM]))


def _seen(id: bytes, beat: bytes, vitals: bytes, subscribers: bytes, suspects: list[bytes]) -> Seen:
    seen_by, draining, signs = [*vitals.decode(errors="replace").split(" ", 2), "", ""][:3]
    name, last = id.decode(errors="surrogateescape"), whole(beat)
    return Seen(name, last, seen_by, draining == "1", Signs.loads(signs), int(subscribers), _deliveries(suspects))


def _deliveries(raw: Iterable[bytes]) -> frozenset[str]:
    return frozenset(one.decode(errors="surrogateescape") for one in raw)


def _told(text: bytes | None) -> tuple[str, str, str, str] | None:
    """What declare_dead wrote, or None where it is missing or not ours."""
    match = re.fullmatch(rb"(\d{1,16}) ([01]) ([^\n]*)\n?(.*)", text or b"")
    if match is None:
        return None
    last_beat, draining, cause, signs = (part.decode(errors="replace") for part in match.groups())
    return last_beat, draining, cause, signs


def ack_sets(info: InstanceInfo) -> list[str]:
    return [QueueKeys(info.broker_namespace, queue).acks(info.broker_id) for queue in info.queues]
