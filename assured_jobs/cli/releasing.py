"""`release`: before this package is taken out, nothing may wait where only it would look."""

from __future__ import annotations

from contextlib import closing

import click

from ..orphans import Orphans, Selection
from .options import Options, Verb, ledger_of, shared
from .planning import ask, carry_out, tell, who
from .words import count


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
        unjudged = desk.unjudged(Selection(), desk.look(patience=float("inf")))
        ask(options, desk.plan("release", Selection()), yes=yes, unjudged=unjudged)
        report = desk.recover(desk.look(patience=float("inf")))
        # Planned anew: what the dead held may have come into custody with this very pass.
        tally = carry_out(options, desk.plan("release", Selection()), who(), desk.release_all)
        tally.done += report.outcomes.get("handed_back", 0)
        found = desk.status()
    left = sum(found.counts[state] for state in ("orphaned", "deferred", "held", "released"))
    # Those are Dramatiq's own business by now: its maintenance, or a queue, has them.
    left -= report.outcomes.get("left", 0) + report.outcomes.get("elsewhere", 0)
    if left > 0:
        tally.notes.append(f"{count(left, 'job')} left: say it again when no worker with the middleware runs.")
    running = found.members("alive", "draining", "stalled")
    if running:
        tally.notes.append(f"{count(len(running), 'worker')} with the middleware still alive: what they leave waits.")
    tell(options, tally, "released")
    if left > 0:
        raise click.exceptions.Exit(1)
