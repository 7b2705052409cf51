"""What may be done: retry and delete, by name or by filter. Said twice, it is done once."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from assured_jobs.orphans import Order, Progress, Tally, Verb
from assured_jobs.orphans.deciding import DECIDABLE

from ..doors import door
from ..filters import MARKS, select
from ..guard import principal
from ..refusing import Refusal
from ..where import here
from .reading import as_answer

#: Jobs that can be named at once, and seconds that a word about a filter goes on in one request.
MOST, STEP = 1000, 1.2

_EXPECTED = 'expected JSON with "ids": [...], or "filter": {...}, or "next" as an earlier answer gave it.'


@door("/api/v1/orphans/retry", "retry", methods=("POST",))
def api_retry() -> Response:
    return _act("retry")


@door("/api/v1/orphans/delete", "delete", methods=("POST",))
def api_delete() -> Response:
    return _act("delete")


def _act(verb: Verb) -> Response:
    try:
        told: Any = request.get_json(force=True, silent=True)
    except RecursionError:  # nested too deeply
        told = None
    if not isinstance(told, dict) or len(told) != 1 or set(told) - {"ids", "filter", "next"}:
        raise Refusal(400, f"body: {_EXPECTED}")
    desk = here().office.desk
    if "ids" in told:
        tally = _by_name(verb, told["ids"])
    elif "filter" in told:
        tally = _by_filter(verb, told["filter"])
    else:
        tally = _go_on(verb, told["next"])
    desk.look_again()
    return tally


def _by_name(verb: Verb, ids: Any) -> Response:
    if not isinstance(ids, list) or not ids or not all(isinstance(id, str) and id for id in ids) or len(ids) > MOST:
        raise Refusal(400, f"ids: expected a list of 1 to {MOST} message ids or deliveries.")
    desk = here().office.desk
    tally: Tally = getattr(desk.orphans, verb)(ids, principal().who)
    return as_answer({"done": tally.done, "gone": tally.gone, "refused": tally.refused})


def _by_filter(verb: Verb, given: Any) -> Response:
    if not isinstance(given, dict) or not given:
        marks = ", ".join(MARKS)
        raise Refusal(400, f'filter: expected some of {marks}; for everything that is held, {{"state": "held"}}.')
    desk = here().office.desk
    selection = select(given)
    # A program whose variable is empty does not mean everything.
    if empty := [name for name, value in given.items() if not value or (isinstance(value, str) and not value.strip())]:
        raise Refusal(400, f"{empty[0]}: expected a value, got none: leave out what does not matter. Nothing was done.")
    if not (states := selection.within(DECIDABLE[verb])):
        raise Refusal(400, f"state: there is nothing to {verb} but jobs that are {' or '.join(DECIDABLE[verb])}.")
    selection = selection.of_states(states)
    number = desk.browser.count(selection, desk.look().status).meant
    order = Order(verb, selection, desk.ledger.custody.now(), number.value, number.exact)
    return _answer(desk.running.step(desk.running.begin(order, principal().who).name, STEP))


def _go_on(verb: Verb, name: Any) -> Response:
    running = here().office.desk.running
    found = running.look(name) if isinstance(name, str) and name.isalnum() else None
    if found is None or found.order.verb != verb:
        raise Refusal(400, f"next: expected what an earlier answer to {verb} gave, within a day.")
    return _answer(running.step(found.name, STEP))


def _answer(progress: Progress | None) -> Response:
    """What was done so far. `next` is there while there is more to do: say it again with that."""
    if progress is None:
        raise Refusal(404, "There is no such run any more.")
    desk = here().office.desk
    order, refused = progress.order, 0
    if set(order.selection.states) == set(DECIDABLE[order.verb]):  # no state was named: the unjudged were meant too
        refused = desk.orphans.unjudged(order.selection.of_states(()), desk.look().fleet)
    body: dict[str, Any] = {"done": progress.done, "gone": progress.gone, "refused": refused}
    if not progress.ended:
        body["next"] = progress.name
    return as_answer(body)
