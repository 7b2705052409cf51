"""What Redis knows, for Prometheus: `assured_jobs.metrics` says it. It counts jobs: for those who may look."""

from __future__ import annotations

import logging

from assured_jobs.metrics import exposition

from ..doors import door
from ..where import here

logger = logging.getLogger("assured_jobs.web")

_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}

_MISSING = "The dashboard tells no metrics: the extra is missing. pip install 'dramatiq-assured-jobs[metrics]'\n"


@door("/metrics", "view")
def metrics() -> tuple[bytes | str, int, dict[str, str]]:
    """A Redis that is away is one of the answers, and no error."""
    try:
        content_type, text = exposition(here().office.desk.collector)
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        return _MISSING, 501, _PLAIN
    return text, 200, {"Content-Type": content_type}
