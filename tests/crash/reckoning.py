"""What must be true of the jobs whatever struck: none lost, one copy of each at any time, every start explained."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

from faults import DEADLY, PERHAPS_DEADLY
from lab import Lab
from plays import Play

#: Faults in which a retry cannot be enqueued: such a job is put back, and starts again without anybody's death.
STORE_AWAY = ("Redis restarted", "Redis frozen", "connections cut", "cut off until declared dead")


def settle(play: Play) -> None:
    """Waits until every job is done, nobody remembers any, and the dead are known; one copy of each all the while."""
    lab, keys = play.lab, play.lab.ledger.keys

    def settled() -> bool:
        assert_one_copy(lab)
        forgotten = lab.payloads() == 0 and lab.redis.hlen(keys.owners) == 0
        return play.sent <= set(lab.count("done")) and forgotten and _killed(play) <= _dead(lab)

    lab.wait(settled, "every job is done and forgotten, and the dead are known", timeout=120)


def assert_one_copy(lab: Lab) -> None:
    """At one instant: a delivery is in one place, and of a job at most one copy can be fetched, now or in its time."""
    keys = lab.ledger.keys
    acks = lab.redis.keys("dramatiq:__acks__.*")
    look = lab.redis.pipeline(transaction=True)
    for queue in ("dramatiq:default", "dramatiq:default.DQ"):
        look.lrange(queue, 0, -1)
    for custody in (keys.deferred, keys.held, keys.released):
        look.zrange(custody, 0, -1)
    for key in acks:
        look.smembers(key)
    *places, ready, delayed = look.hgetall("dramatiq:default.msgs").hgetall("dramatiq:default.DQ.msgs").execute()
    payloads = {**ready, **delayed}
    everywhere = Counter(delivery for place in places for delivery in place)
    assert set(everywhere.values()) <= {1}, everywhere
    to_come = Counter(_number(payloads[one]) for place in places[:5] for one in place if one in payloads)
    assert set(to_come.values()) <= {1}, to_come


def assert_explained(play: Play) -> None:
    """Who died is whom the fault killed; nobody is held or dead-lettered; and each start but the last had a reason."""
    lab, fault = play.lab, play.case.fault
    dead = _dead(lab)
    perhaps = {play.name} if fault in PERHAPS_DEADLY else set()
    assert _killed(play) <= dead <= _killed(play) | perhaps, f"declared dead: {dead}"
    assert lab.redis.zcard(lab.ledger.keys.held) == lab.redis.zcard("dramatiq:default.XQ") == 0

    starts = defaultdict(list)
    for line in lab.effects("start"):
        starts[line["n"], line["attempt"]].append(line["instance"])
    put_back = {line["n"] for line in lab.effects("failed")} if fault in STORE_AWAY else set()
    for (n, attempt), by in starts.items():
        again = len(by) - 1
        explained = len({one for one in by[:-1] if one in dead}) + (n in put_back)
        assert again <= explained, f"attempt {attempt} of job {n} was started by {by}, and only {dead} died"


def _killed(play: Play) -> set[str]:
    return play.victims | ({play.name} if play.case.fault in DEADLY else set())


def _dead(lab: Lab) -> set[str]:
    """Buried or not: that takes a while after the last of what they held is settled."""
    keys = lab.ledger.keys
    return {id.decode() for key in (keys.dead, keys.buried) for id in lab.redis.zrange(key, 0, -1)}


def _number(payload: bytes) -> int:
    return json.loads(payload)["args"][0]
