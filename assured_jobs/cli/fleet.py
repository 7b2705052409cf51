"""`instances` and `in-flight`: who works, and on what."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from itertools import islice

import click

from ..orphans import Fleet, Member, Orphans, in_flight, is_on
from ..orphans.desk import PATIENCE
from .acting import who
from .options import Options, Verb, VerbGroup, ledger_of, shared
from .status import print_members
from .words import console, count, iso, print_json, print_json_list, safe, span, table


@click.group(
    cls=VerbGroup,
    invoke_without_command=True,
    short_help="Every worker, with its state.",
    examples=["assured-jobs instances", "assured-jobs instances declare-dead web-1.4711.1a2b3c4d"],
)
@shared
@click.pass_context
def instances(context: click.Context, options: Options) -> None:
    """Every worker that lives, or is dead and not settled: its heartbeat, its connection, what it runs or left."""
    if context.invoked_subcommand is None:
        with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
            members = desk.status(desk.look(PATIENCE)).instances
        if options.as_json:
            print_json_list(asdict(member) for member in members)
        elif members:
            print_members(console(), members)
        else:
            click.echo("No worker is registered.")


@instances.command(
    "declare-dead",
    cls=Verb,
    short_help="Says that a worker is dead.",
    examples=["assured-jobs instances declare-dead web-1.4711.1a2b3c4d"],
)
@click.argument("id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask, even where it looks alive.")
@shared
def declare_dead(options: Options, id: str, yes: bool) -> None:
    """Says that a worker is dead, where you know it and Redis cannot: a host without power keeps its connection open.

    Its jobs come back with the next pass. If it lives after all, it finishes and enqueues nothing for them, and goes on
    under a new name. Exits with 1 where there is no such worker, or it beat again meanwhile.
    """
    with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
        fleet = desk.look()
        member = _find(desk, fleet, id)
        if not yes:
            _ask(options, member)
        if member.state != "dead" and not desk.declare_dead(member.id, fleet, who()):
            raise click.ClickException(f"{safe(id)} sent a heartbeat this very moment: it lives. Nothing was done.")
        watched = desk.status().watched
    if options.as_json:
        print_json({"id": member.id, "state": "dead"})
        return
    click.echo(f"{safe(member.id)} is dead; {count(member.running + member.left, 'started job')} will come back.")
    if not watched:
        click.echo("Nobody watches: run `assured-jobs recover` to bring them back now.")


def _find(desk: Orphans, fleet: Fleet, id: str) -> Member:
    members = [member for member in desk.status(fleet).instances if is_on(member.id, id)]
    if len(members) == 1:
        return members[0]
    if not members:
        raise click.ClickException(f"{safe(id)}: no such worker. `assured-jobs instances` lists them.")
    names = ", ".join(safe(member.id) for member in members)
    raise click.ClickException(f"{safe(id)} is a label of several workers: expected an id, one of {names}.")


def _ask(options: Options, member: Member) -> None:
    beat = "at an unknown time" if member.heartbeat_age is None else f"{span(member.heartbeat_age)} ago"
    seen = f"{safe(member.id)} is {member.state}: last heartbeat {beat}, connection {member.presence}."
    if options.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"{seen} Expected --yes, got no terminal to ask on.")
    jobs = count(member.running + member.left, "job")
    click.confirm(f"{seen} Declare it dead, and run its {jobs} elsewhere?", abort=True)


@click.command(
    "in-flight",
    cls=Verb,
    short_help="What runs now, where, and for how long.",
    examples=["assured-jobs in-flight --queue mail", "assured-jobs in-flight --json"],
)
@click.option("--queue", metavar="NAME", help="Only of this queue.")
@click.option("--actor", metavar="NAME", help="Only of this actor.")
@click.option("--instance", metavar="ID", help="Only on this worker: its id, or its label.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="How many. [0 = all]")
@shared
def flight(options: Options, queue: str | None, actor: str | None, instance: str | None, limit: int) -> None:
    """The assured jobs that have started and not ended, the oldest of each worker first."""
    with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
        fleet = desk.look()
        found = [
            one
            for one in in_flight(ledger, fleet.findings, fleet.look.now)
            if queue in (None, one.queue) and actor in (None, one.actor) and is_on(one.instance, instance)
        ]
    shown = list(islice(found, limit or None))
    if options.as_json:
        print_json_list({**asdict(one), "started_at": iso(one.started_at)} for one in shown)
        return
    if not shown:
        click.echo("No assured job is running.")
        return
    grid = table("job", "actor", "queue", "running for", "worker", "state", right=("running for",))
    for one in shown:
        grid.add_row(
            safe(one.message_id), safe(one.actor), safe(one.queue), span(one.seconds), safe(one.instance), one.state
        )
    console().print(grid)
    if len(shown) < len(found):
        click.echo(f"{len(shown):,} of {len(found):,} shown: --limit 0 shows all.")
