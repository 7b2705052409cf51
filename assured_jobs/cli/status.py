"""`status`: is it still bleeding?"""

from __future__ import annotations

from contextlib import closing

import click
from rich.console import Console
from rich.text import Text

from ..orphans import Member, Orphans, Status
from ..orphans.desk import PATIENCE
from ..orphans.wording import OBSERVING, headline, status_as_json
from .options import Options, Verb, ledger_of, shared
from .tables import show_table, table
from .words import ago, console, print_json, safe, span, state_text


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
        print_json(status_as_json(found))
    else:
        _print_status(found, options.settings().namespace)


def _advice(found: Status, namespace: str) -> str:
    if not found.instances and not any(found.counts.values()) and not found.deaths_last_hour:
        return f"Nothing is recorded in the namespace {namespace!r}: is it the workers' own, on this server?"
    if found.observing and found.counts["orphaned"]:
        return f"{OBSERVING} `assured-jobs recover` does it now, `--dry-run` says what; or unset that in the workers."
    if found.bleeding and not found.watched:
        return "Nobody brings them back by itself: start a worker, or run `assured-jobs recover`."
    if found.bleeding:
        return "The watcher brings them back within seconds; `assured-jobs orphans` lists them."
    if found.counts["deferred"] and not found.watched:
        return "Nobody watches to release what is deferred: start a worker, or run `assured-jobs recover` later."
    if found.counts["held"]:
        return "`assured-jobs orphans --state held` says why; then `retry ID` or `delete ID`."
    if found.members("stalled"):
        return (
            "A stalled worker keeps its jobs until its stall limit: `assured-jobs instances declare-dead ID` is sooner."
        )
    if not found.members("alive", "draining", "stalled"):
        return "What is in the queues waits until a worker starts."
    return f"Nothing to do. {OBSERVING}" if found.observing else "Nothing to do."


def _print_status(found: Status, namespace: str) -> None:
    screen = console()
    screen.print(Text(headline(found), "bold red" if found.bleeding else "bold green"), soft_wrap=True)
    screen.print(_advice(found, namespace), soft_wrap=True)  # a command broken in two cannot be copied
    screen.print()
    _print_counts(screen, found)
    if found.watcher is None:
        watcher = "nobody holds the lease"
    else:
        watcher = safe(found.watcher) + ("" if found.watched else ", which is dead")
    ran = "never ran" if found.last_look is None else f"last ran {ago(found.last_look, found.now)}"
    screen.print(f"watcher: {watcher}, {ran}   deaths in the last hour: {found.deaths_last_hour}", soft_wrap=True)
    if not found.instances:
        screen.print("workers: none")
        return
    screen.print()
    print_members(screen, found.instances)


def print_members(screen: Console, members: list[Member]) -> None:
    grid = table("worker", "state", "heartbeat", "connection", "jobs", "host", "pid", "cause", right=("jobs", "pid"))
    for member in members:
        beat = "unknown" if member.heartbeat_age is None else f"{span(member.heartbeat_age)} ago"
        jobs = f"{member.left} left" if member.state == "dead" else f"{member.running} running"
        grid.add_row(
            Text(safe(member.id)), state_text(member.state), beat, member.presence, jobs,
            Text(safe(member.host)), str(member.pid or ""), Text(safe(member.cause)),
        )  # fmt: skip
    show_table(screen, grid)


def _print_counts(screen: Console, found: Status) -> None:
    since = {"orphaned": found.oldest_orphan, "held": found.oldest_held}
    line = Text()
    for state, number in found.counts.items():
        oldest = f" (oldest {ago(since[state], found.now)})" if number and since.get(state) else ""
        line.append(f"{state} ", "dim").append_text(
            Text(f"{number:,}{oldest}   ", state_text(state).style if number else "")
        )
    screen.print(line)
