"""How values stand on a page. Everything that comes from a job is somebody else's: it is text, bounded and harmless."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from flask import session, url_for

from assured_jobs.entry import Orphan
from assured_jobs.orphans import Shown
from assured_jobs.orphans.wording import OBSERVING, ago, call, count, iso, safe, span

from .where import here

#: Characters of pretty-printed arguments.
_LONGEST = 64 * 1024

_SAID = "assured_jobs_said"

#: Characters of an id in an address.
_LONGEST_ID = 300


def pretty(value: Any) -> str:
    """JSON over several lines, each made harmless by itself."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    cut = text[:_LONGEST]
    lines = [safe(line, _LONGEST) for line in cut.split("\n")]
    return "\n".join(lines) + ("" if len(cut) == len(text) else f"\n... ({len(text):,} characters)")


def lines(text: str, longest: int = _LONGEST) -> str:
    """A text of several lines, such as a traceback."""
    return "\n".join(safe(line, longest) for line in text[:longest].splitlines())


def job_url(id: str) -> str | None:
    """The page of a job; None where its id cannot stand in an address."""
    steps = id.split("/")
    if not id.strip("./ ") or not steps[0] or "\n" in id or len(id) > _LONGEST_ID or {".", ".."} & {*steps}:
        return None  # it would lead elsewhere
    try:
        return url_for(".job", id=id)
    except UnicodeError:
        return None


def list_url(**query: Any) -> str:
    """The list with a filter; all of it where a name of the filter cannot stand in an address."""
    try:
        return url_for(".orphans", **query)
    except UnicodeError:
        return url_for(".orphans")


def link(template: str, orphan: Orphan) -> tuple[str, str]:
    """Name and address of a link of the settings, about one job."""
    name, _, address = template.partition("=")
    for mark in ("message_id", "actor", "queue", "instance"):
        address = address.replace(f"{{{mark}}}", quote(getattr(orphan, mark), safe="", errors="replace"))
    return name, address


def say(sentence: str, *, bad: bool = False) -> None:
    """For the next page that is shown to this person. Not Flask's own messages, which are the host's."""
    session[_SAID] = [sentence[:1000], bad]


def said() -> tuple[str, bool] | None:
    found = session.pop(_SAID) if _SAID in session else None  # an app without a key has none to take from
    return (str(found[0]), bool(found[1])) if isinstance(found, list) and found[1:] else None


@cache
def asset(name: str) -> str:
    """What a static file is, in a few characters: its address changes when it does."""
    return hashlib.sha256(files(__package__).joinpath("static", name).read_bytes()).hexdigest()[:12]


def helpers() -> dict[str, Any]:
    """What our templates may call."""
    return {
        "plain": safe, "ago": ago, "span": span, "iso": iso, "count": count, "call": call, "pretty": pretty,
        "lines": lines, "job_url": job_url, "list_url": list_url, "asset": asset, "said": said, "why": why,
        "command": here().command, "OBSERVING": OBSERVING,
    }  # fmt: skip


#: What a reason code is, in few words.
_WHY = {
    "never_started": "fetched, never started", "not_assured": "actor not assured", "undecodable": "cannot be decoded",
    "crashed": "its worker crashed", "suspected": "beside a suspect", "interrupted": "worker shut down",
    "max_crashes": "killed its workers", "max_interrupted": "interrupted too often", "max_orphan_age": "too old",
    "on_orphan": "its actor says so",
}  # fmt: skip


def why(code: str) -> str:
    return _WHY.get(code, safe(code) or "not judged yet")


def certainty(shown: Shown) -> str:
    """Whether a retry may make it run twice, in a sentence; empty where nobody doubts the death."""
    causes = [crash.cause for crash in shown.orphan.crashes[-1:]]
    if any(cause in ("heartbeat expired", "stalled") or "said so" in cause for cause in causes):
        return (
            f"Its worker was taken for dead without its connection being seen to close ({safe(causes[0])}). If it "
            "lives after all, it finishes nothing, and what it had done by then is done twice."
        )
    return ""
