"""What stands before every view, in this order: is it open at all, for whom, may they, and do they themselves ask?"""

from __future__ import annotations

import re
from collections.abc import Collection

from flask import current_app, g, request
from werkzeug.sansio.utils import host_is_trusted

from . import csrf
from .access import Principal, identify
from .doors import DOORS
from .refusing import Refusal
from .settings import variable
from .where import here

#: Bytes of a request.
LARGEST = 256 * 1024

_SAFE = ("GET", "HEAD", "OPTIONS")

_CLOSED = (
    f"The dashboard is closed: it has not been told yet who may come in. Set {variable('username')} and "
    f"{variable('password')}, or {variable('token')} for the JSON API, or {variable('auth')}=anonymous for everybody."
)


def principal() -> Principal:
    """Who asks, behind the guard."""
    found: Principal = g.assured_jobs_principal
    return found


def stand_guard() -> None:
    """Raises Refusal. What is not known to be a door of ours is refused as well."""
    request.max_content_length = LARGEST
    door = DOORS.get(here().door_name)
    if door is None:
        raise Refusal(404, "There is no such page.")
    if not door.rights:
        return
    office = here().office
    settings = office.settings
    if settings.trusted_hosts and not _is_trusted(request.host, settings.trusted_hosts):
        raise Refusal(
            400, f"This dashboard is not reached by that name. {variable('trusted_hosts')} lists those it has."
        )
    if not office.is_open:
        raise Refusal(503, _CLOSED)
    if not current_app.secret_key:
        raise Refusal(503, "The dashboard is closed: the app that it is part of has no SECRET_KEY.")
    found = identify(request, settings, office.authorize)
    if found is None:
        raise _who_are_you()
    g.assured_jobs_principal = found
    if not found.rights & set(door.rights):
        asked = " or ".join(door.rights)
        raise Refusal(403, f"{found.who} may not do that: it takes the right to {asked}. Nothing was done.")
    if request.method not in _SAFE and found.by != "bearer":
        csrf.check(request)


def _is_trusted(host: str, names: Collection[str]) -> bool:
    """Werkzeug cuts a name of its list at the first colon, which makes `[::1]` nobody's."""
    return re.sub(r":\d+\Z", "", host) in names or host_is_trusted(host, list(names))


def _who_are_you() -> Refusal:
    office = here().office
    schemes = []
    if office.settings.password or office.settings.readonly_password:
        schemes.append('Basic realm="assured-jobs", charset="UTF-8"')
    if office.settings.token or office.settings.readonly_token:
        schemes.append('Bearer realm="assured-jobs"')
    if not schemes:
        return Refusal(403, "You are not let in here. Log in where this app lets people in.")
    headers = {"WWW-Authenticate": ", ".join(schemes)}
    return Refusal(401, "Who are you? A name and a password, or a token, are asked for.", headers)
