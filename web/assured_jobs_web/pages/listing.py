"""The orphaned jobs, as a list that can be narrowed, put in order, and ticked."""

from __future__ import annotations

from flask import request

from assured_jobs.orphans import REASONS, SORTS, WAITING

from ..doors import door
from ..filters import from_query
from ..refusing import Refusal
from ..where import here
from .page import render


@door("/orphans", "view")
def orphans() -> str:
    office = here().office
    desk = office.desk
    view = desk.look()
    chosen = from_query(request.args)
    try:
        page = desk.browser.page(
            chosen.selection, view.fleet, view.status, sort=chosen.sort, size=chosen.size, cursor=chosen.cursor
        )
    except ValueError as error:
        raise Refusal(400, f"cursor: expected {error}.") from None
    number = desk.browser.count(chosen.selection, view.status).meant
    return render(
        "listing", view,
        chosen=chosen, page=page, number=number, rows=[office.redaction.of(shown) for shown in page.items],
        kinds=desk.kinds_of("held", view.status.counts["held"]), reasons=REASONS, sorts=SORTS,
        states=(*WAITING, "discarded"),
    )  # fmt: skip
