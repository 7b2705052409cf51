"""`web`: the dashboard, which is a package of its own and needs an extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import click

from ..errors import AssuredJobsError
from .options import Options, Verb, shared
from .words import print_json

DEFAULT_PORT = 8090


class NoDashboard(AssuredJobsError):
    """The dashboard needs more than the core: pip install 'dramatiq-assured-jobs[web]'."""


def dashboard() -> ModuleType:
    """What serves it, imported only when it is asked for: the core knows no Flask. Raises NoDashboard."""
    try:
        return import_module("assured_jobs_web.serving")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "assured_jobs":
            raise
        raise NoDashboard(f"{NoDashboard.__doc__} ({error.name} is missing)") from error


@click.command(
    cls=Verb,
    short_help="The dashboard, in a browser.",
    examples=[
        "assured-jobs web --host 0.0.0.0 --port 8090",
        "ASSURED_JOBS_WEB_USERNAME=ann ASSURED_JOBS_WEB_PASSWORD=... assured-jobs web",
    ],
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="NAME", help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="Where to listen; 0 = any."
)
@shared
def web(options: Options, host: str, port: int) -> None:
    """Serves the dashboard until Ctrl-C. It needs Redis alone: neither your code nor your broker.

    ASSURED_JOBS_WEB_USERNAME and ASSURED_JOBS_WEB_PASSWORD let somebody in; without any such setting it is closed.
    """
    serving = dashboard()

    def ready(address: str, settings: Any) -> None:
        if options.as_json:
            print_json({"address": address, "open": settings.is_open})
        else:
            click.echo(f"The dashboard is on {address} ({who_may(settings)}). Ctrl-C ends it.")

    serving.serve(host, port, ready=ready, jobs=options.settings())


def who_may(settings: Any) -> str:
    """Who is let in, in a few words."""
    if not settings.is_open:
        return "CLOSED: set ASSURED_JOBS_WEB_USERNAME and ASSURED_JOBS_WEB_PASSWORD"
    may = "look" if settings.readonly else "act"
    if settings.auth == "anonymous":
        return f"whoever reaches it may {may}"
    return "basic auth" if settings.password or settings.readonly_password else "bearer token"
