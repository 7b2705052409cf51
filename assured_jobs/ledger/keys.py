"""Every key the ledger uses, and every key of Dramatiq's it touches, spelled in this module alone.

All of ours begin with `{<namespace>}`. Bounds: *fleet* = living and recently dead instances, *flight* = jobs running
now, *custody* = jobs waiting for time or for a person.

| key                | type   | holds                                            | bound, lifetime                   |
|--------------------|--------|--------------------------------------------------|-----------------------------------|
| alive              | ZSET   | instance -> last heartbeat                       | fleet; until dead or stopped      |
| dead               | ZSET   | instance -> died at; its jobs not all settled    | fleet; until buried               |
| buried             | ZSET   | instance -> buried at: the tombstones            | fleet; MEMORY                     |
| instances          | HASH   | instance -> description                          | fleet; with its tombstone         |
| deaths             | HASH   | instance -> last heartbeat, draining, cause      | fleet; with its tombstone         |
| vitals             | HASH   | instance -> server that saw its presence, draining | fleet; until dead or stopped      |
| entries:<instance> | HASH   | delivery -> entry                                | flight; until finished or settled |
| suspects:<instance> | SET   | deliveries of suspects it runs, or died running  | flight; until finished or buried  |
| owners             | HASH   | delivery -> instance, token, ack set             | flight; with the entry            |
| successors         | HASH   | delivery -> where its retry went                 | flight; with the entry            |
| job:<message>      | HASH   | crashes, suspicions, interrupted, limit, history | crashed jobs; success or MEMORY   |
| done:<delivery>    | STRING | how it ended, where its payload outlived its ack | contested jobs; MEMORY            |
| fence              | STRING | the last fence given out                         | one                               |
| deferred           | ZSET   | delivery -> due at                               | custody; until due                |
| held               | ZSET   | delivery -> held at                              | custody; until a person decides   |
| released           | ZSET   | delivery -> released at                          | custody; until the next tick      |
| discarded          | ZSET   | delivery -> discarded at                         | ROOM; MEMORY                      |
| orphans            | HASH   | delivery -> since when, and what operators see   | custody and discarded             |
| custody:<message>  | SET    | deliveries in custody of one message id          | custody                           |
| probe:<nonce>      | STRING | whether the broker sees the same server          | one at boot; 10 s                 |
| lease              | STRING | instance that may run passes                     | one; recovery_lock_ttl            |
| turn               | STRING | when the next orphan may come back, at a rate    | one; until it has passed          |
| tick               | STRING | when the watcher last looked, and who it was     | one                               |
| observed           | ZSET   | instance -> seen dead at, where only observed    | fleet; until it lives, or is empty |
| events             | STREAM | what happened: action, fact                      | ROOM                              |
| run:<nonce>        | HASH   | an operator's word about many jobs, step by step | one for each such word; a day     |
"""

from __future__ import annotations

from dataclasses import dataclass

#: How long the dead, the crash counts and the done markers are remembered, in seconds: as long as Dramatiq lets
#: a message be delayed, so that whatever can still come back meets its own past.
MEMORY = 7 * 86400

#: How many tombstones, discarded jobs and events are remembered at most.
ROOM = 10_000


class Keys:
    """The ledger's own keys and channels under one namespace."""

    def __init__(self, namespace: str, db: int = 0) -> None:
        self.namespace = namespace
        prefix = self._prefix = f"{{{namespace}}}:"
        self.alive = prefix + "alive"
        self.dead = prefix + "dead"
        self.buried = prefix + "buried"
        self.instances = prefix + "instances"
        self.deaths = prefix + "deaths"
        self.vitals = prefix + "vitals"
        self.owners = prefix + "owners"
        self.successors = prefix + "successors"
        self.fence = prefix + "fence"
        self.deferred = prefix + "deferred"
        self.held = prefix + "held"
        self.released = prefix + "released"
        self.discarded = prefix + "discarded"
        self.orphans = prefix + "orphans"
        self.lease = prefix + "lease"
        self.turn = prefix + "turn"
        self.tick = prefix + "tick"
        self.observed = prefix + "observed"
        self.events = prefix + "events"
        self.presence_prefix = prefix + "presence:"
        # Redis shares channels between its databases: a watcher of another one must not count as ours.
        self.ticks = f"{prefix}ticks:{db}"

    def entries(self, instance: str) -> str:
        return f"{self._prefix}entries:{instance}"

    def suspects(self, instance: str) -> str:
        return f"{self._prefix}suspects:{instance}"

    def job(self, message_id: str) -> str:
        return f"{self._prefix}job:{message_id}"

    def done(self, delivery: str) -> str:
        return f"{self._prefix}done:{delivery}"

    def custody(self, message_id: str) -> str:
        return f"{self._prefix}custody:{message_id}"

    def probe(self, nonce: str) -> str:
        return f"{self._prefix}probe:{nonce}"

    def run(self, nonce: str) -> str:
        return f"{self._prefix}run:{nonce}"

    def presence(self, instance: str) -> str:
        return self.presence_prefix + instance


def heartbeats(namespace: str) -> str:
    """Dramatiq's ZSET of broker id -> last command, in ms of that broker's own clock."""
    return f"{namespace}:__heartbeats__"


@dataclass(frozen=True)
class QueueKeys:
    """Dramatiq's keys for one queue. `.DQ` queues dead-letter into their canonical queue's `.XQ`."""

    namespace: str
    name: str

    @property
    def queue(self) -> str:
        return f"{self.namespace}:{self.name}"

    @property
    def msgs(self) -> str:
        return f"{self.namespace}:{self.name}.msgs"

    @property
    def xq(self) -> str:
        return f"{self.namespace}:{self.name.removesuffix('.DQ')}.XQ"

    @property
    def xq_msgs(self) -> str:
        return self.xq + ".msgs"

    def acks(self, broker_id: str) -> str:
        return f"{self.namespace}:__acks__.{broker_id}.{self.name}"
