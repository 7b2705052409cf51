"""`events`: what happened, and what happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ..events import ACTIONS
from ..ledger import Ledger, Told
from .options import Options, Verb, ledger_of, shared
from .words import dumps, iso, safe

#: Seconds between two looks for what is new.
_PERIOD = 0.3


@click.command(
    cls=Verb,
    short_help="What happened; with --follow, what happens.",
    examples=["assured-jobs events --follow", "assured-jobs events --action OrphanSettled --limit 0 --json"],
)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="How many; 0 = all kept.")
@click.option(
    "--action",
    type=click.Choice(ACTIONS),
    metavar="NAME",
    help="Only these: OrphanSettled, InstanceDied ...",
)
@click.option("--job", metavar="MESSAGE_ID", help="Only of this job.")
@shared
def events(options: Options, follow: bool, limit: int, action: str | None, job: str | None) -> None:
    """The last events, oldest first: deaths, what became of each job, what people said. About 10,000 are kept.

    With --json each is one line: id, at, action, and the fact itself.
    """
    with ledger_of(options) as ledger, _until_interrupted(follow=follow):
        whole = action is None and job is None
        told = list(ledger.chronicle.since()) if limit == 0 or not whole else ledger.chronicle.last(limit)
        last = told[-1].id if told else "-"
        chosen = [one for one in told if _is_meant(one, action, job)]
        for one in chosen[-limit:] if limit else chosen:
            _print(options, one)
        if not chosen and not options.as_json:
            such = "Nothing has happened that is remembered" if whole else "No such event is remembered"
            click.echo(f"{such}. Waiting for what comes; Ctrl-C ends." if follow else f"{such}.", err=True)
        if follow:
            for one in _follow(ledger, last):
                if _is_meant(one, action, job):
                    _print(options, one)


@contextmanager
def _until_interrupted(*, follow: bool) -> Iterator[None]:
    """Whoever follows ends with Ctrl-C, in the middle of a line too: nothing went wrong then."""
    try:
        yield
    except KeyboardInterrupt:
        if not follow:
            raise


def _follow(ledger: Ledger, last: str) -> Iterator[Told]:
    while True:
        for told in ledger.chronicle.since(last):
            last = told.id
            yield told
        time.sleep(_PERIOD)


def _is_meant(told: Told, action: str | None, job: str | None) -> bool:
    return action in (None, told.action) and job in (None, told.fact.get("message_id"))


def _print(options: Options, told: Told) -> None:
    if options.as_json:
        line: dict[str, Any] = {"id": told.id, "at": iso(told.at), "action": told.action, "fact": told.fact}
        click.echo(dumps(line))
    else:
        click.echo(f"{iso(told.at)}  {safe(told.sentence(), 500)}")
