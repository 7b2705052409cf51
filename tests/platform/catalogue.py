"""Every metric there is, with its labels: what pages, rules and dashboards may name."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from assured_jobs import metrics
from assured_jobs.metrics.collector import _gauge, _told
from assured_jobs.orphans import STATES, Status


def of_workers() -> dict[str, set[str]]:
    mine = [one for one in vars(metrics.meter()).values() if isinstance(one, Counter | Histogram)]
    return {one._name + ("_total" if isinstance(one, Counter) else ""): set(one._labelnames) for one in mine}


def of_redis() -> dict[str, set[str]]:
    status = Status(0, dict.fromkeys(STATES, 0), 0, 0, 0, None, False, 0, 0, [])
    families = [*_told(status, {"crashed": 0}), _gauge("redis_up", "", 1), _gauge("info", "", {"1": 1}, "version")]
    return {one.name: set(one.samples[0].labels) for one in families}


def series() -> set[str]:
    """Every name a query may use, those that a histogram is made of among them."""
    names = set(of_redis())
    for name in of_workers():
        parts = [name] if name.endswith("_total") else [f"{name}_{part}" for part in ("bucket", "sum", "count")]
        names.update(parts)
    return names
