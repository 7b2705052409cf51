"""The dashboard by itself: an app that is nothing else."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flask import Flask

from .dashboard import Dashboard
from .headers import dress
from .proxies import behind
from .settings import WebSettings, variable

logger = logging.getLogger("assured_jobs.web")


def create_app(settings: WebSettings | None = None, **dashboard: Any) -> Flask:
    """An app with the dashboard at its root. Keywords are Dashboard's.

    Raises ConfigurationError.
    """
    settings = settings or WebSettings()
    app = Flask("assured_jobs_web", static_folder=None)
    if settings.secret_key is not None:
        app.secret_key = settings.secret_key.get_secret_value()
    else:
        app.secret_key = secrets.token_hex(32)
        logger.warning(
            "%s is not set: a key is made up for this process alone. With several processes, or after a restart, open "
            "pages have to be loaded again.", variable("secret_key"),
        )  # fmt: skip
    app.config.update(
        SESSION_COOKIE_NAME="assured_jobs", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=settings.https_only,
    )  # fmt: skip
    if settings.auth == "anonymous":
        may = "look" if settings.readonly else "act"
        logger.warning("%s=anonymous: whoever reaches the dashboard may %s.", variable("auth"), may)
    elif not settings.is_open and dashboard.get("authorize") is None:
        names = variable("username"), variable("password")
        logger.warning("The dashboard is closed: every page says so. Set %s and %s.", *names)
    Dashboard(settings=settings, **dashboard).init_app(app)
    app.after_request(dress)
    if settings.proxies:
        app.wsgi_app = behind(app.wsgi_app, settings.proxies)  # type: ignore[assignment,method-assign]  # as Flask says to wrap it
    return app
