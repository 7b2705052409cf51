"""Before a word about all that match: how many, of what kinds, some of them; and a signed note of what was shown.

The note carries the filter and the moment: what arrives later is not meant, and nobody can change what was agreed to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from assured_jobs.orphans import DELETABLE, RETRIABLE, Order, Verb
from assured_jobs.orphans.browsing import LARGEST
from assured_jobs.orphans.payloads import show_all

from ..doors import door
from ..filters import Filter, from_query
from ..refusing import Refusal
from ..where import here
from .page import render

#: A plan is agreed to within so many seconds, or made anew.
_VALID = 3600

#: Jobs in each state from which kinds are counted.
_LOOKED_AT = 1000


@door("/plan/retry", "retry", name="plan_retry")
def plan_retry() -> str:
    return _plan("retry", RETRIABLE)


@door("/plan/delete", "delete", name="plan_delete")
def plan_delete() -> str:
    return _plan("delete", DELETABLE)


def _plan(verb: Verb, states: tuple[Any, ...]) -> str:
    office = here().office
    desk = office.desk
    view = desk.look()
    asked = from_query(request.args)
    meant = asked.selection.within(states)
    if not meant:
        raise Refusal(400, f"There is nothing to {verb} in that state: it is for jobs that are {' or '.join(states)}.")
    poison = verb == "delete" or asked.selection.reason is not None or request.args.get("poison") == "1"
    chosen = Filter(replace(asked.selection.of_states(meant), spare_poison=not poison))
    as_of = desk.ledger.custody.now()
    count = desk.browser.count(chosen.selection, view.status)
    number = count.meant
    kinds = desk.browser.kinds(chosen.selection, number.value, most=_LOOKED_AT)
    order = Order(verb, chosen.selection, as_of, number.value, number.exact)
    note = signer().dumps(order.dumps())
    return render(
        "planning", view,
        verb=verb, asked=asked, order=order, number=number, spared=count.spared, kinds=kinds, note=note,
        samples=[office.redaction.of(one) for one in show_all(desk.ledger, list(kinds.samples), LARGEST)],
        command=replace(asked, selection=asked.selection.of_states(meant)).command(verb),
    )  # fmt: skip


def agreed(text: str) -> Order:
    """The order of a signed note. Raises Refusal."""
    try:
        return Order.loads(signer().loads(text, max_age=_VALID))
    except (BadData, ValueError, TypeError, KeyError):
        raise Refusal(
            400, "That plan is older than an hour, or not one of ours. Nothing was done: make it anew."
        ) from None


def signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt=f"assured-jobs-plan.{here().name}")
