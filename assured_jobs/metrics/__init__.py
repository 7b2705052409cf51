"""Prometheus, two ways: what this worker process counts (`meter`), and what Redis knows (`redis_collector`).

A worker's counters go into the exporter of Dramatiq's own Prometheus middleware, through prometheus_client's directory
for several processes. What Redis knows is the same whoever asks, so one exporter tells it: the dashboard's `/metrics`.

prometheus_client decides when it is first imported whether it shares its values with other processes, and Dramatiq
prepares that when a process boots. So nothing here imports it before a function is called.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from ..ledger import Ledger
    from .counting import Meter


@cache
def meter() -> Meter:
    """This process's counters, in prometheus_client's own registry. Call it in a process that has booted, not before.

    Needs the extra `metrics`.
    """
    from .counting import Meter  # noqa: PLC0415 - see above

    return Meter()


def redis_collector(ledger: Ledger) -> Collector:
    """What Redis knows, asked anew at each scrape: register it once, in the one exporter that tells it.

    It keeps an unbroken watch from scrape to scrape, so let it live as long as the exporter. Where Redis does not
    answer, `assured_jobs_redis_up` is 0 and nothing else is told. Needs the extra `metrics`.
    """
    from .collector import RedisCollector  # noqa: PLC0415 - see above

    return RedisCollector(ledger)


def exposition(*collectors: Collector) -> tuple[str, bytes]:
    """The content type and the text of one scrape of these collectors alone."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415 - see above

    registry = CollectorRegistry(auto_describe=False)
    for one in collectors:
        registry.register(one)
    return CONTENT_TYPE_LATEST, generate_latest(registry)
