"""Is it still bleeding?"""

from __future__ import annotations

from collections import Counter

from ..chart import draw
from ..doors import door
from ..where import here
from .page import is_silent, render

#: What counts as new, in minutes; and how much of the history stands on the first page.
NEW, LAST = 15, 8


@door("/", "view")
def overview() -> str:
    desk = here().office.desk
    view = desk.look()
    fresh = list(desk.mirror.settled(view.now - NEW * 60_000))
    members = view.status.instances
    troubled = [one for one in members if one.state in ("stalled", "dead")]
    return render(
        "overview", view,
        silent=is_silent(view),
        new=len(fresh),
        new_held=sum(told.fact.get("outcome") == "held" for told in fresh),
        new_minutes=NEW,
        kinds=desk.kinds_of("held", view.status.counts["held"]),
        chart=draw(desk.mirror.minutes(view.now)),
        states=Counter(one.state for one in members),
        troubled=sorted(troubled, key=lambda one: (one.state != "stalled", not one.left, one.id))[:LAST],
        history=desk.mirror.back(LAST),
    )  # fmt: skip
