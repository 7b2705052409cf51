"""`retry`, `delete` and `release`: a person decides. They change state; whoever holds the broker acts on it."""

from __future__ import annotations

import getpass
import os
import socket
from contextlib import closing
from dataclasses import asdict

import click

from ..orphans import DELETABLE, RETRIABLE, Orphans, Selection, Tally
from .options import Options, Verb, ledger_of, selecting, shared
from .planning import ask, carry_out
from .words import count, print_json, safe

_EXAMPLE = "1f3e0c52-8d4b-4b6e-9f0a-2c7d5e6a7b8c"


@click.command(
    cls=Verb,
    short_help="Jobs that wait get one more life.",
    examples=[
        f"assured-jobs retry {_EXAMPLE}",
        "assured-jobs retry --queue mail --reason max_crashes",
        "assured-jobs retry --all --yes",
    ],
)
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="Everything that is held or deferred.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@selecting(RETRIABLE)
@shared
def retry(options: Options, ids: tuple[str, ...], everything: bool, yes: bool, selection: Selection) -> None:
    """Gives held or deferred jobs one more life. ID is a message id or a delivery, as `orphans` shows them.

    With filters, or --all, it shows how many and which, and asks. What is held after it asked is left out.
    A watching worker enqueues them within a second; without one, `assured-jobs recover` does.
    Exits with 1 where an ID is not done.
    """
    _check("retry", ids, everything, selection)
    with ledger_of(options, *ids) as ledger, closing(Orphans(ledger)) as desk:
        if ids:
            tally = desk.retry([*ids], who())
        else:
            plan = desk.plan("retry", selection)
            ask(options, plan, yes=yes)
            tally = carry_out(options, plan, who(), desk.carry_out)
        watched = options.as_json or not tally.done or desk.status().watched
    _tell(options, tally, "retried")
    if not watched:
        click.echo("Nobody watches: start a worker, or run `assured-jobs recover` to enqueue them now.")
    _end(tally, ids)


@click.command(
    cls=Verb,
    short_help="Jobs that wait are thrown away.",
    examples=[
        f"assured-jobs delete {_EXAMPLE}",
        "assured-jobs delete --actor send_newsletter --state held",
        "assured-jobs delete --all --yes",
    ],
)
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="Everything that is held, deferred or released.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@selecting(DELETABLE)
@shared
def delete(options: Options, ids: tuple[str, ...], everything: bool, yes: bool, selection: Selection) -> None:
    """Deletes held, deferred or released jobs for good: their payloads go. ID is a message id or a delivery.

    With filters, or --all, it shows how many and which, and asks. What is held after it asked is left out.
    Exits with 1 where an ID is not done.
    """
    _check("delete", ids, everything, selection)
    with ledger_of(options, *ids) as ledger, closing(Orphans(ledger)) as desk:
        if ids:
            tally = desk.delete([*ids], who())
        else:
            plan = desk.plan("delete", selection)
            ask(options, plan, yes=yes)
            tally = carry_out(options, plan, who(), desk.carry_out)
    _tell(options, tally, "deleted")
    _end(tally, ids)


@click.command(
    cls=Verb,
    short_help="Empties custody into the queues, before uninstalling.",
    examples=["assured-jobs release --all", "assured-jobs release --all --yes"],
)
@click.option("--all", "everything", is_flag=True, help="Everything: there is no other way to say it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared
def release(options: Options, everything: bool, yes: bool) -> None:
    """Puts everything that is held or deferred back into its queue, for any Dramatiq worker to run.

    For the day on which this package is taken out: afterwards nothing waits where only it would look. What the dead
    held is brought back first. Do it after the last worker with the middleware has stopped.
    Exits with 1 where something is left.
    """
    if not everything:
        raise click.UsageError("Expected --all, got nothing. Example: assured-jobs release --all")
    with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
        desk.recover(desk.look(patience=float("inf")))
        plan = desk.plan("release", Selection())
        ask(options, plan, yes=yes)
        tally = carry_out(options, plan, who(), desk.release_all)
        found = desk.status()
    left = sum(found.counts[state] for state in ("orphaned", "deferred", "held", "released"))
    if left:
        tally.notes.append(f"{count(left, 'job')} left: say it again when no worker with the middleware runs.")
    running = found.members("alive", "draining", "stalled")
    if running:
        tally.notes.append(f"{count(len(running), 'worker')} with the middleware still alive: what they leave waits.")
    _tell(options, tally, "released")
    if left:
        raise click.exceptions.Exit(1)


def who() -> str:
    """Who says so, for those who will ask later."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _check(verb: str, ids: tuple[str, ...], everything: bool, selection: Selection) -> None:
    filtered = selection.narrows or bool(selection.states)
    if sum(map(bool, (ids, everything, filtered))) == 1:
        return
    got = [name for name, given in (("IDs", ids), ("--all", everything), ("filters", filtered)) if given]
    came = " and ".join(got) if got else "none of them"
    raise click.UsageError(
        f"Expected IDs, filters or --all, got {came}. Example: assured-jobs {verb} {_EXAMPLE}, "
        f"or: assured-jobs {verb} --queue mail"
    )


def _tell(options: Options, tally: Tally, done: str) -> None:
    if options.as_json:
        print_json(asdict(tally))
        return
    if tally.done or tally.gone or tally.refused or tally.notes:
        gone = f", already gone {tally.gone:,}" if tally.gone else ""
        refused = f", refused {tally.refused:,}" if tally.refused else ""
        click.echo(f"{done} {tally.done:,}{gone}{refused}")
    else:
        click.echo("Nothing waits.")
    for note in tally.notes:
        click.echo(safe(note, 400), err=True)


def _end(tally: Tally, ids: tuple[str, ...]) -> None:
    if ids and (tally.gone or tally.refused):
        raise click.exceptions.Exit(1)
