"""Everything that is known of one job."""

from __future__ import annotations

from typing import Any

from assured_jobs.orphans import DELETABLE, RETRIABLE

from ..doors import door
from ..present import certainty, link
from ..where import here
from .page import render


@door("/orphans/<path:id>", "view")
def job(id: str) -> tuple[str, int]:
    office = here().office
    desk = office.desk
    view = desk.look()
    id = id[:300]
    story = desk.story(id, view.fleet)
    waiting: list[dict[str, Any]] = [
        {
            "shown": office.redaction.of(shown),
            "can_retry": shown.orphan.state in RETRIABLE,
            "can_delete": shown.orphan.state in DELETABLE,
            "doubt": certainty(shown),
            "links": [link(template, shown.orphan) for template in office.settings.links],
            "commands": {verb: here().command(verb, shown.orphan.message_id) for verb in ("retry", "delete")},
        }
        for shown in story.waiting
    ]
    page = render("job", view, id=id, story=story, waiting=waiting, show_command=here().command("show", id))
    return page, 200 if story.is_known else 404
