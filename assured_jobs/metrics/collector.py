"""What Redis knows, at the moment of a scrape. Times are points in time, not ages: a dead exporter freezes no age."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from typing import get_args

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..entry import State
from ..errors import LedgerError
from ..ledger import Ledger
from ..ledger.custody import Place
from ..orphans.fleet import Lookout, Status
from ..policy import ReasonCode
from ..telling import complain

#: Of the held this many are read for their reasons; more than that are counted as "unread".
_MOST_READ, _PAGE = 1000, 100

#: What waits, and what is not waited for any more: the discarded are no orphans.
_WAITING: tuple[State, ...] = ("orphaned", "deferred", "held", "released")

_INSTANCES = ("alive", "draining", "stalled", "dead")


class RedisCollector(Collector):
    """One scrape at a time: the watch behind it has one connection."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lookout = Lookout(ledger)
        self._lock = threading.Lock()

    def describe(self) -> Iterator[Metric]:
        """Nothing: what is there, Redis has to be asked."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield _gauge("info", "Which version tells this.", {version("dramatiq-assured-jobs"): 1}, "version")
        try:
            with self._lock:
                status = self._lookout.status(self._lookout.look())
                reasons = self._reasons(status.counts["held"])
        except LedgerError as error:
            complain(f"Metrics are told without what Redis knows. {error}")
            yield _gauge("redis_up", "Whether Redis answered this scrape.", 0)
            return
        yield _gauge("redis_up", "Whether Redis answered this scrape.", 1)
        yield from _told(status, reasons)

    def _reasons(self, held: int) -> dict[str, int]:
        found: Counter[str] = Counter(dict.fromkeys(get_args(ReasonCode), 0))
        place: Place | None = None
        for _ in range(_MOST_READ // _PAGE):
            page, place = self._ledger.custody.page("held", _PAGE, place)
            found.update(orphan.reason_code for orphan in page if orphan.reason_code in found)
            if place is None:
                break
        return {**found, "unread": max(0, held - sum(found.values()))}


def _told(status: Status, reasons: dict[str, int]) -> Iterator[Metric]:
    states = Counter(member.state for member in status.instances)
    yield _gauge(
        "orphans", "Jobs of dead workers that wait, by state.", {one: status.counts[one] for one in _WAITING}, "state"
    )
    yield _gauge("held_orphans", "Jobs that wait for a person, by reason.", reasons, "reason")
    yield _gauge("due_orphans", "Jobs that wait no longer for time, only for a worker.", status.due)
    yield _gauge("in_flight_jobs", "Started jobs of living workers.", sum(one.running for one in status.instances))
    yield _gauge("instances", "Worker processes, by state.", {one: states[one] for one in _INSTANCES}, "state")
    yield _gauge("recent_deaths", "Workers that died in the last hour, at most 1000.", status.deaths_last_hour)
    yield _gauge("watcher_alive", "Whether the worker that holds the lease lives.", int(status.watched))
    yield _time("watcher_last_tick", "When a watcher last looked after everybody.", status.last_look)
    yield _time("oldest_orphan", "When the first worker died whose jobs nobody has judged.", status.oldest_orphan)
    yield _time("oldest_held", "When the job was orphaned that has been held longest.", status.oldest_held)


def _gauge(name: str, help: str, value: float | dict[str, int], label: str = "") -> Metric:
    family = GaugeMetricFamily(f"assured_jobs_{name}", help, labels=[label] if label else None)
    for of, number in value.items() if isinstance(value, dict) else [("", value)]:
        family.add_metric([of] if label else [], number)
    return family


def _time(name: str, help: str, when: int | None) -> Metric:
    """In seconds, of milliseconds; no sample where there was no such moment."""
    family = GaugeMetricFamily(f"assured_jobs_{name}_timestamp_seconds", help)
    if when is not None:
        family.add_metric([], when / 1000)
    return family
