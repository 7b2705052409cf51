"""What happened, and who did what."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import request

from assured_jobs.events import ACTIONS
from assured_jobs.ledger import Told
from assured_jobs.ledger.runs import LIFETIME

from ..doors import door
from ..refusing import Refusal
from ..where import here
from .page import render

SIZE = 50

_PLACE = re.compile(r"[0-9]{1,16}(?:-[0-9]{1,9})?")

_PEOPLE = ("OperatorSaid", "OperatorBegan")


@door("/history", "view")
def history() -> str:
    desk = here().office.desk
    action = request.args.get("action", "")
    if action not in ("", "people", *ACTIONS):
        raise Refusal(400, f"action: expected people, or one of {', '.join(ACTIONS)}.")
    rows = desk.mirror.back(SIZE + 1, before_of(request.args.get("before", "")), chooser(action))
    return render(
        "history",
        desk.look(),
        rows=rows[:SIZE],
        more=len(rows) > SIZE,
        action=action,
        actions=ACTIONS,
        remembered=LIFETIME * 1000,
    )


def chooser(action: str) -> Callable[[Told], bool]:
    if not action:
        return lambda _: True
    return lambda told: told.action in (_PEOPLE if action == "people" else (action,))


def before_of(text: str) -> str:
    """Raises Refusal where it is not the place of an event."""
    if text and not _PLACE.fullmatch(text):
        raise Refusal(400, "before: expected the place of an event, as an earlier page gave it.")
    return text
