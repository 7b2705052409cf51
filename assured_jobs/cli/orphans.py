"""`orphans`: the jobs of the dead, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import click
from rich.console import Console

from ..entry import Crash
from ..orphans import RETRIABLE, STATES, Orphans, Selection, Shown
from ..orphans.desk import PATIENCE
from ..orphans.wording import as_json
from .options import Options, Verb, ledger_of, selecting, shared
from .words import ago, call, console, count, print_json_list, safe, span, state_text

SHOWN = 50

#: So many deaths of one job are told to people.
SHOWN_DEATHS = 3


@click.command(
    cls=Verb,
    short_help="The jobs of the dead, and why.",
    examples=[
        "assured-jobs orphans --state held --queue mail",
        "assured-jobs orphans --reason max_crashes --json | jq -r '.[].message_id'",
    ],
)
@selecting(STATES, "Discarded ones are shown on request alone, but always in JSON.")
@click.option("--limit", type=click.IntRange(min=0), help=f"How many. [{SHOWN} for people, all as JSON; 0 = all]")
@shared
def orphans(options: Options, selection: Selection, limit: int | None) -> None:
    """The jobs of the dead: which, whose, why, with what arguments, and what their crashes looked like."""
    named = selection != Selection()
    if not selection.states and not options.as_json:  # what was thrown away waits for nobody
        selection = selection.of_states(tuple(state for state in STATES if state != "discarded"))
    if limit is None:
        limit = 0 if options.as_json else SHOWN
    with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
        fleet = desk.look(PATIENCE)
        listing = desk.listing(selection, fleet)
        if options.as_json:
            print_json_list(as_json(shown) for shown in islice(listing, limit or None))
            return
        nothing = "No such job of a dead worker." if named else "No job of a dead worker waits for anything."
        counts = desk.status(fleet).counts
        total = None if selection.narrows else sum(counts[state] for state in selection.within(STATES))
        _print_orphans(listing, limit, total, fleet.look.now, nothing)


def _print_orphans(listing: Iterator[Shown], limit: int, total: int | None, now: int, nothing: str) -> None:
    screen = console()
    printed = 0
    states = set()
    for shown in islice(listing, limit or None):
        print_orphan(screen, shown, now)
        states.add(shown.orphan.state)
        printed += 1
    if not printed:
        screen.print(nothing)
    elif limit and printed == limit and next(listing, None) is not None:
        of = "" if total is None else f" of {total:,}"
        screen.print(f"{printed:,}{of} shown: --limit 0 shows all, --state only some.")
    if "orphaned" in states:
        screen.print("Next, for what is orphaned: `assured-jobs recover`, if no watcher does.", soft_wrap=True)
    if states & set(RETRIABLE):
        decide = "`assured-jobs retry ID` or `assured-jobs delete ID`"
        screen.print(f"Next, for what waits: {decide}; `assured-jobs show ID` tells all of one job.", soft_wrap=True)


#: How a death counted for the job, in a word.
_COUNTED = {"crashes": "crash", "suspicions": "death beside a suspect", "interrupted": "shutdown"}


def print_orphan(screen: Console, shown: Shown, now: int) -> None:
    orphan = shown.orphan
    crashes = count(orphan.crash_count, "crash").replace("crashs", "crashes")
    interrupted = f", {count(orphan.interrupted_count, 'time')} interrupted" if orphan.interrupted_count else ""
    line = state_text(orphan.state, 10)
    line.append(safe(orphan.message_id), "bold")
    line.append(f"  {safe(orphan.actor) or 'unknown actor'} on {safe(orphan.queue)}", "")
    line.append(f"  {crashes}{interrupted}, its worker died {ago(orphan.orphaned_at, now)}", "dim")
    screen.print(line, soft_wrap=True)
    indent = " " * 10
    screen.print(f"{indent}why   {safe(orphan.reason)}", soft_wrap=True)
    screen.print(f"{indent}with  {call(shown)}", soft_wrap=True)
    for crash in orphan.crashes[-SHOWN_DEATHS:]:
        screen.print(
            f"{indent}{_COUNTED.get(crash.charged_as, 'death')} seen {ago(crash.died_at, now)}, after at most "
            f"{span(crash.ran_at_most)} of running: {safe(crash.cause)} ({safe(crash.instance)} on {safe(crash.host)})",
            soft_wrap=True,
        )
        _print_evidence(screen, indent, crash)
    if len(orphan.crashes) > SHOWN_DEATHS:
        screen.print(f"{indent}and {len(orphan.crashes) - SHOWN_DEATHS} earlier, which --json tells", soft_wrap=True)
    if not orphan.crashes:
        screen.print(f"{indent}on    {safe(orphan.instance)}", soft_wrap=True)


def _print_evidence(screen: Console, indent: str, crash: Crash) -> None:
    told = [crash.exit_hint] if crash.exit_hint else []
    if crash.rss:
        told.append(f"its worker had {crash.rss / 2**20:,.0f} MiB")
    if crash.uptime is not None:
        told.append(f"was up for {span(crash.uptime)} at its last heartbeat")
    if crash.aboard:
        told.append(f"and ran beside it {', '.join(crash.aboard)}")
    if told:
        screen.print(f"{indent}      {safe('; '.join(told), 400)}", soft_wrap=True)
