"""Values of ours that are none, one by one: whatever stands there, no job is lost over it, and our errors say so."""

from __future__ import annotations

import time

import pytest

from assured_jobs.recovery import Recovery
from dead import VICTIM, Fleet


@pytest.fixture
def fleet(server) -> Fleet:
    return Fleet(server.url)


def job_key(fleet: Fleet) -> str:
    return fleet.ledger.keys.job(fleet.message.message_id)


@pytest.mark.parametrize("noted", [b"[" * 200_000, b"x " * 100_000, b"\n" * 100_000, b"a b\n" * 1000])
def test_a_long_foreign_successor_does_not_keep_redis_from_everybody(fleet: Fleet, noted: bytes) -> None:
    delivery = fleet.run_job()
    fleet.redis.hset(fleet.ledger.keys.successors, delivery, noted)
    fleet.die()
    before = time.monotonic()
    Recovery(fleet.ledger).run([VICTIM])
    assert time.monotonic() - before < 2
    assert fleet.copies(delivery) == 1
