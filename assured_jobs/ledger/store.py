"""The scripts, run on connections of our own, and one place that turns Redis errors into ours."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha1
from importlib.resources import files
from typing import Any, TypeVar
from uuid import uuid4

import redis

from ..errors import ForeignValue, LedgerRefused, LedgerUnreachable
from .connecting import client_of, derive_pool
from .keys import Keys

_FOLDER = files(__package__).joinpath("scripts")


def _load(name: str) -> str:
    """A script, with `--- include x` replaced by what `includes/x.lua` says."""
    text = _FOLDER.joinpath(name).read_text()
    return re.sub(r"^--- include (\w+)$", lambda line: _load(f"includes/{line[1]}.lua"), text, flags=re.MULTILINE)


SCRIPTS = {path.name.removesuffix(".lua"): _load(path.name) for path in _FOLDER.iterdir() if path.name.endswith(".lua")}
SHAS = {name: sha1(text.encode(), usedforsecurity=False).hexdigest() for name, text in SCRIPTS.items()}

T = TypeVar("T")

#: Further away than any time, in ms; up to here a float tells one from the next.
_FAR = 2**53

#: What a Redis says that it cannot serve now, but may soon.
_PASSING = (redis.exceptions.BusyLoadingError, redis.exceptions.TimeoutError, redis.exceptions.ConnectionError)


class Store:
    """One ledger namespace on one Redis, reached through connections of its own.

    Opening it connects to nothing; the first command does.
    """

    def __init__(self, client: redis.Redis, namespace: str, timeout: float) -> None:
        self._template = client.connection_pool
        self.timeout = timeout
        #: Told how long each round trip of a script took, in seconds; of several scripts in one, by the last name.
        self.on_round_trip: Callable[[str, float], None] = lambda _name, _seconds: None
        self.client = self.connect()
        self.db = int(self._template.connection_kwargs.get("db") or 0)
        self.keys = Keys(namespace, self.db)

    @classmethod
    def from_url(cls, url: str, namespace: str, timeout: float) -> Store:
        """Raises ConfigurationError, which does not show the URL."""
        return cls(client_of(url), namespace, timeout)

    def connect(self, *, single: bool = False, **changes: Any) -> Any:
        """A new client to the same server: `single` for one connection that is never exchanged unnoticed."""
        if single:
            changes["max_connections"] = 1
        return redis.Redis(connection_pool=derive_pool(self._template, self.timeout, **changes))

    def run(self, name: str, keys: Sequence[str], args: Sequence[Any], client: Any = None) -> Any:
        """Runs one script, loading it where the server does not know it yet.

        Raises:
            LedgerUnreachable, LedgerRefused, ForeignValue.
        """
        client = client or self.client
        with speaking_plainly(keys), self._timing(name):
            try:
                return client.evalsha(SHAS[name], len(keys), *keys, *args)
            except redis.exceptions.NoScriptError:
                return client.eval(SCRIPTS[name], len(keys), *keys, *args)

    def run_many(self, calls: Sequence[tuple[str, Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Runs several scripts in one round trip, each atomic by itself, in order. Raises as `run`."""
        if not calls:
            return []
        if len(calls) == 1:
            return [self.run(*calls[0])]
        with speaking_plainly([key for _, keys, _ in calls for key in keys]), self._timing(calls[-1][0]):
            pipe = self.client.pipeline(transaction=False)
            for name, keys, args in calls:
                pipe.evalsha(SHAS[name], len(keys), *keys, *args)
            replies = pipe.execute(raise_on_error=False)
            for at, (name, keys, args) in enumerate(calls):
                if isinstance(replies[at], redis.exceptions.NoScriptError):
                    replies[at] = self.client.eval(SCRIPTS[name], len(keys), *keys, *args)
                elif isinstance(replies[at], Exception):
                    raise replies[at]
            return list(replies)

    def ask(self, question: Callable[[Any], Any], *keys: str) -> Any:
        """Runs plain commands; `keys` are named where one of them is at fault. Raises as `run`."""
        with speaking_plainly(keys):
            return question(self.client)

    def ask_many(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Runs plain commands, each on the key it names first, a bounded number in a round trip. Raises as `run`."""
        replies: list[Any] = []
        for some in batches(commands):
            with speaking_plainly([*{str(command[1]) for command in some}]):
                replies += pipelined(self.client, some)
        return replies

    def publish(self, channel: str, word: str) -> None:
        self.ask(lambda client: client.publish(channel, word))

    @contextmanager
    def mark(self) -> Iterator[str]:
        """A key that exists for the length of the block, for whoever wants to know whether he sees the same server.

        If interrupted: gone after 10 seconds.
        """
        key = self.keys.probe(uuid4().hex)
        self.ask(lambda client: client.set(key, 1, ex=10))
        try:
            yield key
        finally:
            self.ask(lambda client: client.delete(key))

    @contextmanager
    def _timing(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.on_round_trip(name, time.perf_counter() - began)

    def close(self) -> None:
        self.client.connection_pool.disconnect()


def whole(score: float | bytes) -> int:
    """A score in ms. One that somebody else wrote may be no time at all, and endless."""
    return int(max(-_FAR, min(_FAR, float(score))))


def batches(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def pipelined(client: Any, commands: Sequence[tuple[Any, ...]], *, raise_on_error: bool = True) -> list[Any]:
    """Runs plain commands in one round trip. An error stands in its place where it is not raised."""
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return list(pipe.execute(raise_on_error=raise_on_error))


@contextmanager
def speaking_plainly(keys: Sequence[str]) -> Iterator[None]:
    """Turns what redis-py raises into this package's errors, naming the key where a key is at fault."""
    try:
        yield
    except _PASSING as error:
        raise LedgerUnreachable(f"{LedgerUnreachable.__doc__} ({error or type(error).__name__})") from error
    except redis.exceptions.ResponseError as error:
        if "WRONGTYPE" in str(error):
            raise ForeignValue(_name_the_key(str(error), keys)) from error
        raise LedgerRefused(f"{LedgerRefused.__doc__} ({error})") from error
    except redis.exceptions.RedisError as error:
        raise LedgerRefused(f"What answers there does not speak as Redis does. ({error})") from error


def _name_the_key(message: str, keys: Sequence[str]) -> str:
    ours = ", ".join(key for key in keys if key.startswith("{"))
    return f"{ForeignValue.__doc__} One of: {ours or 'unknown'}. ({message})"
