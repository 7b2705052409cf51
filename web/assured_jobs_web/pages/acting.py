"""Retry and delete of jobs by name: the ticked ones, or one. Each is a compare-and-set; said twice, it is done once."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from flask import Request, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from assured_jobs.orphans import Tally
from assured_jobs.orphans.wording import count

from ..doors import door
from ..filters import from_query
from ..guard import principal
from ..present import say
from ..refusing import Refusal
from ..where import here
from .page import render

#: Jobs that can be named at once.
MOST = 500

_DONE = {"retry": "Retried", "delete": "Deleted"}


@door("/act/retry", "retry", methods=("POST",))
def retry() -> Response:
    ids = named(request)
    if not ids:
        return back(request)
    tell("retry", here().office.desk.orphans.retry(ids, principal().who))
    return back(request)


@door("/act/delete", "delete", methods=("POST",))
def delete() -> Any:
    """Asked for twice: the first shows what it is about, the second has the number of jobs as it was typed."""
    ids = named(request)
    if not ids:
        return back(request)
    desk = here().office.desk
    typed = request.form.get("confirmed")
    if typed is not None and typed.strip() == str(len(ids)):
        tell("delete", desk.orphans.delete(ids, principal().who))
        return back(request, list_only=True)
    found = [orphan for id in ids[:20] for orphan in desk.orphans.find(id)]
    return render(
        "deleting", desk.look(),
        ids=ids, found=found, wrong=typed is not None, back=request.form.get("back", "")[:2000],
    )  # fmt: skip


def named(request: Request) -> list[str]:
    """The jobs that a form names. Raises Refusal for too many."""
    ids = [id for id in dict.fromkeys(request.form.getlist("only") or request.form.getlist("id")) if id]
    if len(ids) > MOST:
        raise Refusal(400, f"At most {MOST} jobs can be named at once. For more, use the filter.")
    if not ids:
        say("No job was ticked. Nothing was done.", bad=True)
    return ids


def tell(verb: str, tally: Tally) -> None:
    """What became of it: `Retried 37, already gone 3.`"""
    gone = f", already gone {tally.gone:,}" if tally.gone else ""
    refused = f", refused {tally.refused:,}" if tally.refused else ""
    note = f" {tally.notes[0]}" if len(tally.notes) == 1 else ""
    say(f"{_DONE[verb]} {count(tally.done, 'job')}{gone}{refused}.{note}", bad=not tally.done)
    here().office.desk.look_again()


def back(request: Request, *, list_only: bool = False) -> Response:
    """To the list as it was filtered, or to the job: only to pages of ours, with what they know."""
    if (id := request.form.get("job")) and not list_only:
        return redirect(url_for(".job", id=id[:300]), 303)
    try:
        chosen = from_query(MultiDict(parse_qsl(request.form.get("back", "")[:2000], max_num_fields=50)))
    except (Refusal, ValueError):
        return redirect(url_for(".orphans"), 303)
    return redirect(url_for(".orphans", **chosen.query(cursor=chosen.cursor)), 303)
