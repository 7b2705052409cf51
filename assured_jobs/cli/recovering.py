"""`recover`: one pass by hand, on the same path as the watcher's."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from typing import Any

import click
from rich.text import Text

from ..orphans import Fleet, Forecast, Orphans, Status
from ..recovery import Report
from .options import Options, Verb, ledger_of, shared
from .tables import show_table, table
from .words import console, count, fields, print_json, print_json_list, safe

_MEANINGS = {
    "handed_back": "back in their queues",
    "deferred": "wait a little before their next life",
    "paced": "come back one after the other, at recovery_rate",
    "held": "wait for a person: `assured-jobs orphans --state held`",
    "discarded": "thrown away, as their actor says",
    "settled": "had ended already: nothing to bring back",
    "elsewhere": "already back in their queues: judged when fetched",
    "left": "not assured, handed back before: left to Dramatiq's own maintenance",
    "gone": "taken by another hand meanwhile",
    "waiting": "due, and not yet: their time moved",
    "changed": "moved while they were judged: run `recover` again",
    "alive": "their worker turned out to be alive",
}

_PLANS = {
    "front": "hand back", "tail": "hand back (tail)", "defer": "defer", "hold": "hold", "discard": "discard",
    "leave": "leave", "settle": "settle", "elsewhere": "leave",
}  # fmt: skip


@click.command(
    cls=Verb,
    short_help="Brings the dead workers' jobs back now.",
    examples=["assured-jobs recover --dry-run", "assured-jobs recover"],
)
@click.option("--dry-run", is_flag=True, help="Change nothing: say the verdict on each orphan, and why.")
@shared
def recover(options: Options, dry_run: bool) -> None:
    """Finds the dead, brings their jobs back, releases what is due. Safe beside any other pass.

    A worker without a connection whose heartbeat is overdue is taken for dead at once: in the first seconds after an
    outage of Redis or of the network, wait until the workers are back (`assured-jobs instances`).
    Where a worker's connection is gone and its grace still open, this looks on until the grace is over.
    Exits with 1 where jobs of the dead could not be brought back.
    """
    rate = options.settings().recovery_rate
    with ledger_of(options) as ledger, closing(Orphans(ledger, rate)) as desk:
        fleet = desk.look(patience=float("inf"))
        if dry_run:
            _foretell(options, desk, fleet)
            return
        report = desk.recover(fleet)
        if options.as_json:
            print_json({"dead": report.dead, "buried": report.buried, "outcomes": report.outcomes})
        else:
            _print_report(report)
        found = desk.status()
    if not options.as_json:
        _print_advice(report, found)
    owed = sum(member.left for member in found.instances if member.id in report.dead)
    still = owed - report.outcomes.get("left", 0) - report.outcomes.get("elsewhere", 0)
    if still > 0:
        click.echo(f"assured-jobs: {count(still, 'job')} of dead workers not brought back.", err=True)
        raise click.exceptions.Exit(1)


def _print_advice(report: Report, found: Status) -> None:
    if report.outcomes.get("handed_back") and not found.members("alive"):
        click.echo("No worker is alive: they run when one starts.")
    if found.counts["deferred"] and not found.watched:
        click.echo("Nobody watches: run `assured-jobs recover` again for what is deferred.")


def _print_report(report: Report) -> None:
    screen = console()
    if not report.dead:
        screen.print("No worker is dead.")
    else:
        screen.print(f"{count(len(report.dead), 'dead worker')}:")
        for id in report.dead:
            settled = ", nothing is owed to it any more" if id in report.buried else ""
            screen.print(Text(f"  {safe(id)}{settled}"))
    if not report.outcomes:
        screen.print("Nothing was brought back.")
        return
    grid = table("jobs", "outcome", "", right=("jobs",))
    for outcome, number in report.outcomes.items():
        grid.add_row(f"{number:,}", outcome, _MEANINGS.get(outcome, ""))
    show_table(screen, grid)


def _foretell(options: Options, desk: Orphans, fleet: Fleet) -> None:
    forecasts = desk.forecast(fleet)
    if options.as_json:
        print_json_list(_as_json(one) for one in forecasts)
        return
    screen = console()
    screen.print(f"Dry run: nothing is changed. {count(len(fleet.deaths), 'dead worker')}.")
    first = next(forecasts, None)
    if first is None:
        screen.print("Nothing to bring back.")
    else:
        for one in chain([first], forecasts):
            orphan = one.orphan
            later = f" in {one.delay:.0f} s" if one.delay else ""
            plan = f"{_PLANS.get(one.action, one.action)}{later}"
            name = f"{safe(orphan.message_id)}  {safe(orphan.actor) or 'unknown actor'} on {safe(orphan.queue)}"
            screen.print(Text(f"{plan:<17}{name}  {safe(one.reason)}"), soft_wrap=True)
    if fleet.look.due:
        screen.print(f"{count(fleet.look.due, 'job')} due to go back into their queues.")


def _as_json(one: Forecast) -> dict[str, Any]:
    return {**fields(one.orphan), "state": "orphaned", "verdict": one.action, "reason": one.reason, "delay": one.delay}
