"""Whether this process counts for Prometheus, and whether anybody would see it."""

from __future__ import annotations

import logging
import multiprocessing
import os
from importlib.util import find_spec

from . import metrics
from .settings import AssuredJobsSettings, variable
from .telling import Meter

logger = logging.getLogger("assured_jobs")

#: Where prometheus_client shares values between processes. Dramatiq's Prometheus middleware sets it as a process boots.
_SHARED = "PROMETHEUS_MULTIPROC_DIR"


def problems_of_metrics(*, wanted: bool) -> list[str]:
    """Found without importing it: that would be too soon, see `metrics`."""
    if wanted and find_spec("prometheus_client") is None:
        extra = "pip install 'dramatiq-assured-jobs[metrics]'"
        return [f"{variable('metrics')}: expected prometheus_client beside it ({extra}), got none"]
    return []


def meter_of(settings: AssuredJobsSettings) -> Meter | None:
    """Call it when a worker boots."""
    if not settings.metrics:
        return None
    meter = metrics.meter()
    if multiprocessing.parent_process() and (hint := _nobody_sees(shared=_SHARED in os.environ, used=meter.shared)):
        logger.warning("Metrics are counted, and no exporter will show them: %s", hint)
    return meter


def _nobody_sees(*, shared: bool, used: bool) -> str:
    """What is amiss in a process of the `dramatiq` command; an embedded worker has its exporter in its own process."""
    if not shared:
        return "add Dramatiq's Prometheus middleware to the broker."
    if not used:
        return f"prometheus_client was imported before {_SHARED} was set. Set it in the environment."
    return ""
