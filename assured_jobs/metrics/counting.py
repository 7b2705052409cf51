"""What happens in this process, counted: each event once, when it is told.

Labels are names that code gives: queues, actors, reasons. Never an id, a pod or a person, of which there is no end;
`pod` comes with the scrape.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Histogram, values

from .. import events
from ..events import Event

logger = logging.getLogger(__name__)

#: So many pairs of queue and actor are told apart: names come from messages, and a stranger may write what he likes.
_MOST_PAIRS = 500

_CAUSES = ("connection lost", "stalled", "heartbeat expired")

#: The round trips that are timed: those on a job's path, the heartbeat, and the one that brings jobs back.
_TIMED = ("begin", "finish", "beat", "hand_back")

#: A healthy round trip is below a millisecond; REDIS_TIMEOUT is 5 s.
_ROUND_TRIP = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

#: With the defaults: 3 to 6 s after a kill, and the last heartbeat up to 15 s before it; 180 s for a lost host.
_HAND_BACK = (1, 2.5, 5, 7.5, 10, 15, 20, 25, 30, 45, 60, 120, 180, 300, 600)

_JOB = ("queue", "actor")


class Meter:
    """Hears events, and is told how long round trips took. Nothing it does can fail or wait."""

    #: Whether other processes can see the values.
    shared: bool = bool(values.ValueClass._multiprocess)  # noqa: SLF001 - there is no public way

    def __init__(self) -> None:
        self._pairs: set[tuple[str, str]] = set()
        self.found = _count("orphans_found", "Jobs found in the hands of dead workers.", *_JOB, "reason")
        self.handed_back = _count("orphans_handed_back", "Jobs of the dead put back into their queue.", *_JOB, "reason")
        self.held = _count("orphans_held", "Jobs set aside for a person to decide.", *_JOB, "reason")
        self.discarded = _count("orphans_discarded", "Jobs of the dead thrown away by policy.", *_JOB, "reason")
        self.crashes = _count("crashes", "Deaths of workers charged to a job that ran there.", *_JOB)
        self.hand_back = Histogram(
            "assured_jobs_hand_back_seconds",
            "From a dead worker's last sign of life until its job was back in its queue, where nothing held it up.",
            ["queue", "actor"],
            buckets=_HAND_BACK,
        )
        self.deaths = _count("worker_deaths", "Workers found dead, seen from here.", "cause")
        self.stalls = _count("worker_stalls", "Workers that fell silent and were still connected, seen from here.")
        self.fenced = _count("workers_fenced", "Living workers that had been declared dead.")
        self.false_deaths = _count("false_deaths", "Jobs that ended after their worker was declared dead.", *_JOB)
        self.zombies = _count("zombies_interrupted", "Jobs interrupted in workers declared dead.", *_JOB)
        self.refused = _count("refused_deliveries", "Deliveries not started, by the ledger's answer.", *_JOB, "cause")
        self.strays = _count("strays", "Forgotten deliveries of living workers put right.", "queue", "outcome")
        self.dead_threads = _count("dead_threads", "Dramatiq's threads that died by themselves.", "kind", "replaced")
        self.outages = _count("ledger_outages", "Times Redis stopped answering this worker.")
        self.observed = _count("observed", "What would have been done, where recovery only observes.", *_JOB, "outcome")
        self.ledger = Histogram(
            "assured_jobs_ledger_seconds",
            "Round trips to Redis; an end that rides along with a begin is the begin's.",
            ["operation"],
            buckets=_ROUND_TRIP,
        )
        for cause in (*_CAUSES, "operator"):
            self.deaths.labels(cause)  # there from the start, so that the first death is an increase
        for operation in _TIMED:
            self.ledger.labels(operation)
        self._rules: dict[type[Event], Callable[[Any], None]] = {
            events.OrphanSettled: self._settled,
            events.NeverStartedHandedBack: self._never_started,
            events.InstanceDied: lambda e: self.deaths.labels(e.cause if e.cause in _CAUSES else "operator").inc(),
            events.InstanceStalled: lambda _: self.stalls.inc(),
            events.Fenced: lambda _: self.fenced.inc(),
            events.LateFinish: lambda e: self.false_deaths.labels(*self._job(e)).inc(),
            events.ZombieInterrupted: lambda e: self.zombies.labels(*self._job(e)).inc(),
            events.Refused: lambda e: self.refused.labels(*self._job(e), e.cause).inc(),
            events.StrayPutRight: lambda e: self.strays.labels(e.queue, e.outcome).inc(),
            events.ThreadDied: self._thread_died,
            events.LedgerLost: lambda _: self.outages.inc(),
            events.WouldHave: lambda e: self.observed.labels(*self._job(e), e.outcome).inc(),
        }

    def hear(self, event: Event) -> None:
        rule = self._rules.get(type(event))
        if rule:
            try:
                rule(event)
            except Exception:  # a full disk under the shared values: jobs matter more
                logger.debug("could not count %r", event, exc_info=True)

    def timed(self, operation: str, seconds: float) -> None:
        if operation in _TIMED:
            try:
                self.ledger.labels(operation).observe(seconds)
            except Exception:
                logger.debug("could not time %r", operation, exc_info=True)

    def _settled(self, event: events.OrphanSettled) -> None:
        labels = (*self._job(event), event.reason_code)
        if event.silent_for is not None:
            self.found.labels(*labels).inc()
        if event.charged == "crashes":
            self.crashes.labels(*labels[:2]).inc()
        if event.outcome == "handed_back":
            self.handed_back.labels(*labels).inc()
            if event.silent_for is not None:
                self.hand_back.labels(*labels[:2]).observe(event.silent_for)
        elif event.outcome == "held":
            self.held.labels(*labels).inc()
        elif event.outcome == "discarded":
            self.discarded.labels(*labels).inc()

    def _never_started(self, event: events.NeverStartedHandedBack) -> None:
        """Nobody read these payloads, so their actors are not told."""
        labels = (event.queue, "", "never_started")
        self.found.labels(*labels).inc(event.number)
        self.handed_back.labels(*labels).inc(event.number)
        if event.silent_for is not None:
            self.hand_back.labels(*labels[:2]).observe(event.silent_for)

    def _thread_died(self, event: events.ThreadDied) -> None:
        """Of "consumer of mail" and "worker thread 3" the kind is enough."""
        self.dead_threads.labels(event.thread.split(" ")[0], str(event.replaced).lower()).inc()

    def _job(self, event: Any) -> tuple[str, str]:
        """Queue and actor; both are "other" where there are more of them than any code declares."""
        pair = (event.queue, event.actor)
        if pair not in self._pairs:
            if len(self._pairs) >= _MOST_PAIRS:
                return "other", "other"
            self._pairs.add(pair)
        return pair


def _count(name: str, help: str, *labels: str) -> Counter:
    return Counter(f"assured_jobs_{name}_total", help, labels)
