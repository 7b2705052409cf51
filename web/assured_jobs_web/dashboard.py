"""The dashboard as a Flask extension: `Dashboard().init_app(app, url_prefix="/orphaned-jobs")`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask

from assured_jobs.ledger import Store
from assured_jobs.settings import AssuredJobsSettings

from . import api, pages  # noqa: F401 - importing them hangs their doors
from .access import Authorize
from .doors import DOORS
from .guard import stand_guard
from .headers import dress
from .office import Office
from .present import helpers
from .refusing import teach
from .settings import WebSettings, warn_of_slips
from .where import EXTENSION

DEFAULT_URL = "redis://127.0.0.1:6379/0"

#: A page waits no longer for one command, in seconds.
PATIENCE = 3.0


class Dashboard:
    """Keeps no app: one of them may serve several.

    Args:
        client: a Redis client, such as `broker.client`; else ASSURED_JOBS_REDIS_URL says where.
        authorize: the host's own login: takes the request, returns a Principal, or None for nobody.
        redact: takes an actor's name, args and kwargs, and returns the args and kwargs that may be shown.
        settings: else ASSURED_JOBS_WEB_* say.
        jobs: else ASSURED_JOBS_* say: of these, where Redis is and the namespace.
    """

    def __init__(
        self,
        *,
        client: Any = None,
        authorize: Authorize | None = None,
        redact: Callable[..., Any] | None = None,
        settings: WebSettings | None = None,
        jobs: AssuredJobsSettings | None = None,
    ) -> None:
        self._client = client
        self._authorize = authorize
        self._redact = redact
        self._settings = settings
        self._jobs = jobs

    def init_app(self, app: Flask, url_prefix: str | None = None, name: str = "assured_jobs") -> None:
        """Mounts it. Raises ConfigurationError. Connects to nothing."""
        warn_of_slips()
        settings = self._settings or WebSettings()
        jobs = self._jobs or AssuredJobsSettings()

        def open_store() -> Store:
            timeout = min(PATIENCE, jobs.redis_timeout)
            if self._client is not None:
                return Store(self._client, jobs.namespace, timeout)
            return Store.from_url(jobs.redis_url or DEFAULT_URL, jobs.namespace, timeout)

        if self._client is None:
            open_store().close()  # a URL that is not understood is said now, and not by the first page
        office = Office(settings, open_store, authorize=self._authorize, redact=self._redact)
        app.extensions.setdefault(EXTENSION, {})[name] = office
        app.register_blueprint(_blueprint(name), url_prefix=url_prefix)
        if (protection := app.extensions.get("csrf")) is not None:
            for door in DOORS.values():
                if door.is_api:  # the guard asks for a bearer's token there, or for ours
                    protection.exempt(door.view)


def _blueprint(name: str) -> Blueprint:
    blueprint = Blueprint(
        name, __package__ or "", template_folder="templates", static_folder="static", static_url_path="/static"
    )
    blueprint.before_request(stand_guard)
    blueprint.after_request(dress)
    blueprint.context_processor(helpers)
    teach(blueprint)
    for door in DOORS.values():
        if door.name != "static":
            blueprint.add_url_rule(door.rule, door.name, door.view, methods=list(door.methods))
    return blueprint
