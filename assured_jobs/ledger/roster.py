"""Everybody in the ledger as they describe themselves, and what Dramatiq knows of them. Reads alone, for a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..entry import InstanceInfo
from .keys import heartbeats
from .store import Store, batches, whole

#: At most this many of the living, and as many of the dead, are examined.
MOST = 10_000

#: The tombstones read, the latest first: a fleet that has gone home still tells its queues.
_TOMBSTONES = 100


@dataclass(frozen=True)
class Member:
    """One of the living. Times in ms; `native` is its broker's last command by its own clock, None if not known."""

    info: InstanceInfo
    beat: int
    native: int | None


@dataclass(frozen=True)
class Roster:
    """Everybody at one moment of the store. `undescribed`: (instance, "alive" or "dead", why)."""

    now: int
    living: tuple[Member, ...]
    dead: tuple[InstanceInfo, ...]
    buried: tuple[InstanceInfo, ...]
    undescribed: tuple[tuple[str, str, str], ...]

    @property
    def fresh(self) -> tuple[Member, ...]:
        """The living whose heartbeat is not missed."""
        return tuple(one for one in self.living if self.now - one.beat <= one.info.heartbeat_ttl * 1000)

    @property
    def living_brokers(self) -> set[str]:
        return {one.info.broker_id for one in self.living}

    @property
    def dead_brokers(self) -> set[str]:
        """A pass of ours looks after what these hold."""
        return {info.broker_id for info in self.dead}

    @property
    def queues(self) -> dict[str, set[str]]:
        """Broker namespace -> every queue anybody told of; Dramatiq's defaults where nobody told of any."""
        found: dict[str, set[str]] = {}
        for info in (*(one.info for one in self.living), *self.dead, *self.buried):
            found.setdefault(info.broker_namespace, set()).update(info.queues)
        return found or {"dramatiq": {"default", "default.DQ"}}


def read_roster(store: Store) -> Roster:
    """Raises LedgerError."""
    k = store.keys
    # The living first: whoever dies meanwhile is then seen alive, not nowhere.
    scored = store.ask(lambda client: client.zrange(k.alive, 0, MOST - 1, withscores=True), k.alive)
    dead = store.ask(lambda client: client.zrange(k.dead, 0, MOST - 1), k.dead)
    buried = store.ask(lambda client: client.zrevrange(k.buried, 0, _TOMBSTONES - 1), k.buried)
    seconds, micros = store.ask(lambda client: client.time())
    beats = {_text(id): whole(beat) for id, beat in scored}
    gone = [id for id in map(_text, dead) if id not in beats]
    stones = [id for id in map(_text, buried) if id not in beats]
    told = _describe(store, [*beats, *gone, *stones])
    alive = _described(beats, told)
    return Roster(
        now=seconds * 1000 + micros // 1000,
        living=tuple(
            Member(info, beats[info.id], native)
            for info, native in zip(alive, _native_beats(store, alive), strict=True)
        ),
        dead=tuple(_described(gone, told)),
        buried=tuple(_described(stones, told)),
        undescribed=tuple(
            (id, "alive" if id in beats else "dead", why) for id in (*beats, *gone) if isinstance(why := told[id], str)
        ),
    )


def _native_beats(store: Store, infos: Sequence[InstanceInfo]) -> list[int | None]:
    scores = store.ask_many([("ZSCORE", heartbeats(info.broker_namespace), info.broker_id) for info in infos])
    return [None if score is None else whole(score) for score in scores]


def _describe(store: Store, ids: list[str]) -> dict[str, InstanceInfo | str]:
    """Each one's description, or why there is none."""
    key = store.keys.instances
    found: dict[str, InstanceInfo | str] = {}
    for some in batches(ids):
        (rows,) = store.ask_many([("HMGET", key, *some)])
        found |= {id: _info(id, raw) for id, raw in zip(some, rows, strict=True)}
    return found


def _info(id: str, raw: bytes | None) -> InstanceInfo | str:
    if raw is None:
        return "missing"
    try:
        info = InstanceInfo.loads(raw)
    except (ValueError, TypeError, KeyError):
        return "unreadable"
    return info if info.id == id else "of another instance"


def _described(ids: Sequence[str] | dict[str, int], told: dict[str, InstanceInfo | str]) -> list[InstanceInfo]:
    return [info for id in ids if isinstance(info := told[id], InstanceInfo)]


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")
