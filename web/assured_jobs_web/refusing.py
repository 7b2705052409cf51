"""How a request is refused, and what goes wrong told: one plain sentence, as a page or as JSON, and nothing inside."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, make_response, render_template
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from assured_jobs.errors import ForeignValue, LedgerError, LedgerUnreachable
from assured_jobs.orphans.wording import dumps

from .doors import DOORS
from .where import here

logger = logging.getLogger("assured_jobs.web")

_WORDS = {
    404: "There is no such page.",
    405: "This address does not take that method.",
    413: "That is more than this page takes at once.",
}


class Refusal(Exception):
    """A request is not served, with the reason for whoever sent it."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})


def answer(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    door = DOORS.get(here().door_name)
    body: Any
    if door is not None and door.is_api:
        body = Response(dumps({"error": sentence}), mimetype="application/json")
    else:
        body = render_template("assured_jobs/refusal.html", status_code=status, sentence=sentence)
    response = make_response(body, status)
    response.headers.update(headers or {})
    return response


def teach(blueprint: Blueprint) -> None:
    """Tells a blueprint how each kind of trouble is answered."""

    @blueprint.errorhandler(Refusal)
    def _refused(error: Refusal) -> Response:
        return answer(error.status, error.sentence, error.headers)

    @blueprint.errorhandler(LedgerError)
    def _no_ledger(error: LedgerError) -> Response:
        # The full words may name where the Redis is: they are for the log.
        logger.error("%s", error)
        if isinstance(error, ForeignValue):
            sentence = "A key of ours in Redis holds what we did not write. `assured-jobs status` names it."
        elif isinstance(error, LedgerUnreachable):
            sentence = "Redis does not answer. Jobs that run are not touched by this; load the page again in a while."
        else:
            sentence = "Redis refused. Is it read-only, out of memory, or does an ACL forbid the command?"
        return answer(503, sentence)

    @blueprint.errorhandler(RequestEntityTooLarge)
    def _too_large(_error: RequestEntityTooLarge) -> Response:
        return answer(413, _WORDS[413])

    @blueprint.errorhandler(HTTPException)
    def _of_http(error: HTTPException) -> Any:
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        if error.response is not None or code < HTTPStatus.BAD_REQUEST:
            return error
        return answer(code, _WORDS.get(code, "That request was not understood."))

    @blueprint.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        logger.error("The dashboard could not answer a request.", exc_info=error)
        return answer(500, "Something went wrong here; the log of the dashboard has it. Nothing more is known.")
