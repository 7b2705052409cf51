"""A master is killed, its replica takes over: the ledger finds it by itself, on every connection it has."""

from __future__ import annotations

import threading

import pytest

from assured_jobs.demo.server import free_port
from assured_jobs.errors import LedgerError, LedgerUnreachable
from assured_jobs.ledger import Ledger, Store
from assured_jobs.presence import Presence
from assured_jobs.vigil import Vigil
from sentinels import SERVICE, Sentinels, Watchman, until


def works(store: Store) -> bool:
    try:
        store.ask(lambda client: client.incr("turns"))
    except LedgerUnreachable:
        return False
    return True


@pytest.mark.parametrize("way", ["url", "client"])
def test_every_connection_of_the_ledger_finds_the_new_master(sentinels: Sentinels, way: str) -> None:
    store = Store.from_url(sentinels.url, "test", 2) if way == "url" else Store(sentinels.client(), "test", 2)
    ledger = Ledger(store)
    vigil = Vigil(ledger)
    presence = Presence(store, "web-1.1.a", on_change=lambda: None)
    presence.start()
    assert presence.ready.wait(20)
    before, _ = vigil.look()
    for turn in range(1, 101):
        assert store.ask(lambda client: client.incr("turns")) == turn
    old = sentinels.master

    sentinels.kill_master()

    until(lambda: works(store), "the ledger works again")
    assert sentinels.master is not old
    assert int(store.client.get("turns")) > 100
    until(lambda: _subscribers(store), "the presence listens to the new master")
    after, _ = vigil.look()
    assert after.run_id not in (before.run_id, "")
    presence.stop()
    vigil.close()
    ledger.close()


def _subscribers(store: Store) -> int:
    channel = store.keys.presence("web-1.1.a")
    return store.ask(lambda client: dict(client.pubsub_numsub(channel)))[channel.encode()]


def test_a_single_connection_outlives_sentinels_that_answer_late(server) -> None:
    """Some releases of redis-py count a connection that never came about: a pool of one stays empty for ever."""
    port = free_port()
    store = Store.from_url(f"redis+sentinel://127.0.0.1:{port}/{SERVICE}", "test", 2)
    vigil = Vigil(Ledger(store))
    for _ in range(3):
        with pytest.raises(LedgerUnreachable):
            vigil.look()
    watchman = Watchman(server, quorum=1, port=port)
    try:
        until(watchman.state, "the sentinel answers")
        seen, _ = vigil.look()
        assert seen.run_id
        assert store.connect(single=True).connection_pool.max_connections == 1
    finally:
        watchman.close()


def test_many_threads_that_ask_at_once_lose_no_sentinel(sentinels: Sentinels) -> None:
    sentinels.watchmen[0].close()
    store = Store.from_url(sentinels.url, "test", 2)
    failures: list[Exception] = []

    def ask() -> None:
        for _ in range(20):
            try:
                store.ask(lambda client: client.ping())
            except LedgerError as error:
                failures.append(error)
            store.client.connection_pool.disconnect(inuse_connections=False)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    known = store.client.connection_pool.sentinel_manager._ours.sentinels
    assert len({one.connection_pool.connection_kwargs["port"] for one in known}) == 3
    assert failures == []
