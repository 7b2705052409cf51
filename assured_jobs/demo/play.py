"""What happens in the demo, and what is measured.

The kill falls while orders are being paid: the worker is stopped for a moment to see that none of its jobs stands
between its invoice and its ack. A job killed exactly there would be run again and invoiced twice: that gap is what
"at least once" means, with any queue, and only the job's own idempotence closes it.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from ..brokers.redis import read_payload
from ..errors import AssuredJobsError
from ..ledger import Left
from ..ledger.overview import Overview
from .show import Result, Show
from .stage import QUEUE, Stage, Worker, wait_until

#: The whole demo takes no longer, in seconds.
PATIENCE = 50.0


class DemoFailed(AssuredJobsError):
    """The demo could not be played to its end."""


@dataclass
class Hands:
    """What a worker held when it was killed."""

    running: set[str] = field(default_factory=set)
    fetched: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)

    @property
    def all(self) -> set[str]:
        return self.running | self.fetched | self.later


def play(stage: Stage, show: Show) -> Result:
    """Plays it all. Raises DemoFailed, LedgerError."""
    began = time.monotonic()
    deadline = began + PATIENCE
    _raise_the_curtain(stage, show, deadline)
    later = stage.send_orders()
    sent = len(stage.orders)
    show.say(f"{sent} orders from orders.csv are sent, {later} of them for later.")

    victim, survivor = stage.workers
    _wait_for_a_quarter(stage, show, deadline)
    watcher = Overview(stage.ledger.store).watcher()
    hands, killed_at = _kill_mid_work(stage, victim, deadline)
    role = "the watcher itself" if victim.info and watcher == victim.info.id else "not the watcher"
    show.alarm(
        f"kill -9 to worker {victim.name} ({role}): {len(hands.running)} orders were running, "
        f"{len(hands.fetched)} fetched and not started, {len(hands.later)} kept for later."
    )

    noticed = first = None
    while len(stage.effects.ends) < sent or not stage.is_empty():
        if survivor.exited():
            raise DemoFailed(f"Worker {survivor.name} ended by itself: see {survivor.log}.")
        if noticed is None and victim.info and (deaths := stage.ledger.instances.deaths([victim.info.id])):
            noticed = max(0.0, deaths[0].died_at / 1000 - killed_at)
            show.say(f"{noticed:.1f} s after the kill, worker {survivor.name} knows: {victim.name} is dead "
                     f"({deaths[0].cause}).")  # fmt: skip
        for line in stage.effects.catch_up():
            order = line["order"]
            if line["event"] == "start" and order in hands.running and line["at"] > killed_at:
                first = min(first or line["at"], line["at"])
                after = line["at"] - killed_at
                show.say(f"{after:.1f} s after the kill, {order} runs again on {survivor.name}.")
        back = sum(order in stage.effects.ends for order in hands.all)
        show.progress(len(stage.effects.ends), sent, f"{back} of the {len(hands.all)} that {victim.name} held are done")
        if not wait_until(deadline):
            break
    return _count(stage, hands, noticed, first and first - killed_at, time.monotonic() - began)


def _raise_the_curtain(stage: Stage, show: Show, deadline: float) -> None:
    show.say("Two Dramatiq workers start, with the default settings.")
    for worker in stage.workers:
        worker.start()
    while not stage.identify():
        for worker in stage.workers:
            if worker.exited():
                raise DemoFailed(f"Worker {worker.name} did not start: {worker.log.read_text(errors='replace')[-800:]}")
        if not wait_until(deadline):
            raise DemoFailed(f"The workers were not ready in time: see {stage.folder}.")
    show.say("  ".join(f"{worker.name} = {worker.info.id}" for worker in stage.workers if worker.info))


def _wait_for_a_quarter(stage: Stage, show: Show, deadline: float) -> None:
    while len(stage.effects.ends) < len(stage.orders) / 4:
        stage.effects.catch_up()
        show.progress(len(stage.effects.ends), len(stage.orders))
        if not wait_until(deadline):
            raise DemoFailed(f"The workers did too little in {PATIENCE:.0f} s: see {stage.folder}.")


def _kill_mid_work(stage: Stage, victim: Worker, deadline: float) -> tuple[Hands, float]:
    """What the worker held, and when it was killed."""
    while True:
        victim.signal(signal.SIGSTOP)
        time.sleep(0.02)  # what it had sent arrives
        hands = _hands(stage, victim)
        if hands is not None and hands.running:
            killed_at = time.time()
            victim.kill()
            return hands, killed_at
        victim.signal(signal.SIGCONT)
        if not wait_until(deadline):
            raise DemoFailed("No moment was found in which the worker was only paying orders.")


def _hands(stage: Stage, worker: Worker) -> Hands | None:
    """What it holds; None where one of its jobs stands between its effect and its ack."""
    if worker.info is None:
        return None
    stage.effects.catch_up()
    hands = Hands()
    for batch in stage.ledger.estate.left_by(worker.info):
        for left in batch:
            if not left.in_ack_set:
                continue
            order = stage.orders[_message_id(left)]
            if left.queue != QUEUE:
                hands.later.add(order)
            elif left.entry is None:
                hands.fetched.add(order)
            elif order in stage.effects.ends:
                return None
            elif order in stage.effects.starts:
                hands.running.add(order)
    return hands


def _message_id(left: Left) -> str:
    return left.entry.message_id if left.entry else read_payload(left.payload or b"", "JSONEncoder").message_id


def _count(stage: Stage, hands: Hands, noticed: float | None, first: float | None, seconds: float) -> Result:
    stage.effects.catch_up()
    every = set(stage.orders.values())
    ends = Counter({order: len(lines) for order, lines in stage.effects.ends.items()})
    starts = Counter({order: len(lines) for order, lines in stage.effects.starts.items()})
    return Result(
        sent=len(every),
        done=len(ends),
        lost=len(every - set(ends)),
        done_twice=sum(number > 1 for number in ends.values()),
        started_twice=sum(number > 1 for number in starts.values()),
        held=stage.ledger.custody.count("held"),
        running_when_killed=len(hands.running),
        held_by_the_dead=len(hands.all),
        kill_to_noticed=noticed and round(noticed, 2),
        kill_to_first_rerun=first and round(first, 2),
        seconds=round(seconds, 1),
    )
