"""Before much is decided at once: how many, which, and a question; while it is decided, a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from ..orphans import Plan, Tally
from .options import Options
from .words import console, count, safe, table

#: A word about fewer jobs than this is done before a bar could be read.
_LONG = 1000


def ask(options: Options, plan: Plan, *, yes: bool) -> None:
    """Shows what it would be about, and asks, unless --yes was said."""
    if not plan.total:
        return
    if not options.as_json:
        _print_plan(plan)
    if yes:
        return
    if options.as_json or not sys.stdin.isatty():
        raise click.UsageError(
            f"{plan.verb} would be about {count(plan.total, 'job')} ({plan.selection}): "
            "expected --yes, got no terminal to ask on."
        )
    what = {
        "retry": "Give {} one more life?",
        "delete": "Delete {} for good, payloads and all?",
        "release": "Put {} back into the queues, poison too?",
    }
    click.confirm(what[plan.verb].format(count(plan.total, "job")), abort=True)


def _print_plan(plan: Plan) -> None:
    screen = console()
    screen.print(f"{count(plan.total, 'job')} ({safe(plan.selection)}):")
    grid = table("jobs", "actor", "queue", "reason", right=("jobs",))
    for actor, queue, reason, number in plan.kinds:
        grid.add_row(f"{number:,}", safe(actor) or "unknown actor", safe(queue), safe(reason))
    screen.print(grid)
    others = plan.total - sum(number for *_, number in plan.kinds)
    if others:
        screen.print(f"and {count(others, 'job')} of other kinds.")
    names = ", ".join(safe(orphan.message_id) for orphan in plan.samples)
    more = " ..." if plan.total > len(plan.samples) else ""
    screen.print(f"for example {names}{more}", soft_wrap=True)


def carry_out(
    options: Options, plan: Plan, who: str, act: Callable[[Plan, str, Callable[[int], object]], Tally]
) -> Tally:
    if not plan.total:
        return Tally()
    with _bar(options, plan) as progress:
        return act(plan, who, progress)


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
