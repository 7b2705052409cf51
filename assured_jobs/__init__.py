"""Crash recovery for Dramatiq: a killed worker's jobs come back, once, and soon.

Importing this opens no socket, reads no environment and starts no thread.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it, which would be most of what a health check loads
if TYPE_CHECKING:
    from .entry import ConfirmedOrphan
    from .errors import AssuredJobsError, ConfigurationError
    from .job import Job, current_job
    from .middleware import AssuredJobs
    from .refusals import OwnershipLost
    from .settings import AssuredJobsSettings

_HOMES = {
    "AssuredJobs": "middleware",
    "AssuredJobsError": "errors",
    "AssuredJobsSettings": "settings",
    "ConfigurationError": "errors",
    "ConfirmedOrphan": "entry",
    "Job": "job",
    "OwnershipLost": "refusals",
    "current_job": "job",
}

__all__ = [
    "AssuredJobs",
    "AssuredJobsError",
    "AssuredJobsSettings",
    "ConfigurationError",
    "ConfirmedOrphan",
    "Job",
    "OwnershipLost",
    "current_job",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    attribute: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return attribute


def __dir__() -> list[str]:
    return sorted(__all__)
