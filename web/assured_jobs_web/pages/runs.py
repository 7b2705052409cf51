"""A word about many jobs, as it is carried out. Every request takes one short step; how far it has come is in Redis.

So a page that is closed stops it, and whoever opens its address goes on; a dashboard that is killed loses nothing.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from assured_jobs.orphans import Progress
from assured_jobs.orphans.wording import count

from ..doors import door
from ..filters import is_number
from ..guard import principal
from ..present import say
from ..refusing import Refusal
from ..where import here
from .page import render
from .planning import agreed

#: Seconds that one request goes on.
STEP = 0.8

_FASTEST = 100_000


@door("/runs", "retry", "delete", methods=("POST",))
def begin() -> Response:
    """Only what was shown and signed. Delete asks for the number as well, as it was typed."""
    order = agreed(request.form.get("plan", ""))
    _may(order.verb)
    if order.verb == "delete" and request.form.get("confirmed", "").strip() != _number(order.total, exact=order.exact):
        say("The number was not typed as it is shown. Nothing was deleted.", bad=True)
        return redirect(url_for(".plan_delete", **_query(order)), 303)
    rate = request.form.get("rate", "").strip()
    if rate and not is_number(rate, _FASTEST):
        raise Refusal(
            400, f"rate: expected a number from 1 to {_FASTEST:,}, or nothing for no limit. Nothing was done."
        )
    if rate:
        order = type(order)(**{**vars(order), "rate": int(rate)})
    running = here().office.desk.running
    name = running.begin(order, principal().who).name
    progress = running.step(name, STEP)
    here().office.desk.look_again()
    if progress is not None and progress.ended:
        say(outcome(progress))
        return redirect(url_for(".orphans"), 303)
    return redirect(url_for(".run", name=name), 303)


@door("/runs/<name>", "view", name="run")
def run(name: str) -> str:
    desk = here().office.desk
    return render("run", desk.look(), run=_find(name), outcome=outcome)


@door("/runs/<name>/step", "retry", "delete", methods=("POST",))
def step(name: str) -> Any:
    """One step; for our script as JSON, else the page again."""
    _may(_find(name).order.verb)
    desk = here().office.desk
    if request.form.get("resume"):
        desk.running.resume(name)
    progress = desk.running.step(name, STEP)
    if progress is not None and progress.ended:
        desk.look_again()
    if request.accept_mimetypes.best == "application/json" and progress is not None:
        return jsonify(
            done=progress.done, looked=progress.looked, total=progress.order.total, ended=progress.ended,
            words=outcome(progress),
        )  # fmt: skip
    return redirect(url_for(".run", name=name), 303)


@door("/runs/<name>/stop", "retry", "delete", methods=("POST",))
def stop(name: str) -> Response:
    _may(_find(name).order.verb)
    here().office.desk.running.stop(name)
    return redirect(url_for(".run", name=name), 303)


def outcome(progress: Progress) -> str:
    did = {"retry": "Retried", "delete": "Deleted"}[progress.order.verb]
    gone = f", already gone {progress.gone:,}" if progress.gone else ""
    how = {"": " so far", "stopped": ", then stopped"}.get(progress.ended, "")
    return f"{did} {count(progress.done, 'job')}{gone}{how}."


def _may(verb: str) -> None:
    """The door asks for one right or the other; which it is about is known only here."""
    if verb not in principal().rights:
        raise Refusal(403, f"{principal().who} may not do that: it takes the right to {verb}. Nothing was done.")


def _find(name: str) -> Progress:
    progress = here().office.desk.running.look(name[:40]) if name.isalnum() else None
    if progress is None:
        raise Refusal(404, "There is no such run: it is over for more than a day, or never was.")
    return progress


def _number(total: int, *, exact: bool) -> str:
    return f"{total}" if exact else f"{total}+"


def _query(order: Any) -> dict[str, Any]:
    chosen = order.selection
    named = {
        "q": chosen.text, "queue": chosen.queue, "actor": chosen.actor, "instance": chosen.instance,
        "reason": chosen.reason, "state": list(chosen.states),
    }  # fmt: skip
    return {name: value for name, value in named.items() if value}
