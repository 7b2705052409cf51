"""What may be asked. Times are ISO 8601, UTC; arguments are redacted as on the pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, make_response, request

from assured_jobs.orphans.wording import as_json, dumps, iso, status_as_json

from ..doors import door
from ..filters import MOST, is_number
from ..pages.history import before_of, chooser
from ..pages.listing import listed
from ..refusing import Refusal
from ..where import here

_KNOWN_QUERY = {"queue", "actor", "instance", "reason", "state", "q", "limit", "cursor", "sort"}


def as_answer(value: Any) -> Response:
    """JSON of ASCII alone, without NaN, which JSON does not know."""
    response = make_response(dumps(value))
    response.mimetype = "application/json"
    return response


@door("/api/v1/orphans", "view")
def api_orphans() -> Response:
    if unknown := set(request.args) - _KNOWN_QUERY:
        got, known = ", ".join(sorted(unknown))[:200], ", ".join(sorted(_KNOWN_QUERY))
        raise Refusal(400, f"no such parameter: {got}; known are {known}.")
    asked = listed()
    redaction = here().office.redaction
    return as_answer(
        {
            "items": [as_json(redaction.of(shown)) for shown in asked.page.items],
            "next": asked.page.next,
            "total": asked.number.value if asked.number.exact else None,
        }
    )


@door("/api/v1/orphans/<path:id>", "view")
def api_orphan(id: str) -> Response:
    office = here().office
    desk = office.desk
    view = desk.look()
    story = desk.story(id[:300], view.fleet)
    if not story.is_known:
        raise Refusal(
            404, "Nothing is known of it: it is queued, has finished, or never met a death that is remembered."
        )
    return as_answer(
        {
            "message_id": story.message_id,
            "orphans": [as_json(office.redaction.of(shown)) for shown in story.waiting],
            "in_flight": [{**asdict(one), "started_at": iso(one.started_at)} for one in story.running],
            "crash_count": story.record.crashes,
            "interrupted_count": story.record.interrupted,
            "timeline": [{"at": iso(moment.at), "what": moment.what} for moment in story.timeline],
        }
    )


@door("/api/v1/status", "view")
def api_status() -> Response:
    return as_answer(status_as_json(here().office.desk.look().status))


@door("/api/v1/instances", "view")
def api_instances() -> Response:
    members = here().office.desk.look().status.instances
    return as_answer({"items": [asdict(member) for member in members]})


@door("/api/v1/history", "view")
def api_history() -> Response:
    desk = here().office.desk
    limit = request.args.get("limit", "50")
    if not is_number(limit, MOST):
        raise Refusal(400, f"limit: expected a number from 1 to {MOST}.")
    before = before_of(request.args.get("before", ""))
    rows = desk.mirror.back(int(limit) + 1, before, chooser(request.args.get("action", "")))
    items = [
        {"id": told.id, "at": iso(told.at), "action": told.action, "sentence": told.sentence(), "fact": told.fact}
        for told in rows[: int(limit)]
    ]
    return as_answer({"items": items, "next": items[-1]["id"] if len(rows) > len(items) else None})
