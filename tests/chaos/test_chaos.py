"""Must: whatever is killed, paused, restarted or cut off, nothing is lost, and every second completion has a cause."""

from __future__ import annotations

import os
import random

import pytest

from chaos.run import Chaos


@pytest.mark.long
@pytest.mark.timeout(480)
def test_45_seconds_of_chaos_lose_nothing_and_explain_everything(tmp_path) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"Chaos for 45 s, seed {seed}.")
    chaos = Chaos(tmp_path, seed, rate=30)
    try:
        books = chaos.run(45)
    finally:
        chaos.close()
    assert books.balance(), f"\n{books.told()}\nSeed {seed}: make chaos DURATION=45 SEED={seed}\n{chaos.diary.told()}"
    assert books.sent > 500
