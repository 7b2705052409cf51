"""Pages, for people. Each module hangs its doors when it is imported."""

from __future__ import annotations

from . import acting, flight, health, history, instances, job, listing, overview, planning, runs

__all__ = ["acting", "flight", "health", "history", "instances", "job", "listing", "overview", "planning", "runs"]
