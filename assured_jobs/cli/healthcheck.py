"""`healthcheck` for people: help, and JSON. A probe takes the short way, in `__main__`."""

from __future__ import annotations

import click

from ..errors import ConfigurationError
from ..healthcheck import VARIABLE, WORDS, look
from .options import Options, Verb, shared
from .words import print_json, safe


@click.command(
    cls=Verb,
    short_help="Do the workers of this container live? For a probe.",
    examples=["assured-jobs healthcheck", "assured-jobs healthcheck /run/assured-jobs/health --json"],
)
@click.argument("path", required=False)
@shared
def healthcheck(options: Options, path: str | None) -> None:
    """Do the worker processes of this container live? Each reports in a file under PATH [ASSURED_JOBS_HEALTH_FILE].

    Exits with 0 where all live, 1 where one is stalled, 2 where one is dead or none has reported. It asks no Redis: a
    Redis that is away makes nobody ill.
    """
    where = path or options.settings().health_file
    if not where:
        raise ConfigurationError([f"{VARIABLE}: expected a path, here and in the worker, got nothing"])
    worst, told = look(where)
    if options.as_json:
        processes = [{"pid": pid, "state": WORDS[verdict], "reason": reason} for pid, verdict, reason in told]
        print_json({"state": WORDS[worst], "processes": processes})
    else:
        for pid, verdict, reason in told:
            click.echo(f"{WORDS[verdict]}: {f'process {pid}, ' if pid else ''}{safe(reason, 400)}")
    raise click.exceptions.Exit(worst)
