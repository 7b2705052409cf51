"""`status` and `orphans`: what is going on. They change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ..entry import State
from ..orphans import STATES, Orphans, Shown, Status
from ..orphans.desk import PATIENCE
from .options import Options, Verb, ledger_of, shared
from .words import ago, call, console, count, fields, iso, print_json, print_json_list, safe, span, state_text, table

SHOWN = 50


@click.command(
    cls=Verb, short_help="Is it still bleeding?", examples=["assured-jobs status --url redis://10.0.0.7:6379/0"]
)
@shared
def status(options: Options) -> None:
    """Is it still bleeding? Counts of jobs per state, who watches, and every worker with its state.

    Where a worker's connection is gone and its grace still open, this looks on for up to 5 s before it answers.
    """
    with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
        found = desk.status(desk.look(PATIENCE))
    if options.as_json:
        print_json(_as_json(found))
    else:
        _print_status(found, options.settings().namespace)


@click.command(
    cls=Verb,
    short_help="The jobs of the dead, and why.",
    examples=["assured-jobs orphans --state held", "assured-jobs orphans --json | jq -r '.[].message_id'"],
)
@click.option(
    "--state",
    "states",
    type=click.Choice(STATES),
    multiple=True,
    help="Only these, repeatable. Discarded ones are shown on request alone, but always in JSON.",
)
@click.option("--limit", type=click.IntRange(min=0), help=f"How many. [{SHOWN} for people, all as JSON; 0 = all]")
@shared
def orphans(options: Options, states: tuple[State, ...], limit: int | None) -> None:
    """The jobs of the dead: which, whose, why, with what arguments, and what their crashes looked like."""
    if not states:  # what was thrown away waits for nobody: programs may filter, people should not have to
        states = STATES if options.as_json else tuple(state for state in STATES if state != "discarded")
    if limit is None:
        limit = 0 if options.as_json else SHOWN
    with ledger_of(options) as ledger, closing(Orphans(ledger)) as desk:
        fleet = desk.look(PATIENCE)
        listing = islice(desk.listing(fleet, states), limit or None)
        if options.as_json:
            print_json_list(_each(listing))
            return
        counts = desk.status(fleet).counts
        _print_orphans(listing, sum(counts[state] for state in states), fleet.look.now)


def _as_json(found: Status) -> dict[str, Any]:
    return {
        "bleeding": found.bleeding,
        "summary": headline(found),
        "counts": found.counts,
        "oldest_orphan": iso(found.oldest_orphan),
        "oldest_held": iso(found.oldest_held),
        "due": found.due,
        "watcher": {"instance": found.watcher, "alive": found.watched},
        "deaths_last_hour": found.deaths_last_hour,
        "instances": [asdict(member) for member in found.instances],
    }


def headline(found: Status) -> str:
    """The first line: whether it is still bleeding."""
    counts = found.counts
    held = f" {count(counts['held'], 'job')} held for you to decide." if counts["held"] else ""
    if counts["orphaned"]:
        holders = sum(1 for member in found.members("dead") if member.left)
        jobs, dead = count(counts["orphaned"], "job"), count(holders, "dead worker")
        return f"BLEEDING: {jobs} of {dead} not brought back yet.{held}"
    if found.bleeding:
        return f"BLEEDING: {count(found.due, 'job')} due to come back, and nobody watches.{held}"
    if not found.members("alive", "draining", "stalled"):
        return f"NOT BLEEDING, BUT NOBODY WORKS: no worker is alive.{held}"
    stalled = len(found.members("stalled"))
    silent = f" {count(stalled, 'worker')} stalled: no heartbeat, still connected." if stalled else ""
    return f"NOT BLEEDING: nothing is orphaned.{silent}{held}"


def _advice(found: Status, namespace: str) -> str:
    if not found.instances and not any(found.counts.values()) and not found.deaths_last_hour:
        return f"Nothing is recorded in the namespace {namespace!r}: is it the workers' own, on this server?"
    if found.bleeding and not found.watched:
        return "Nobody brings them back by itself: start a worker, or run `assured-jobs recover`."
    if found.bleeding:
        return "The watcher brings them back within seconds; `assured-jobs orphans` lists them."
    if found.counts["deferred"] and not found.watched:
        return "Nobody watches to release what is deferred: start a worker, or run `assured-jobs recover` later."
    if found.counts["held"]:
        return "`assured-jobs orphans --state held` says why; then `retry ID` or `delete ID`."
    if not found.members("alive", "draining", "stalled"):
        return "What is in the queues waits until a worker starts."
    return "Nothing to do."


def _print_status(found: Status, namespace: str) -> None:
    screen = console()
    screen.print(Text(headline(found), "bold red" if found.bleeding else "bold green"))
    screen.print(_advice(found, namespace))
    screen.print()
    _print_counts(screen, found)
    if found.watcher is None:
        watcher = "nobody holds the lease"
    else:
        watcher = safe(found.watcher) + ("" if found.watched else ", which is dead")
    screen.print(f"watcher: {watcher}   deaths in the last hour: {found.deaths_last_hour}")
    if not found.instances:
        screen.print("workers: none")
        return
    screen.print()
    grid = table("worker", "state", "heartbeat", "connection", "jobs", "host", "pid", "cause", right=("jobs", "pid"))
    for member in found.instances:
        beat = "unknown" if member.heartbeat_age is None else f"{span(member.heartbeat_age)} ago"
        jobs = f"{member.left} left" if member.state == "dead" else f"{member.running} running"
        grid.add_row(
            Text(safe(member.id)), state_text(member.state), beat, member.presence, jobs,
            Text(safe(member.host)), str(member.pid or ""), Text(safe(member.cause)),
        )  # fmt: skip
    screen.print(grid)


def _print_counts(screen: Console, found: Status) -> None:
    since = {"orphaned": found.oldest_orphan, "held": found.oldest_held}
    line = Text()
    for state, number in found.counts.items():
        oldest = f" (oldest {ago(since[state], found.now)})" if number and since.get(state) else ""
        line.append(f"{state} ", "dim").append_text(
            Text(f"{number:,}{oldest}   ", state_text(state).style if number else "")
        )
    screen.print(line)


def _each(listing: Iterator[Shown]) -> Iterator[dict[str, Any]]:
    for shown in listing:
        yield {
            **fields(shown.orphan),
            "args": shown.args,
            "kwargs": shown.kwargs,
            "payload_error": shown.payload_error,
        }


def _print_orphans(listing: Iterator[Shown], total: int, now: int) -> None:
    screen = console()
    printed = 0
    for shown in listing:
        _print_orphan(screen, shown, now)
        printed += 1
    if not printed:
        screen.print("No job of a dead worker waits for anything.")
    elif printed < total:
        screen.print(f"{printed:,} of {total:,} shown: --limit 0 shows all, --state only some.")


#: How a death counted for the job, in a word.
_COUNTED = {"crashes": "crash", "interrupted": "shutdown"}


def _print_orphan(screen: Console, shown: Shown, now: int) -> None:
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
    for crash in orphan.crashes[-3:]:
        screen.print(
            f"{indent}{_COUNTED.get(crash.charged_as, 'death')} seen {ago(crash.died_at, now)}, after at most "
            f"{span(crash.ran_at_most)} of running: {safe(crash.cause)} ({safe(crash.instance)} on {safe(crash.host)})",
            soft_wrap=True,
        )
    if not orphan.crashes:
        screen.print(f"{indent}on    {safe(orphan.instance)}", soft_wrap=True)
