"""Random bytes where payloads belong, and under every key of ours: nothing is lost, every error is ours.

The same few in `make test`; `make chaos` takes as many as EXAMPLES says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import example, given, note
from hypothesis import strategies as st

from assured_jobs.checkup import examine
from assured_jobs.errors import LedgerError
from assured_jobs.lease import Lease
from assured_jobs.orphans import Orphans, Selection, tell_story
from assured_jobs.orphans.browsing import Browser
from assured_jobs.orphans.desk import PATIENCE
from assured_jobs.orphans.running import Running
from assured_jobs.recovery import Recovery
from garbage import BYTES, GARBAGES, JSON, KINDS, TEXT, fuzzing, names_of_keys
from nightmare import LIVING, PAST, VICTIM, Nightmare, message
from scene import Scene


@contextmanager
def only_our_errors() -> Iterator[None]:
    try:
        yield
    except LedgerError as error:
        note(ascii(error)[:300])


# Payloads

#: What looks like a message, and is none: any part may be missing, or anything.
ALMOST = st.fixed_dictionaries(
    {},
    optional={
        "queue_name": JSON, "actor_name": JSON | st.just("charge"), "args": JSON, "kwargs": JSON, "options": JSON,
        "message_id": JSON, "message_timestamp": JSON,
    },
)  # fmt: skip
WHOLE = st.builds(
    lambda **told: {"queue_name": "default", "args": [], "kwargs": {}, "options": {}, "message_timestamp": 1, **told},
    actor_name=TEXT | st.just("charge"), message_id=TEXT, args=st.lists(JSON, max_size=2),
)  # fmt: skip
PAYLOADS = BYTES | (ALMOST | WHOLE).map(lambda told: json.dumps(told).encode())
IDS = st.binary(min_size=1, max_size=12)


@pytest.mark.timeout(1800)
def test_random_bytes_for_payloads_are_lost_no_more_than_sane_ones_beside_them(server) -> None:
    @fuzzing(60)
    @given(
        payloads=st.dictionaries(IDS, PAYLOADS, min_size=1, max_size=6),
        sane=st.integers(1, 4),
        delayed=st.booleans(),
        draining=st.booleans(),
    )
    @example(payloads={b"g": json.dumps({"message_id": "\ud800", "actor_name": "charge"}).encode()}, sane=1,
             delayed=False, draining=False)  # fmt: skip
    def nothing_is_lost(payloads: dict[bytes, bytes], sane: int, delayed: bool, draining: bool) -> None:
        with closing(Scene(server.url)) as scene:
            scene.redis.flushall()
            victim = scene.register("web-1.1.aaaa")
            queue = "default.DQ" if delayed else "default"
            acks = f"dramatiq:__acks__.{victim.broker_id}.{queue}"
            good = {f"sane-{n}".encode(): message(message_id=f"m-{n}").encode() for n in range(sane)}
            everything = payloads | good
            scene.redis.hset(f"dramatiq:{queue}.msgs", mapping=everything)
            scene.redis.sadd(acks, *everything)
            scene.declare_dead(victim, draining=draining)

            with closing(Orphans(scene.ledger)) as desk:
                assert len([*desk.listing(Selection())]) == len(everything)
                assert len([*desk.forecast()]) == len(everything)
                report = desk.recover()
                left = [*scene.redis.smembers(acks)]  # a second one with the message id of one that is not assured
                assert len(left) == report.outcomes.get("left", 0)
                queued = scene.redis.lrange(f"dramatiq:{queue}", 0, -1)
                held = scene.redis.zrange(scene.keys.held, 0, -1)
                assert sorted(queued + held + left) == sorted(everything), "each in one place"
                assert set(good) <= set(queued), "sane ones come back"
                assert scene.redis.hgetall(f"dramatiq:{queue}.msgs") == everything, "as they were"
                shown = [*desk.listing(Selection(states=("held",)))]
                assert len(shown) == len(held)
                for one in shown:
                    tell_story(desk, one.orphan.message_id, desk.look())

                desk.retry([one.orphan.delivery for one in shown], "a test")
                desk.recover()
                queued = scene.redis.lrange(f"dramatiq:{queue}", 0, -1)
                assert sorted(queued + left) == sorted(everything), "a person may send each of them back"

    nothing_is_lost()


# Our keys


def recover(scene: Nightmare) -> None:
    with closing(Orphans(scene.ledger)) as desk:
        desk.recover()


def run_a_pass(scene: Nightmare) -> None:
    Recovery(scene.ledger, rate=1000).run([VICTIM, PAST])


def live(scene: Nightmare) -> None:
    for info in (scene.living, scene.victim):
        scene.ledger.instances.beat(info, presence=True, draining=False)
        scene.ledger.instances.register(info)
    scene.ledger.instances.tick(LIVING)


def lead(scene: Nightmare) -> None:
    lease = Lease(scene.ledger.store, LIVING, 30, 10)
    lease.obtain()
    lease.keep()
    lease.let_go()


def look_around(scene: Nightmare) -> None:
    with closing(Orphans(scene.ledger)) as desk:
        fleet = desk.look(PATIENCE)
        for state in (None, "held", "discarded"):
            selection = Selection() if state is None else Selection(states=(state,), text="web")
            status = desk.status(fleet)
            Browser(desk).page(selection, fleet, status, size=3)
            Browser(desk).page(selection, fleet, status, sort="crashes")
            Browser(desk).kinds(selection, 1)
            Browser(desk).count(selection, status)
        [*desk.forecast(fleet)]
        for id in (*scene.messages, *scene.messages.values()):
            tell_story(desk, id, fleet)


def check(scene: Nightmare) -> None:
    examine(scene.ledger, None)


def step(scene: Nightmare) -> None:
    Running(scene.ledger).step(scene.run_name, 0.05)


def tell(scene: Nightmare) -> None:
    for told in [*scene.ledger.chronicle.last(50), *scene.ledger.chronicle.since()]:
        told.sentence()


def observe(scene: Nightmare) -> None:
    for id in scene.ledger.observed.ids():
        for info in scene.ledger.instances.describe([id]).values():
            scene.ledger.observed.end(info)
    scene.ledger.observed.end(scene.victim)


#: What reads or writes our keys.
DEEDS: tuple[Callable[[Nightmare], None], ...] = (
    Nightmare.begin_and_finish, recover, run_a_pass, live, lead, look_around, check, step, tell, observe,
)  # fmt: skip


def test_garbage_is_put_under_every_key_there_is() -> None:
    assert set(KINDS) == names_of_keys()


@pytest.mark.timeout(1800)
def test_random_bytes_under_our_keys_lose_no_job_and_raise_our_errors_alone(server) -> None:
    @fuzzing(150)
    @given(
        garbages=GARBAGES,
        deeds=st.lists(st.sampled_from(DEEDS), min_size=2, max_size=5),
    )
    def nothing_is_lost(garbages, deeds) -> None:
        with closing(Nightmare(server.url)) as scene:
            with scene.spoilt(garbages):
                for deed in deeds:
                    with only_our_errors():
                        deed(scene)
            scene.assert_nothing_is_lost()
            recover(scene)
            scene.assert_the_victims_jobs_are_back()
            scene.assert_nothing_is_lost()

    nothing_is_lost()
