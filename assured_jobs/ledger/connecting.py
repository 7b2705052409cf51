"""The way into Redis: from a URL to a client, and from any client to connections of our own.

redis-py retries ten times by default, and one command was seen to run twice. Here nothing is retried and
everything has a timeout: a caller that must not wait knows after one timeout, and decides.
"""

from __future__ import annotations

import codecs
import copy
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

import redis
from redis.backoff import NoBackoff
from redis.connection import URL_QUERY_ARGUMENT_PARSERS, to_bool
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

from ..address import Address
from ..errors import ConfigurationError
from ..settings import variable

_SENTINEL = "sentinel_"


def _any_text(error: UnicodeError) -> tuple[str | bytes, int]:
    """As `surrogateescape`, and what that refuses as `surrogatepass`: JSON carries halves of characters into names."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.lookup_error("surrogatepass")(error)


_ANY_TEXT = "assured_jobs.any_text"
codecs.register_error(_ANY_TEXT, _any_text)


def client_of(url: str) -> Any:
    """A client that connects when it is first used.

    Raises ConfigurationError where the URL is not understood in every part; it says what is expected, never the URL.
    """
    try:
        address = Address.parse(url)
    except ValueError as error:
        raise _refusal(str(error)) from None
    try:
        client = _through_sentinels(address) if address.service else redis.Redis.from_url(url)
        client.connection_pool.make_connection()  # connects to nothing, and knows every option
    except (ValueError, TypeError, redis.RedisError):
        raise _refusal("after the ? only options that redis-py knows, with values of their kind") from None
    return client


def _refusal(words: str) -> ConfigurationError:
    return ConfigurationError([f"{variable('redis_url')}: expected {words}, got a value that is not shown"])


def _through_sentinels(address: Address) -> Any:
    """TLS holds for the sentinels as for the Redis they name, unless an option of their own says otherwise."""
    mine = _typed((name, value) for name, value in address.options if not name.startswith(_SENTINEL))
    own = ((name.removeprefix(_SENTINEL), value) for name, value in address.options if name.startswith(_SENTINEL))
    tls = {name: value for name, value in mine.items() if name.startswith("ssl")}
    sentinel = Sentinel(address.sentinels, sentinel_kwargs={**tls, **_typed(own)})
    db = {} if address.db is None else {"db": address.db}
    return sentinel.master_for(address.service, **{**db, **address.credentials, **mine})


def _typed(options: Iterable[tuple[str, str]]) -> dict[str, Any]:
    parsers: dict[str, Any] = {**URL_QUERY_ARGUMENT_PARSERS, "ssl": to_bool}
    return {name: parsers.get(name, str)(unquote_plus(value)) for name, value in options}


def derive_pool(pool: Any, timeout: float, **changes: Any) -> redis.ConnectionPool:
    """A pool to the same server as `pool`, by the same kind of way, with our timeouts and no blind retries."""
    options = dict(pool.connection_kwargs)
    options.pop("retry_on_error", None)
    options.pop("connection_pool", None)  # of a sentinel's pool: that pool itself
    if "path" in options:  # a unix socket knows neither
        changes.pop("socket_keepalive", None)
    else:
        options["socket_connect_timeout"] = timeout
    options.update(
        connection_class=pool.connection_class,
        socket_timeout=timeout,
        retry_on_timeout=False,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
        encoding="utf-8",
        encoding_errors=_ANY_TEXT,  # ids that other programs wrote come back as they were
        health_check_interval=0,
        **changes,
    )
    kind: Any = redis.ConnectionPool
    if isinstance(pool, SentinelConnectionPool):
        kind = _MastersPool
        options.update(
            service_name=pool.service_name,
            sentinel_manager=_Sentinels(pool.sentinel_manager, timeout),
            is_master=pool.is_master,
            check_connection=pool.check_connection,
        )
    ours: redis.ConnectionPool = kind(**options)
    return ours


class _MastersPool(SentinelConnectionPool):
    """Asks the sentinels whenever it connects: after a failover it finds the new master."""

    def owns_connection(self, connection: Any) -> bool:
        """Keeps the connection to a former master, closed: it connects to the new one when it is next used.

        Some releases of redis-py drop it and count it all the same: a pool of one is then empty for ever.
        """
        if self.is_master and self.master_address != (connection.host, connection.port):
            connection.disconnect()
        return bool(redis.ConnectionPool.owns_connection(self, connection))


class _Sentinels:
    """The same sentinels within our timeout, asked by one thread at a time.

    redis-py moves the one that answered to the front of its list; two threads that do so at once can lose one.
    """

    def __init__(self, theirs: Any, timeout: float) -> None:
        self._ours = copy.copy(theirs)
        self._ours.sentinels = [_client(derive_pool(one.connection_pool, timeout)) for one in theirs.sentinels]
        self._asking = threading.Lock()

    def discover_master(self, service: str) -> Any:
        """Raises MasterNotFoundError, in words without redis-py's picture of each client: it may show passwords."""
        try:
            with self._asking:
                return self._ours.discover_master(service)
        except MasterNotFoundError:
            found = (one.connection_pool.connection_kwargs for one in self._ours.sentinels)
            where = ", ".join(f"{one['host']}:{one['port']}" for one in found)
            raise MasterNotFoundError(f"no sentinel of {where} names a master for {service!r}") from None

    def discover_slaves(self, service: str) -> Any:
        with self._asking:
            return self._ours.discover_slaves(service)


def _client(pool: redis.ConnectionPool) -> redis.Redis:
    return redis.Redis(connection_pool=pool)
