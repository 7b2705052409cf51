"""Before much is decided at once: how many, which, and a question; meanwhile a bar; and then what became of it."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from ..orphans import Plan, Selection, Tally
from .options import Options
from .tables import show_table, table
from .words import console, count, print_json, safe

#: A word about fewer jobs than this is done before a bar could be read.
_LONG = 1000


def who() -> str:
    """Who says so, for those who will ask later."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def ask(options: Options, plan: Plan, *, yes: bool, unjudged: int = 0) -> None:
    """Shows what it would be about, and asks, unless --yes was said. `unjudged`: so many jobs of the dead besides."""
    total = plan.total + unjudged
    if not total:
        return
    if not options.as_json:
        _print_plan(plan)
        if unjudged:
            click.echo(f"and {count(unjudged, 'job')} of dead workers, to be recovered first")
    if yes:
        return
    if options.as_json or not sys.stdin.isatty():
        raise click.UsageError(
            f"{plan.verb} would be about {count(total, 'job')} ({safe(plan.selection, 400)}): "
            "expected --yes, got no terminal to ask on."
        )
    what = {
        "retry": "Give {} one more life?",
        "delete": "Delete {} for good, payloads and all?",
        "release": "Put {} back into the queues, poison too?",
    }
    click.confirm(what[plan.verb].format(count(total, "job")), abort=True)


def _print_plan(plan: Plan) -> None:
    screen = console()
    if not plan.total:
        return
    which = "the oldest of: " if plan.only else ""
    screen.print(f"{count(plan.total, 'job')} ({which}{safe(plan.selection, 400)}):", soft_wrap=True)
    grid = table("jobs", "actor", "queue", "reason", right=("jobs",))
    for actor, queue, reason, number in plan.kinds:
        grid.add_row(f"{number:,}", safe(actor) or "unknown actor", safe(queue), safe(reason))
    show_table(screen, grid)
    others = plan.total - sum(number for *_, number in plan.kinds)
    if others:
        screen.print(f"and {count(others, 'job')} of other kinds.")
    names = ", ".join(safe(orphan.message_id) for orphan in plan.samples)
    more = " ..." if plan.total > len(plan.samples) else ""
    screen.print(f"for example {names}{more}", soft_wrap=True)


def carry_out(
    options: Options, plan: Plan, who: str, act: Callable[[Plan, str, Callable[[int], object]], Tally]
) -> Tally:
    with _bar(options, plan) as progress:
        return act(plan, who, progress)


def tell(options: Options, tally: Tally, done: str, selection: Selection | None = None) -> None:
    """What became of it: `retried 37, already gone 3`."""
    if options.as_json:
        print_json(asdict(tally))
        return
    if tally.done or tally.gone or tally.refused:
        gone = f", already gone {tally.gone:,}" if tally.gone else ""
        refused = f", refused {tally.refused:,}" if tally.refused else ""
        click.echo(f"{done} {tally.done:,}{gone}{refused}")
    elif selection is None or selection == Selection():
        click.echo("Nothing waits.")
    else:
        click.echo(f"No such job waits ({safe(selection, 400)}).")
    for note in tally.notes:
        click.echo(safe(note, 400), err=True)


@contextmanager
def _bar(options: Options, plan: Plan) -> Iterator[Callable[[int], object]]:
    """On a terminal, for long work. On standard error, so that standard output can be piped."""
    if options.as_json or plan.total < _LONG or not sys.stderr.isatty():
        yield lambda _done: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(plan.verb, total=plan.total)
        yield lambda done: bar.update(task, completed=done)
