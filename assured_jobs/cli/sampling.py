"""`demo --web`: the dashboard over sample orphans of every state, on a Redis of its own."""

from __future__ import annotations

from contextlib import closing
from secrets import token_hex
from typing import Any

import click

from ..demo.samples import Samples
from ..demo.server import private_redis
from ..settings import AssuredJobsSettings
from .options import Options
from .web import dashboard

NAMESPACE = "assured_jobs-demo"

_LET_IN = (
    "It is a demo on this machine alone: whoever reaches it may act. Elsewhere the dashboard is closed until told."
)


def show_dashboard(options: Options) -> None:
    """Serves until it is interrupted; nothing is left behind. Raises NoDashboard, NoRedisServer."""
    if options.url or options.as_json:
        raise click.UsageError("Expected --web alone: it runs on a Redis of its own, and has nothing to tell in JSON.")
    serving = dashboard()
    try:
        with private_redis() as where, closing(Samples(where, NAMESPACE)) as samples:
            samples.make()
            samples.keep_alive()
            settings = serving.WebSettings(auth="anonymous", environment="demo", secret_key=token_hex(32))
            jobs = AssuredJobsSettings(redis_url=where, namespace=NAMESPACE)
            serving.serve("127.0.0.1", 0, ready=_ready, settings=settings, jobs=jobs)
    except KeyboardInterrupt:
        pass
    click.echo("Stopped: the demo's Redis is gone.", err=True)


def _ready(address: str, _settings: Any) -> None:
    click.echo(f"The dashboard is on {address}")
    click.echo(_LET_IN)
    click.echo("Ctrl-C ends it.")
