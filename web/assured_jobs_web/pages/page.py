"""What every page has in common: who asks, where we are, whether it is still bleeding, and when that was seen."""

from __future__ import annotations

from typing import Any

from flask import render_template

from assured_jobs.orphans.wording import headline

from .. import csrf
from ..guard import principal
from ..office import View
from ..where import here

#: A watcher looks every second. One that has been silent for so long, in ms, is said to be.
SILENT = 15_000


def render(name: str, view: View, **values: Any) -> str:
    office = here().office
    return render_template(
        f"assured_jobs/{name}.html",
        view=view, now=view.now, status=view.status, me=principal(), can=principal().rights,
        settings=office.settings, namespace=office.desk.ledger.keys.namespace, headline=headline(view.status),
        alarm=alarm(view), csrf_field=csrf.field(), csrf_token=csrf.token, **values,
    )  # fmt: skip


def is_silent(view: View) -> bool:
    """Whether nobody watches, though there is somebody, or something, to watch over."""
    status = view.status
    waits = any(status.counts[state] for state in ("orphaned", "deferred", "released"))
    if not waits and not status.members("alive", "draining", "stalled"):
        return False
    return status.last_look is None or status.now - status.last_look > SILENT


def alarm(view: View) -> str:
    """`fire`, `warn` or `calm`."""
    status = view.status
    if status.bleeding or is_silent(view):
        return "fire"
    troubled = status.counts["held"] or status.members("stalled") or not status.members("alive", "draining")
    return "warn" if troubled else "calm"
