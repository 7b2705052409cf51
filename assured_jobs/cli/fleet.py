"""`instances` and `in-flight`: who works, and on what."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from itertools import islice

import click

from ..orphans import Orphans, in_flight, is_on
from ..orphans.desk import PATIENCE
from .declaring import declare_dead
from .options import Options, Verb, VerbGroup, ledger_of, shared
from .status import print_members
from .tables import show_table, table
from .words import console, iso, print_json_list, safe, span


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


instances.add_command(declare_dead)


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
        fleet = desk.look(PATIENCE)
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
    show_table(console(), grid)
    if len(shown) < len(found):
        click.echo(f"{len(shown):,} of {len(found):,} shown: --limit 0 shows all.")
