"""Whether a request that changes something comes from a page of ours: the browser's own word first, then a token.

Sec-Fetch-Site is the better witness, and is not sent to plain HTTP names; Origin is. A token is asked for always. Only
what carries a bearer token needs none: no browser sends that by itself.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, current_app
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from .refusing import Refusal

#: A page may be left open over a week's night shifts, in seconds.
_VALID = 7 * 86400

HEADER = "X-CSRFToken"


def field() -> str:
    """What a form of ours calls it: as the host does, whose own protection may look for it."""
    return str(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"))


def token() -> str:
    """For a form of ours. The host's own protection, where it has one, takes it too."""
    return str(generate_csrf())


def check(request: Request) -> None:
    """Raises Refusal where the request may have been sent by somebody else's page."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site != "same-origin":
            raise Refusal(403, "This was sent by another site's page. Nothing was done.")
    elif (origin := request.headers.get("Origin")) is not None and urlsplit(origin).netloc != request.host:
        raise Refusal(403, "This was sent by another site's page. Nothing was done.")
    try:
        validate_csrf(request.form.get(field()) or request.headers.get(HEADER), time_limit=_VALID)
    except ValidationError:
        raise Refusal(
            403, "This page was open for too long, or the dashboard was restarted. Nothing was done: load it again."
        ) from None
