"""`instances declare-dead`: a person knows what Redis cannot."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from ..errors import AssuredJobsError
from ..orphans import Fleet, Member, Orphans, is_on
from .options import Options, Verb, ledger_of, shared
from .planning import who
from .words import count, print_json, safe, span

#: So many workers of one label are named.
_NAMED = 10


@click.command(
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

    ID is a worker's, or its label where only one has it. Its jobs come back with the next pass. If it lives after all,
    it finishes and enqueues nothing for them, and goes on under a new name.
    Exits with 1 where there is no such worker, or it beat again meanwhile.
    """
    with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
        fleet = desk.look()
        member = _find(desk, fleet, id)
        if member.id not in fleet.look.dead:
            _ask(options, member, yes=yes)
        word = desk.declare_dead(member.id, fleet, who())
        found = desk.status()
    if word == "alive":
        raise AssuredJobsError(
            f"{member.id} has sent a heartbeat since it was looked at: it lives. Nothing was done. "
            "Say it again with --yes where you know better."
        )
    jobs = next((one.left for one in found.instances if one.id == member.id), 0)
    if options.as_json:
        print_json({"id": member.id, "state": "dead", "was": member.state, "left": jobs})
        return
    was = " already" if word == "already" else ""
    click.echo(f"{safe(member.id, 400)} is dead{was}. {count(jobs, 'job')} of it to bring back.")
    if jobs and found.watched:
        click.echo("The watcher brings them back within seconds.")
    elif jobs:
        click.echo("Nobody watches: run `assured-jobs recover` to bring them back now.")


def _find(desk: Orphans, fleet: Fleet, id: str) -> Member:
    members = [member for member in desk.status(fleet).instances if is_on(member.id, id)]
    exactly = [member for member in members if member.id == id]
    if len(exactly or members) == 1:
        return (exactly or members)[0]
    if not members:
        raise AssuredJobsError(f"{safe(id)}: no such worker. `assured-jobs instances` lists them.")
    names = [f"  {member.id} ({member.state})" for member in members[:_NAMED]]
    more = [f"  and {len(members) - _NAMED} more"] if len(members) > _NAMED else []
    expected = f"{safe(id)} is a label of {len(members)} workers: expected an id, one of"
    raise AssuredJobsError("\n".join([expected, *names, *more]))


def _ask(options: Options, member: Member, *, yes: bool) -> None:
    beat = "at an unknown time" if member.heartbeat_age is None else f"{span(member.heartbeat_age)} ago"
    seen = f"{safe(member.id, 400)} is {member.state}: last heartbeat {beat}, connection {member.presence}."
    if member.state in ("alive", "draining"):
        seen += " IT LOOKS ALIVE: what it runs is interrupted there, and runs again elsewhere."
    if yes:
        if member.state != "dead":
            click.echo(seen, err=True)
        return
    if options.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"{seen} Expected --yes, got no terminal to ask on.")
    jobs = count(member.running + member.left, "job")
    click.confirm(f"{seen} Declare it dead, and run its {jobs} elsewhere?", abort=True)
