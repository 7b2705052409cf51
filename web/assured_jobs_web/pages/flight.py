"""What runs now."""

from __future__ import annotations

from itertools import islice

from assured_jobs.orphans import in_flight

from ..doors import door
from ..where import here
from .page import render

MOST = 300


@door("/in-flight", "view", name="flight")
def flight() -> str:
    desk = here().office.desk
    view = desk.look()
    found = list(islice(in_flight(desk.ledger, view.fleet.findings, view.now), MOST))
    running = sum(one.running for one in view.status.instances)
    return render("flight", view, rows=sorted(found, key=lambda one: one.started_at), number=max(running, len(found)))
