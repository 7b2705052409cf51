"""Every worker: its two signals, what it runs or left; and the word of somebody who knows that one is dead."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from assured_jobs.entry import InstanceInfo
from assured_jobs.orphans.wording import count, safe

from ..doors import door
from ..guard import principal
from ..present import say
from ..refusing import Refusal
from ..where import here
from .page import render

#: Workers on one page.
MOST = 500

_ORDER = {"stalled": 0, "dead": 1, "draining": 2, "alive": 3}


@door("/instances", "view")
def instances() -> str:
    view = here().office.desk.look()
    members = sorted(view.status.instances, key=lambda one: (_ORDER.get(one.state, 9), one.id))
    infos = {finding.vitals.info.id: finding.vitals.info for finding in view.fleet.findings}
    infos |= {death.info.id: death.info for death in view.fleet.deaths}
    return render("instances", view, members=members[:MOST], number=len(members), infos=infos, queues_of=_queues)


def _queues(info: InstanceInfo) -> list[str]:
    """Without the delay queues, which every queue has."""
    return [name for name in info.queues if not name.endswith(".DQ")]


@door("/act/declare-dead", "declare-dead", methods=("POST",))
def declare_dead() -> Any:
    """Asked for twice: the first says what is seen of it."""
    desk = here().office.desk
    id = request.form.get("instance", "")
    view = desk.look()
    member = next((one for one in view.status.instances if one.id == id), None)
    if member is None:
        raise Refusal(404, "There is no such worker any more. Nothing was done.")
    if request.form.get("confirmed") != "yes":
        return render("declaring", view, member=member)
    word = desk.orphans.declare_dead(id, view.fleet, principal().who)
    found = desk.look_again()
    left = next((one.left for one in found.status.instances if one.id == id), 0)
    told = {
        "declared": f"{safe(id)} is dead. {count(left, 'job')} of it come back with the next pass.",
        "already": f"{safe(id)} was dead already.",
        "alive": f"{safe(id)} has sent a heartbeat since it was looked at: it lives. Nothing was done.",
    }
    say(told[word], bad=word == "alive")
    return redirect(url_for(".instances"), 303)
