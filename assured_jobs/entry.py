"""The nouns: an instance, what it holds, what becomes of it. Frozen values, each with its flat codec.

Times are integer milliseconds of the store's clock, as Redis `TIME` tells it; durations are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .foreign import known, number, parse
from .signs import Signs

OnOrphan = Literal["requeue", "hold", "discard"]
RecoveryMode = Literal["act", "observe"]
Presence = Literal["there", "gone", "unknown"]
State = Literal["orphaned", "deferred", "held", "released", "discarded"]

#: The version of what this package writes into Redis. A reader takes its own version and the one before it.
LEDGER_VERSION = 1


@dataclass(frozen=True)
class Policy:
    """What an actor wants to happen when a worker dies with its job. `max_orphan_age` in seconds."""

    on_orphan: OnOrphan = "requeue"
    max_crashes: int = 3
    max_orphan_age: float = 86400.0


@dataclass(frozen=True)
class InstanceInfo:
    """How one incarnation of a worker process describes itself in the ledger.

    `shutdown_timeout` and `termination_grace_period` in seconds, None where they are not known; `has_hook` where its
    jobs want `before_hand_back` called before they come back. `cgroup` names the one it shares with its siblings.
    """

    id: str
    host: str
    pid: int
    broker_id: str
    broker_namespace: str
    queues: tuple[str, ...]
    assured: tuple[str, ...]
    encoder: str
    heartbeat_interval: float
    heartbeat_ttl: float
    presence_grace: float
    stall_ttl: float
    version: str
    ledger_version: int = LEDGER_VERSION
    shutdown_timeout: float | None = None
    termination_grace_period: float | None = None
    recovery: RecoveryMode = "act"
    has_hook: bool = False
    cgroup: str = ""

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str | bytes) -> InstanceInfo:
        """Raises ValueError, KeyError or TypeError where the text is not a description."""
        data = known(cls, parse(text))
        return cls(**{**data, "queues": tuple(data["queues"]), "assured": tuple(data["assured"])})


@dataclass(frozen=True)
class Entry:
    """What the ledger holds about one started job. `delivery` is Dramatiq's `redis_message_id`.

    `forward`: not a job, but a delayed message on its way from the delay queue into its queue.
    """

    delivery: str
    message_id: str
    actor: str
    queue: str
    policy: Policy = field(default_factory=Policy)
    forward: bool = False
    started_at: int = 0
    fence: int = 0
    suspect: bool = False

    def dumps(self) -> str:
        """Without `delivery`, which is the field's name, and what the store adds: see `loads`."""
        return json.dumps([self.message_id, self.actor, self.queue, self.forward, *asdict(self.policy).values()])

    @classmethod
    def loads(cls, delivery: str, raw: bytes) -> Entry:
        """Reads `<started ms> <fence> <token> <suspect> <JSON>`. Raises ValueError where it is something else."""
        started, fence, _token, suspect, text = raw.split(b" ", 4)
        told = parse(text)
        if not isinstance(told, list) or len(told) < len(_ENTRY):
            raise ValueError("expected a JSON list")
        job = dict(zip(_ENTRY[:4], told, strict=False))
        policy = dict(zip(_ENTRY[4:], told[4:], strict=False))
        more = {"started_at": number(started), "fence": number(fence), "suspect": suspect == b"1"}
        return cls(delivery, policy=Policy(**known(Policy, policy)), **known(cls, {**job, **more}))


#: What an entry's JSON holds, in this order: first of the job, then of its policy.
_ENTRY = ("message_id", "actor", "queue", "forward", "on_orphan", "max_crashes", "max_orphan_age")


@dataclass(frozen=True)
class Crash:
    """One death in a job's company: the evidence. Times in ms, durations in seconds.

    Nobody sees the instant of a death: it lies between `last_seen`, a heartbeat, and `died_at`, its declaration.
    `aboard`: some of the other jobs that ran there, as "<actor> <message id>". `uptime` and `rss`, in bytes, are the
    worker's at its last heartbeat; `exit_hint` is what killed it, where that can be known.
    """

    instance: str
    host: str
    cause: str
    died_at: int
    started_at: int
    last_seen: int
    ran_at_least: float
    ran_at_most: float
    charged_as: str
    aboard: tuple[str, ...] = ()
    uptime: float | None = None
    rss: int | None = None
    exit_hint: str = ""


@dataclass(frozen=True)
class Orphan:
    """One delivery that a dead instance held, or that waits for an operator.

    `reason_code` is `reason` for programs: see policy.ReasonCode. `since` is when it entered its state, `fence` the one
    its last start was given. `has_hook`: its worker wants `before_hand_back` called before it comes back.
    """

    delivery: str
    message_id: str
    actor: str
    queue: str
    broker_namespace: str
    instance: str
    state: State = "orphaned"
    reason: str = ""
    reason_code: str = ""
    crash_count: int = 0
    interrupted_count: int = 0
    started_at: int | None = None
    orphaned_at: int | None = None
    since: int | None = None
    fence: int = 0
    has_hook: bool = False
    crashes: tuple[Crash, ...] = ()

    def becomes(self, **changes: Any) -> Orphan:
        return replace(self, **changes)

    def dumps(self) -> str:
        """Without `since`, which the store adds."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "since"})

    @classmethod
    def loads(cls, raw: bytes) -> Orphan:
        """Reads `<since ms> <JSON>`. Raises ValueError, KeyError or TypeError where the bytes are something else."""
        since, text = raw.split(b" ", 1)
        told = parse(text)
        crashes = load_crashes(told.get("crashes", ())) if isinstance(told, dict) else ()
        return cls(**known(cls, {**told, "since": number(since), "crashes": crashes}))


@dataclass(frozen=True)
class ConfirmedOrphan(Orphan):
    """An orphan in our hands, which nobody can fetch: what `before_hand_back` is given.

    `args` and `kwargs` are None where its payload cannot be decoded.
    """

    args: tuple[Any, ...] | None = None
    kwargs: dict[str, Any] | None = None

    @classmethod
    def of(cls, orphan: Orphan, args: tuple[Any, ...] | None, kwargs: dict[str, Any] | None) -> ConfirmedOrphan:
        return cls(**{**orphan.__dict__, "args": args, "kwargs": kwargs})


def load_crashes(items: Iterable[Mapping[str, Any]]) -> tuple[Crash, ...]:
    """Raises ValueError or TypeError where one of them is something else."""
    crashes = (known(Crash, item) for item in items)
    return tuple(Crash(**{**crash, "aboard": tuple(crash.get("aboard", ()))}) for crash in crashes)


def dump_crashes(crashes: Iterable[Crash]) -> str:
    return json.dumps([asdict(crash) for crash in crashes])


@dataclass(frozen=True)
class Death:
    """A dead instance whose jobs are not all settled yet. `died_at` is its declaration; `now` when this was read.

    `suspects` are the deliveries of the suspects it ran: one, or several where an outage let them in. `signs` is what
    its last heartbeat said of it.
    """

    info: InstanceInfo
    died_at: int
    last_beat: int
    now: int
    draining: bool
    cause: str
    suspects: frozenset[str] = frozenset()
    signs: Signs = field(default_factory=Signs)

    @property
    def silent_for(self) -> float:
        """Seconds since its last sign of life."""
        return max(0, self.now - self.last_beat) / 1000


@dataclass(frozen=True)
class Vitals:
    """What a judge can see of one living instance at one moment. `age` of the last heartbeat in seconds."""

    info: InstanceInfo
    beat: int
    age: float
    presence: Presence
    draining: bool
    signs: Signs = field(default_factory=Signs)
    suspects: frozenset[str] = frozenset()
