"""What nobody here would write: bytes, JSON and types of all kinds, put under our keys, and taken away again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from assured_jobs.ledger.keys import Keys

#: So many at random; without it, always the same few.
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))

#: Also lone halves of surrogate pairs, which JSON can carry and UTF-8 cannot.
TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(["\ud800", "\udc80x"])

#: What one reader takes for a number, and another one does not.
NUMBERS = ("inf", "-inf", "nan", "05", "+5", " 5", "1_000", "1e300", "-1", "1.5", "0x10", "\u0663", str(2**63 - 1), "")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from([10**400, 2**53]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)

BYTES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(NUMBERS).map(str.encode),
    JSON.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: b"1 " + json.dumps(value).encode()),
    JSON.map(lambda value: b"1 2 token 0 " + json.dumps(value).encode()),
    st.sampled_from([b"[" * 5000, b"1 " + b'{"a": ' * 2000, b"1" * 5000, b"1 " + b"9" * 5000, b"begun", b"- - - -"]),
)

SCORES = st.one_of(st.floats(allow_nan=False), st.integers(-(2**53), 2**53))

#: The type of what each kind of key holds.
KINDS = {
    "alive": "zset", "dead": "zset", "buried": "zset", "instances": "hash", "deaths": "hash", "vitals": "hash",
    "entries": "hash", "owners": "hash", "successors": "hash", "suspects": "set", "job": "hash", "done": "string",
    "fence": "string", "deferred": "zset", "held": "zset", "released": "zset", "discarded": "zset", "orphans": "hash",
    "custody": "set", "probe": "string", "lease": "string", "turn": "string", "tick": "string", "observed": "zset",
    "events": "stream", "run": "hash",
}  # fmt: skip


def fuzzing(examples: int, **more: Any) -> settings:
    """`EXAMPLES` at random; without it always the same, so that whoever runs the tests sees what others saw."""
    return settings(
        max_examples=EXAMPLES or examples, derandomize=not EXAMPLES, print_blob=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck), phases=[p for p in Phase if p is not Phase.explain], **more,
    )  # fmt: skip


@dataclass(frozen=True)
class Garbage:
    """What is put under one key. `name` is one of KINDS, `at` says which of several such keys, or members, is meant.

    `how`: `foreign` is another type in place of ours; `member` one more in ours, or another value for one that is
    there; `nudge` another type for one thing inside the JSON that is there.
    """

    name: str
    how: str
    at: int
    kind: str
    values: tuple[bytes, ...]
    score: float
    json: Any

    def put(self, client: redis.Redis, key: str) -> Callable[[], None]:
        """Returns what takes it away again, where it is still there."""
        if KINDS[self.name] == "string" or (self.how == "foreign" and self.kind != KINDS[self.name]):
            return self._replace(client, key)
        if KINDS[self.name] == "hash":
            return self._hash(client, key)
        [value, *_] = self.values
        if KINDS[self.name] == "zset":
            before = client.zscore(key, value)
            client.zadd(key, {value: self.score})
            return (lambda: client.zrem(key, value)) if before is None else (lambda: client.zadd(key, {value: before}))
        if KINDS[self.name] == "set":
            client.sadd(key, value)
            return lambda: client.srem(key, value)
        id = client.xadd(key, {self.values[-1]: value, b"action": b"InstanceDied", b"fact": value})
        return lambda: client.xdel(key, id)

    def _replace(self, client: redis.Redis, key: str) -> Callable[[], None]:
        before = client.dump(key)
        client.delete(key)
        kind = "string" if self.how != "foreign" else self.kind
        value = self.values[0]
        {
            "string": lambda: client.set(key, value),
            "list": lambda: client.rpush(key, *self.values),
            "set": lambda: client.sadd(key, *self.values),
            "zset": lambda: client.zadd(key, dict.fromkeys(self.values, self.score)),
            "hash": lambda: client.hset(key, mapping=dict.fromkeys(self.values, value)),
            "stream": lambda: client.xadd(key, {value: value}),
        }[kind]()
        there = client.dump(key)

        def undo() -> None:
            if client.dump(key) == there:
                client.delete(key)
                if before is not None:
                    client.restore(key, 0, before)

        return undo

    def _hash(self, client: redis.Redis, key: str) -> Callable[[], None]:
        fields = sorted(client.hkeys(key))
        field = (fields or self.values)[self.at % len(fields or self.values)]
        before = client.hget(key, field)
        value = self.values[0]
        if self.how == "member" and self.at % 3 == 0:
            field, before = self.values[-1], client.hget(key, self.values[-1])
        elif self.how == "nudge" and before is not None:
            value = nudged(before, self.at, self.json)
        client.hset(key, field, value)

        def undo() -> None:
            if client.hget(key, field) == value:
                client.hdel(key, field)
                if before is not None:
                    client.hset(key, field, before)

        return undo


def nudged(raw: bytes, at: int, value: Any) -> bytes:
    """One thing inside it becomes a value of another type: a wrong one that looks right would be a lie, no garbage."""
    start = min((raw.index(mark) for mark in (b"{", b"[") if mark in raw), default=None)
    if start is None:
        return json.dumps(value).encode()
    told = json.loads(raw[start:])
    names = sorted(told) if isinstance(told, dict) else [*range(len(told))]
    if not names:
        return raw[:start] + json.dumps([value]).encode()
    name = names[at % len(names)]
    if isinstance(told[name], str) and isinstance(value, str):
        value = [value]
    told[name] = value
    return raw[:start] + json.dumps(told).encode()


GARBAGE = st.builds(
    Garbage,
    name=st.sampled_from(sorted(KINDS)),
    how=st.sampled_from(["foreign", "member", "nudge", "nudge"]),
    at=st.integers(0, 30),
    kind=st.sampled_from(["string", "list", "set", "zset", "hash", "stream"]),
    values=st.lists(BYTES, min_size=1, max_size=3, unique=True).map(tuple),
    score=SCORES,
    json=JSON,
)

GARBAGES = st.lists(GARBAGE, min_size=1, max_size=3, unique_by=lambda one: one.name)


def names_of_keys() -> set[str]:
    """Of every key that the ledger can spell, its channels apart."""
    fixed = {name for name in vars(Keys("x")) if not name.startswith("_")}
    made = {name for name, it in vars(Keys).items() if callable(it) and not name.startswith("_")}
    return (fixed | made) - {"namespace", "presence", "presence_prefix", "ticks"}
