"""`retry` and `delete`: a person decides. They change state; whoever holds the broker acts on it."""

from __future__ import annotations

from contextlib import closing

import click

from ..orphans import DELETABLE, RETRIABLE, Orphans, Selection, Tally
from .options import Options, Verb, ledger_of, selecting, shared
from .planning import ask, carry_out, tell, who

_EXAMPLE = "1f3e0c52-8d4b-4b6e-9f0a-2c7d5e6a7b8c"


@click.command(
    cls=Verb,
    short_help="Jobs that wait get one more life.",
    examples=[
        f"assured-jobs retry {_EXAMPLE}",
        "assured-jobs retry --queue mail --reason max_crashes --limit 10",
        "assured-jobs retry --all --yes",
    ],
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Everything that is held or deferred.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@selecting(RETRIABLE)
@click.option("--limit", type=click.IntRange(min=0), default=0, help="At most so many, the oldest first. [0 = all]")
@shared
def retry(
    options: Options, ids: tuple[str, ...], *, everything: bool, yes: bool, selection: Selection, limit: int
) -> None:
    """Gives held or deferred jobs one more life. ID is a message id or a delivery, as `orphans` shows them.

    With filters, or --all, it shows how many and which, and asks. What is held after it asked is left out.
    A watching worker enqueues them within a second; without one, `assured-jobs recover` does.
    Exits with 1 where an ID is not done.
    """
    _check("retry", ids, everything, selection, limit)
    with ledger_of(options, *ids) as ledger, closing(Orphans(ledger)) as desk:
        if ids:
            tally = desk.retry([*ids], who())
        else:
            plan = desk.plan("retry", selection, limit)
            ask(options, plan, yes=yes)
            tally = carry_out(options, plan, who(), desk.carry_out)
        watched = options.as_json or not tally.done or desk.status().watched
    tell(options, tally, "retried", selection)
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
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Everything that is held, deferred or released.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@selecting(DELETABLE)
@click.option("--limit", type=click.IntRange(min=0), default=0, help="At most so many, the oldest first. [0 = all]")
@shared
def delete(
    options: Options, ids: tuple[str, ...], *, everything: bool, yes: bool, selection: Selection, limit: int
) -> None:
    """Deletes held, deferred or released jobs for good: their payloads go. ID is a message id or a delivery.

    With filters, or --all, it shows how many and which, and asks. What is held after it asked is left out.
    Exits with 1 where an ID is not done.
    """
    _check("delete", ids, everything, selection, limit)
    with ledger_of(options, *ids) as ledger, closing(Orphans(ledger)) as desk:
        if ids:
            tally = desk.delete([*ids], who())
        else:
            plan = desk.plan("delete", selection, limit)
            ask(options, plan, yes=yes)
            tally = carry_out(options, plan, who(), desk.carry_out)
    tell(options, tally, "deleted", selection)
    _end(tally, ids)


def _check(verb: str, ids: tuple[str, ...], everything: bool, selection: Selection, limit: int) -> None:
    filtered = selection.narrows or bool(selection.states)
    if ids and limit:
        raise click.UsageError("Expected --limit with filters or with --all, got it with IDs.")
    if sum(map(bool, (ids, everything, filtered))) == 1:
        return
    got = [name for name, given in (("IDs", ids), ("--all", everything), ("filters", filtered)) if given]
    came = " and ".join(got) if got else "none of them"
    raise click.UsageError(
        f"Expected IDs, filters or --all, got {came}. Example: assured-jobs {verb} {_EXAMPLE}, "
        f"or: assured-jobs {verb} --queue mail"
    )


def _end(tally: Tally, ids: tuple[str, ...]) -> None:
    if ids and (tally.gone or tally.refused):
        raise click.exceptions.Exit(1)
