"""The orphaned jobs, as a list that can be narrowed, put in order, and ticked."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from assured_jobs.orphans import REASONS, SORTS, WAITING, Number, Page

from ..doors import door
from ..filters import Filter, from_query
from ..office import View
from ..refusing import Refusal
from ..where import here
from .page import render


@dataclass(frozen=True)
class Listed:
    """What an address asks for: `page` of it, and how many there are in all."""

    chosen: Filter
    view: View
    page: Page
    number: Number


def listed() -> Listed:
    """Raises Refusal where the address says what cannot be meant."""
    desk = here().office.desk
    view = desk.look()
    chosen = from_query(request.args)
    try:
        page = desk.browser.page(
            chosen.selection, view.fleet, view.status, sort=chosen.sort, size=chosen.size, cursor=chosen.cursor
        )
    except ValueError as error:
        raise Refusal(400, f"cursor: expected {error}.") from None
    return Listed(chosen, view, page, desk.browser.count(chosen.selection, view.status).meant)


@door("/orphans", "view")
def orphans() -> str:
    office = here().office
    asked = listed()
    return render(
        "listing", asked.view,
        chosen=asked.chosen, page=asked.page, number=asked.number,
        rows=[office.redaction.of(shown) for shown in asked.page.items],
        kinds=office.desk.kinds_of("held", asked.view.status.counts["held"]), reasons=REASONS, sorts=SORTS,
        states=(*WAITING, "discarded"),
    )  # fmt: skip
