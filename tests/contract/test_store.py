"""The way into Redis: any kind of address, one timeout, errors that name what is wrong."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import redis

from assured_jobs.demo.server import Server, free_port
from assured_jobs.entry import InstanceInfo
from assured_jobs.errors import ForeignValue, LedgerRefused, LedgerUnreachable
from assured_jobs.ledger import Ledger, Store

SOMEBODY = InstanceInfo("x", "here", 1, "b", "dramatiq", ("default",), (), "JSONEncoder", 15, 45, 3, 180, "0")


@pytest.fixture
def unix_server():
    server = Server()
    server.extra = ["--unixsocket", str(server.folder / "socket")]
    server.start()
    yield server
    server.close()


def test_a_unix_socket_serves_as_well(unix_server) -> None:
    path = unix_server.folder / "socket"
    for store in (
        Store(redis.Redis(unix_socket_path=str(path)), "test", 2),
        Store.from_url(f"unix://{path}?db=3", "test", 2),
    ):
        assert Ledger(store).custody.due() == []
        assert store.connect(single=True, socket_keepalive=True).ping()
    assert Store.from_url(f"unix://{path}?db=3", "test", 2).db == 3


def test_the_brokers_own_options_are_kept(server) -> None:
    client = redis.Redis(port=server.port, db=5, client_name="shop", decode_responses=True, socket_timeout=77)
    options = Store(client, "test", 2).client.connection_pool.connection_kwargs
    assert (options["db"], options["client_name"], options["socket_timeout"]) == (5, "shop", 2)
    assert options["decode_responses"] is False


def test_a_server_that_is_not_there_is_said_so_at_once() -> None:
    store = Store.from_url(f"redis://127.0.0.1:{free_port()}/0", "test", 2)
    with pytest.raises(LedgerUnreachable, match="check that it runs, and the address"):
        Ledger(store).custody.due()


def test_a_server_that_never_answers_costs_one_timeout_and_one_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tries = []

        def accept() -> None:
            while True:
                try:
                    tries.append(listener.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        store = Store.from_url(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", "test", 0.2)
        before = time.monotonic()
        with pytest.raises(LedgerUnreachable):
            store.ask(lambda client: client.get("x"))
        assert len(tries) == 1
        assert time.monotonic() - before < 5
        for connection, _ in tries:
            connection.close()


def test_a_refusal_is_not_an_outage(server) -> None:
    store = Store.from_url(server.url, "test", 2)
    with pytest.raises(LedgerRefused, match="unknown command"):
        store.ask(lambda client: client.execute_command("NOSUCH"))


def test_a_foreign_value_names_our_keys(server) -> None:
    store = Store.from_url(server.url, "test", 2)
    store.client.set(store.keys.alive, "theirs")
    with pytest.raises(ForeignValue, match=r"One of: \{test\}:alive"):
        Ledger(store).instances.beat(SOMEBODY, presence=False, draining=False)


def test_scripts_survive_a_server_that_forgot_them(server) -> None:
    ledger = Ledger(Store.from_url(server.url, "test", 2))
    for _ in range(2):
        assert ledger.instances.beat(SOMEBODY, presence=False, draining=False)[0] == "unknown"
        ledger.store.client.script_flush()


def test_tick_channels_of_two_databases_differ(server) -> None:
    urls = [f"redis://127.0.0.1:{server.port}/{db}" for db in (0, 1)]
    first, second = (Store.from_url(url, "test", 2).keys.ticks for url in urls)
    assert first != second
