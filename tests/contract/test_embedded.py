"""The middleware in a `Worker(broker)` of the test's own process: what a job may ask, and how a worker leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, SkipMessage, TimeLimitExceeded

from assured_jobs import AssuredJobs, OwnershipLost, current_job
from assured_jobs.entry import Entry
from assured_jobs.errors import LedgerUnreachable
from assured_jobs.ledger import Ledger, Store
from assured_jobs.ledger.deliveries import Deliveries
from assured_jobs.recovery import Recovery
from inside import Inside

QUICK = {"heartbeat_interval": 0.5, "heartbeat_ttl": 3, "presence_grace": 0.7, "stall_ttl": 4}


def wait(condition: Callable[[], object], what: str) -> None:
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline, f"waited in vain until {what}"
        sleep(0.01)


@pytest.fixture
def client(server) -> redis.Redis:
    return redis.Redis.from_url(server.url)


@pytest.fixture
def ledger(client) -> Ledger:
    return Ledger(Store(client, "assured_jobs", 5))


@pytest.fixture
def broker(server):
    broker = RedisBroker(url=server.url)
    broker.add_middleware(AsyncIO())
    broker.add_middleware(AssuredJobs(**QUICK))
    return broker


@pytest.fixture
def start(broker):
    workers = []

    def make(threads: int = 2) -> dramatiq.Worker:
        worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=100)
        worker.start()
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        worker.stop(timeout=2000)


def _alive(client: redis.Redis, ledger: Ledger) -> list[bytes]:
    return client.zrange(ledger.keys.alive, 0, -1)


def test_a_job_knows_itself_and_so_does_an_async_one(broker, start) -> None:
    seen = {}

    @dramatiq.actor(broker=broker, assured=True)
    def plain() -> None:
        seen["plain"] = current_job()
        current_job().ensure_owned()

    @dramatiq.actor(broker=broker, assured=True)
    async def later() -> None:
        seen["async"] = current_job()

    @dramatiq.actor(broker=broker)
    def unassured() -> None:
        seen["unassured"] = current_job()

    start()
    ids = {"plain": plain.send().message_id, "async": later.send().message_id}
    unassured.send()
    wait(lambda: len(seen) == 3, "all three ran")
    assert {name: seen[name].message_id for name in ids} == ids
    assert seen["plain"].fence != seen["async"].fence
    assert seen["plain"].crash_count == 0
    assert seen["plain"].recovered_from is None
    assert seen["unassured"] is None
    assert current_job() is None


def test_fences_grow_with_every_start(broker, start) -> None:
    fences = []
    actor = dramatiq.actor(lambda: fences.append(current_job().fence), actor_name="fenced", broker=broker, assured=True)
    start()
    for _ in range(20):
        actor.send()
    wait(lambda: len(fences) == 20, "20 ran")
    assert len(set(fences)) == 20


def test_a_job_of_a_declared_dead_worker_learns_it_and_enqueues_nothing(server, client, ledger) -> None:
    learned = []
    broker = RedisBroker(url=server.url)
    broker.add_middleware(AssuredJobs(heartbeat_interval=20))

    @dramatiq.actor(broker=broker, assured=True)
    def child() -> None:
        learned.append("child ran")

    @dramatiq.actor(broker=broker, assured=True, max_retries=0)
    def parent() -> None:
        if current_job().crash_count:
            return
        with suppress(OwnershipLost):
            while True:
                sleep(0.01)
        for ask in (current_job().ensure_owned, child.send):
            try:
                ask()
            except OwnershipLost as error:
                learned.append(type(error).__name__)

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    try:
        parent.send()
        wait(lambda: client.hlen(ledger.keys.owners) == 1, "the job runs")
        _declare_dead(client, ledger)
        wait(lambda: len(learned) == 2, "it learned")
        assert learned == ["OwnershipLost", "NotOurs"]
        wait(lambda: client.hlen("dramatiq:default.msgs") == 0, "the job ran again under the new name")
        assert "child ran" not in learned
    finally:
        worker.stop()


def _declare_dead(client: redis.Redis, ledger: Ledger) -> str:
    [raw] = _alive(client, ledger)
    info = ledger.instances.describe([raw.decode()])[raw.decode()]
    died = 0
    while not died:  # a heartbeat in between annuls it
        beat = int(client.zscore(ledger.keys.alive, raw))
        died = ledger.instances.declare_dead(
            info, beat=beat, older_than=0, absent=False, draining=False, cause="a test said so"
        )
    return info.id


def _bury_quietly(client: redis.Redis, ledger: Ledger, where: str, *more: tuple) -> str:
    """Dead, and nobody tells it: it learns when it asks."""
    [raw] = _alive(client, ledger)
    pipe = client.pipeline(transaction=True)
    pipe.zrem(ledger.keys.alive, raw)
    pipe.zadd(getattr(ledger.keys, where), {raw: 1})
    for command in more:
        pipe.execute_command(*command)
    pipe.execute()
    return raw.decode()


def test_what_a_fenced_worker_refuses_is_not_acked_away_before_recovery_comes(server, client, ledger) -> None:
    gate, ran = threading.Event(), []
    broker = RedisBroker(url=server.url)
    broker.add_middleware(AssuredJobs(watch=False, delayed_recovery_count=0, heartbeat_interval=20))
    first = dramatiq.actor(lambda: gate.wait(20) and None, actor_name="first", broker=broker, assured=True)
    second = dramatiq.actor(ran.append, actor_name="second", broker=broker, assured=True)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    try:
        first.send()
        wait(lambda: client.hlen(ledger.keys.owners) == 1, "the first runs")
        second.send("ran")
        wait(lambda: worker.work_queue.qsize() == 1, "the second is prefetched")
        dead = _bury_quietly(client, ledger, "dead")
        gate.set()
        wait(lambda: worker.work_queue.unfinished_tasks == 0, "the second came to its turn")
        # Until it knows that it is dead, it may fetch under its old name once more: then another pass finds that.
        wait(lambda: Recovery(ledger).run([dead]) and ran == ["ran"], "it runs under the new name")
    finally:
        worker.stop()


def test_what_a_woken_worker_fetched_under_its_buried_name_comes_back(broker, start, client, ledger) -> None:
    ran = []
    actor = dramatiq.actor(ran.append, actor_name="late", broker=broker, assured=True)
    start()
    message = actor.message("fetched too late").copy(options={"redis_message_id": "late-id"})
    client.hset("dramatiq:default.msgs", "late-id", message.encode())
    acks = f"dramatiq:__acks__.{broker.broker_id}.default"
    _bury_quietly(client, ledger, "buried", ("SADD", acks, "late-id"))
    wait(lambda: ran == ["fetched too late"], "it comes back")


def test_a_stopped_worker_leaves_nothing_behind_and_can_be_started_again(broker, start, client, ledger) -> None:
    ran = []
    actor = dramatiq.actor(ran.append, actor_name="again", broker=broker, assured=True)
    for n in range(2):
        worker = start()
        actor.send(n)
        wait(lambda n=n: n in ran, f"job {n} ran")
        worker.stop()
        assert _alive(client, ledger) == []
        assert client.zcard(ledger.keys.dead) == 0
        assert client.hlen(ledger.keys.owners) == 0
        assert client.get(ledger.keys.lease) is None


def test_a_heartbeat_on_its_way_while_the_worker_signs_off_raises_nobody_from_the_dead(
    broker, start, client, ledger
) -> None:
    worker = start()
    instance = next(one for one in broker.middleware if isinstance(one, AssuredJobs))._side.instance
    worker.stop()
    instance.beat()
    instance.declared()
    assert _alive(client, ledger) == []


def test_a_worker_stopped_too_early_signs_off_when_its_last_job_has_ended(broker, start, client, ledger) -> None:
    gate = threading.Event()
    actor = dramatiq.actor(lambda: gate.wait(20), actor_name="slow", broker=broker, assured=True)
    worker = start()
    actor.send()
    wait(lambda: client.hlen(ledger.keys.owners) == 1, "the job runs")
    worker.stop(timeout=100)
    assert len(_alive(client, ledger)) == 1
    gate.set()
    wait(lambda: _alive(client, ledger) == [], "it signs off")
    assert client.hlen("dramatiq:default.msgs") == 0
    assert client.zcard(ledger.keys.dead) == 0


def test_added_twice_the_first_one_works(broker, start, caplog) -> None:
    broker.add_middleware(AssuredJobs(**QUICK))
    ran = threading.Event()
    actor = dramatiq.actor(ran.set, actor_name="once", broker=broker, assured=True)
    start()
    actor.send()
    wait(ran.is_set, "the job ran")
    assert "added to this broker twice" in caplog.text


def test_a_skip_by_a_middleware_behind_ours_is_an_end(broker, start, client, ledger) -> None:
    class Skipper(dramatiq.Middleware):
        def before_process_message(self, broker, message) -> None:
            raise SkipMessage

    broker.add_middleware(Skipper())
    actor = dramatiq.actor(lambda: None, actor_name="skipped", broker=broker, assured=True)
    start()
    actor.send()
    wait(lambda: client.hlen("dramatiq:default.msgs") == 0, "it is acked")
    wait(lambda: client.hlen(ledger.keys.owners) == 0, "the ledger has let go of it")


def test_ticks_reach_the_others_without_a_command_of_theirs(server, start, client, ledger) -> None:
    start()
    channel = ledger.keys.ticks
    listener = client.pubsub()
    listener.subscribe(channel)
    heard = []
    wait(
        lambda: (
            heard.append(listener.get_message(timeout=0.2))
            or sum(bool(m) and m["type"] == "message" for m in heard) >= 2
        ),
        "two ticks are heard",
    )
    listener.close()


def _sleep_after_begin(monkeypatch, inside: Inside, meant: Callable[[Entry], bool]) -> None:
    """The first that is meant is recorded; then the worker sleeps so long that it is dead and its job brought back."""
    begin, slept = Deliveries.begin, []

    def begin_and_sleep(self, info, entry, *args, **more):
        answer = begin(self, info, entry, *args, **more)
        if meant(entry) and not slept:
            slept.append(inside.declare_dead())
            Recovery(inside.ledger).run(slept)
            inside.side.instance._confirmed -= 60  # its own clock tells that it slept
        return answer

    monkeypatch.setattr(Deliveries, "begin", begin_and_sleep)


def test_a_worker_paused_between_a_forwards_begin_and_its_enqueue_forwards_nothing_when_it_wakes(
    server, monkeypatch
) -> None:
    ran = []
    inside = Inside(server.url, watch=False, delayed_recovery_count=0)
    _sleep_after_begin(monkeypatch, inside, lambda entry: entry.forward)
    try:
        actor = inside.actor(ran.append)
        inside.start()
        actor.send_with_options(args=(1,), delay=100)
        wait(lambda: ran and inside.payloads() == 0, "it has run, and nothing is left")
        assert ran == [1]
    finally:
        inside.stop()


def test_a_worker_that_slept_since_it_asked_starts_nothing_that_was_brought_back(server, monkeypatch) -> None:
    ran = []
    inside = Inside(server.url, heartbeat_interval=1)
    monkeypatch.setattr(Store, "publish", lambda *_: None)  # nobody tells it
    _sleep_after_begin(monkeypatch, inside, lambda _: True)
    try:
        actor = inside.actor(ran.append)
        inside.start()
        actor.send(1)
        wait(lambda: ran and inside.payloads() == 0, "it has run, and nothing is left")
        assert ran == [1]
    finally:
        inside.stop()


@pytest.mark.parametrize("executed", [True, False])
def test_a_begin_whose_reply_was_lost_leaves_no_entry_and_no_gap(
    server, client, ledger, monkeypatch, executed: bool
) -> None:
    gate = threading.Event()
    broker = RedisBroker(url=server.url)
    broker.add_middleware(AssuredJobs(heartbeat_interval=20))  # the jobs themselves notice that the ledger is back
    original, failed = Deliveries.begin, []

    def lose_the_first_reply(self, *args, **more):
        if not failed:
            failed.append(True)
            if executed:
                original(self, *args, **more)
            raise LedgerUnreachable
        return original(self, *args, **more)

    monkeypatch.setattr(Deliveries, "begin", lose_the_first_reply)
    actor = dramatiq.actor(lambda: gate.wait(20) and None, actor_name="slow", broker=broker, assured=True)
    quick = dramatiq.actor(lambda: None, actor_name="quick", broker=broker, assured=True)
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    try:
        slow = actor.send().options["redis_message_id"]
        wait(lambda: failed, "the reply is lost")
        wait(lambda: quick.send() and client.hexists(ledger.keys.owners, slow), "it is recorded, then or afterwards")
        gate.set()
        wait(lambda: client.hlen(ledger.keys.owners) == 0, "its end is recorded")
        wait(lambda: client.hlen("dramatiq:default.msgs") == 0, "nothing is left")
    finally:
        gate.set()
        worker.stop()


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_job_whose_ack_failed_is_settled_with_the_next_one(broker, start, client, ledger, outcome: str) -> None:
    lost, runs = [], []
    consumer = broker.consumer_class
    original = consumer.ack

    def ack(self, message):
        if message.actor_name == "first" and not lost:
            lost.append(message)
            raise redis.TimeoutError  # Dramatiq gives up on it
        return original(self, message)

    def first() -> None:
        runs.append(1)
        if outcome == "failed" and len(runs) == 1:
            raise RuntimeError

    consumer.ack = ack
    try:
        one = dramatiq.actor(first, broker=broker, assured=True, min_backoff=50)
        two = dramatiq.actor(lambda: None, actor_name="two", broker=broker, assured=True)
        start(threads=1)
        one.send()
        wait(lambda: lost, "its ack is lost")
        two.send()
        wait(lambda: client.hlen("dramatiq:default.msgs") == 0, "nothing is left of it")
        wait(lambda: client.hlen(ledger.keys.owners) == 0, "the ledger has let go of it")
        assert len(runs) == (2 if outcome == "failed" else 1)
    finally:
        consumer.ack = original


@pytest.mark.parametrize(("assured", "expected"), [(True, 4), (False, 1)])
def test_a_retry_that_can_never_be_enqueued_is_given_up_and_not_run_for_ever(
    broker, start, client, ledger, assured: bool, expected: int
) -> None:
    runs = []

    def poisonous(data: dict) -> None:
        runs.append(1)
        data["never"] = object()  # no encoder takes that
        raise RuntimeError

    actor = dramatiq.actor(poisonous, broker=broker, assured=assured, min_backoff=50)
    start(threads=1)
    actor.send({})
    wait(lambda: client.hlen("dramatiq:default.msgs") == 0, "it is given up")
    wait(lambda: client.hlen(ledger.keys.owners) == 0, "the ledger has let go of it")
    assert len(runs) == expected


def test_a_reject_whose_reply_was_lost_still_reaches_the_dead_letters(broker, start, client, ledger) -> None:
    lost, runs = [], []
    consumer = broker.consumer_class
    original = consumer.nack

    def nack(self, message):
        if not lost:
            lost.append(message)
            raise redis.TimeoutError
        return original(self, message)

    def failing() -> None:
        runs.append(1)
        raise RuntimeError

    consumer.nack = nack
    try:
        actor = dramatiq.actor(failing, broker=broker, assured=True, max_retries=0)
        other = dramatiq.actor(lambda: None, actor_name="other", broker=broker, assured=True)
        start(threads=1)
        actor.send()
        wait(lambda: lost, "the reject is lost")
        other.send()
        wait(lambda: client.zcard("dramatiq:default.XQ") == 1, "it is dead-lettered")
        assert len(runs) == 1
    finally:
        consumer.nack = original


def test_a_worker_stopped_while_redis_is_away_lives_until_its_last_job_ends(own_server) -> None:
    server = own_server()
    gate, runs = threading.Event(), []
    broker = RedisBroker(url=server.url)
    broker.add_middleware(AssuredJobs(redis_timeout=0.3, **QUICK))

    def slow() -> None:
        runs.append(1)
        gate.wait(30)

    actor = dramatiq.actor(slow, broker=broker, assured=True)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    actor.send()
    wait(lambda: runs, "the job runs")
    client = redis.Redis.from_url(server.url)
    ledger = Ledger(Store(client, "assured_jobs", 5))
    [name] = _alive(client, ledger)
    server.stop(kill=True)
    worker.stop(timeout=100)
    server.start()
    before = client.zscore(ledger.keys.alive, name)
    wait(lambda: client.zscore(ledger.keys.alive, name) > before + 1500, "it goes on beating")
    gate.set()
    wait(lambda: _alive(client, ledger) == [], "it signs off")
    assert runs == [1]


def test_a_second_sigterm_in_the_middle_of_the_word_draining_does_not_keep_it_from_being_said(
    server, monkeypatch
) -> None:
    inside = Inside(server.url, watch=False)
    try:
        inside.start()
        side, interrupted = inside.side, []
        beat = side.ledger.instances.beat

        def interrupt(*args, **more):
            if more["draining"] and not interrupted:
                interrupted.append(1)
                raise SystemExit(3)
            return beat(*args, **more)

        monkeypatch.setattr(side.ledger.instances, "beat", interrupt)
        with pytest.raises(SystemExit):
            side.drain()
        side.drain()  # at the exit
        said = inside.redis.hget(inside.ledger.keys.vitals, side.instance.info.id)
        assert said.split(b" ")[1] == b"1"
    finally:
        inside.stop()


def test_a_ledger_url_that_does_not_answer_beside_a_broker_that_does_is_named(server, caplog) -> None:
    inside = Inside(server.url, redis_url="redis://127.0.0.1:1/0", watch=False)
    try:
        inside.start()
        assert "the one that ASSURED_JOBS_REDIS_URL names does not" in caplog.text
    finally:
        inside.stop()


@pytest.mark.parametrize("blip", [dramatiq.errors.ConnectionClosed, redis.ConnectionError, redis.TimeoutError])
def test_what_a_stopped_worker_could_not_put_back_is_not_stranded_in_the_process_that_lives_on(
    server, monkeypatch, blip
) -> None:
    inside = Inside(server.url)
    client = redis.Redis.from_url(server.url)
    try:
        later = inside.actor(lambda: None, actor_name="later")
        inside.start()
        later.send_with_options(delay=600_000)
        wait(inside.side.host.in_memory, "it waits in memory")

        def requeue(_consumer, _messages) -> None:
            raise blip("a blip")

        monkeypatch.setattr("dramatiq.brokers.redis._RedisConsumer.requeue", requeue)
        id = inside.side.instance.info.id
        with suppress(redis.RedisError):  # only the first one is caught by Dramatiq; of any other its own stop dies
            inside.worker.stop(timeout=5000)
        wait(lambda: client.zscore(inside.ledger.keys.buried, id), "it has signed off")
        assert client.llen("dramatiq:default.DQ") == 1
        assert not client.keys("dramatiq:__acks__*")
    finally:
        monkeypatch.undo()
        inside.stop()


def test_a_finished_job_whose_ack_fails_while_its_worker_leaves_is_acked_later_and_does_not_run_again(
    server, monkeypatch
) -> None:
    inside = Inside(server.url)
    client = redis.Redis.from_url(server.url)
    runs: list[int] = []
    failed: list[int] = []
    try:
        quick = inside.actor(lambda: runs.append(1), actor_name="quick", assured=False)
        inside.start()
        dispatch = RedisBroker.__getattr__

        def fail(*_args) -> None:
            failed.append(1)
            raise redis.TimeoutError("slow")

        monkeypatch.setattr(
            RedisBroker, "__getattr__", lambda self, name: fail if name == "do_ack" else dispatch(self, name)
        )
        quick.send()
        wait(lambda: failed, "its ack fails")
        id = inside.side.instance.info.id
        inside.worker.stop(timeout=5000)
        again = len(failed)
        wait(lambda: len(failed) > again, "it fails again while the worker leaves")
        monkeypatch.undo()
        wait(lambda: client.zscore(inside.ledger.keys.buried, id), "it has signed off")
        assert inside.payloads() == client.llen("dramatiq:default") == 0
        assert runs == [1]
    finally:
        monkeypatch.undo()
        inside.stop()


def test_ends_that_an_interrupted_begin_carried_are_told_with_the_next_flush(server, monkeypatch) -> None:
    monkeypatch.setattr("assured_jobs.guard.RIDE_ALONG", 1)
    inside = Inside(server.url, watch=False)
    try:
        actor = inside.actor(lambda: None, actor_name="quick", max_retries=0)
        inside.start()
        deliveries, interrupted = inside.side.ledger.deliveries, []
        begin = deliveries.begin

        def interrupt(*args, **more):
            if more.get("endings") and not interrupted:
                interrupted.append(len(more["endings"]))
                raise TimeLimitExceeded
            return begin(*args, **more)

        monkeypatch.setattr(deliveries, "begin", interrupt)
        while not interrupted:
            actor.send()
            sleep(0.02)
        wait(lambda: inside.payloads() == 0, "all are acked")
        wait(lambda: inside.running() == 0, "and their ends told")
    finally:
        inside.stop()
