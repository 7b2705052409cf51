"""`retry` and `delete`: a person decides. They change state; whoever holds the broker acts on it."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict

import click

from ..orphans import DELETABLE, Orphans, Tally
from .options import Options, Verb, ledger_of, shared
from .words import count, print_json, safe

_EXAMPLE = "1f3e0c52-8d4b-4b6e-9f0a-2c7d5e6a7b8c"


@click.command(
    cls=Verb,
    short_help="Jobs that wait get one more life.",
    examples=["assured-jobs retry 1f3e0c52-8d4b-4b6e-9f0a-2c7d5e6a7b8c", "assured-jobs retry --all"],
)
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="Everything that is held or deferred.")
@shared
def retry(options: Options, ids: tuple[str, ...], everything: bool) -> None:
    """Gives held or deferred jobs one more life. ID is a message id or a delivery, as `orphans` shows them.

    A watching worker enqueues them within a second; without one, `assured-jobs recover` does.
    Exits with 1 where an ID is not done.
    """
    _check(ids, everything, "retry")
    with ledger_of(options, *ids) as ledger, closing(Orphans(ledger)) as desk:
        tally = desk.retry_all() if everything else desk.retry([*ids])
        watched = options.as_json or not tally.done or desk.status().watched
    _tell(options, tally, f"{count(tally.done, 'job')} released.")
    if not watched:
        click.echo("Nobody watches: start a worker, or run `assured-jobs recover` to enqueue them now.")
    _end(tally, everything)


@click.command(
    cls=Verb,
    short_help="Jobs that wait are thrown away.",
    examples=["assured-jobs delete 1f3e0c52-8d4b-4b6e-9f0a-2c7d5e6a7b8c", "assured-jobs delete --all --yes"],
)
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="Everything that is held, deferred or released.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared
def delete(options: Options, ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Deletes held, deferred or released jobs for good: their payloads go. ID is a message id or a delivery.

    Exits with 1 where an ID is not done.
    """
    _check(ids, everything, "delete")
    with ledger_of(options, *ids) as ledger, closing(Orphans(ledger)) as desk:
        if everything and not yes:
            _confirm(options, sum(ledger.custody.count(state) for state in DELETABLE))
        tally = desk.delete_all() if everything else desk.delete([*ids])
    _tell(options, tally, f"{count(tally.done, 'job')} deleted.")
    _end(tally, everything)


def _check(ids: tuple[str, ...], everything: bool, verb: str) -> None:
    if not ids and not everything:
        raise click.UsageError(f"Expected IDs or --all, got neither. Example: assured-jobs {verb} {_EXAMPLE}")
    if ids and everything:
        raise click.UsageError(f"Expected IDs or --all, got both. Example: assured-jobs {verb} --all")


def _confirm(options: Options, number: int) -> None:
    if options.as_json or not sys.stdin.isatty():
        raise click.UsageError(
            "--all deletes everything that waits: expected --yes, got no terminal to ask on. "
            "Example: assured-jobs delete --all --yes"
        )
    click.confirm(f"Delete {count(number, 'job')} for good, payloads and all?", abort=True)


def _tell(options: Options, tally: Tally, sentence: str) -> None:
    if options.as_json:
        print_json(asdict(tally))
        return
    click.echo(sentence if tally.done or tally.notes else "Nothing waits.")
    for note in tally.notes:
        click.echo(safe(note, 400), err=True)


def _end(tally: Tally, everything: bool) -> None:
    if not everything and (tally.gone or tally.refused):
        raise click.exceptions.Exit(1)
