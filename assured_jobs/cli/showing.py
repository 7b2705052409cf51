"""`show`: everything known of one job."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console

from ..entry import Orphan
from ..orphans import Orphans, Story, tell_story
from ..orphans.desk import PATIENCE
from ..orphans.wording import as_json
from .options import Options, Verb, ledger_of, shared
from .orphans import print_orphan
from .words import ago, console, count, iso, print_json, safe, span


@click.command(
    cls=Verb,
    short_help="All that is known of one job, and its timeline.",
    examples=["assured-jobs show 1f3e0c52-8d4b-4b6e-9f0a-2c7d5e6a7b8c"],
)
@click.argument("id", metavar="ID")
@shared
def show(options: Options, id: str) -> None:
    """Where a job is, why, what it was called with, and what happened to it. ID is a message id or a delivery.

    Exits with 1 where nothing is known of it: it never met a death, or that is long ago.
    """
    with ledger_of(options, id) as ledger, closing(Orphans(ledger)) as desk:
        fleet = desk.look(PATIENCE)
        story = tell_story(desk, id, fleet)
    if options.as_json:
        print_json(_as_json(story))
    elif story.is_known:
        _print_story(story, fleet.look.now)
    else:
        known = "Nothing is known of it: it is queued, has finished, or never met a death that is remembered."
        click.echo(f"{safe(id)}: {known}", err=True)
    if not story.is_known:
        raise click.exceptions.Exit(1)


def _as_json(story: Story) -> dict[str, Any]:
    return {
        "message_id": story.message_id,
        "orphans": [as_json(shown) for shown in story.waiting],
        "in_flight": [{**asdict(one), "started_at": iso(one.started_at)} for one in story.running],
        "crash_count": story.record.crashes,
        "interrupted_count": story.record.interrupted,
        "timeline": [{"at": iso(moment.at), "what": moment.what} for moment in story.timeline],
    }


def _print_story(story: Story, now: int) -> None:
    screen = console()
    for shown in story.waiting:
        print_orphan(screen, shown, now)
    for one in story.running:
        where = f"{safe(one.actor)} on {safe(one.queue)}, for {span(one.seconds)} on {safe(one.instance)}"
        screen.print(f"running   {safe(one.message_id)}  {where} ({one.state})", soft_wrap=True)
    if not story.waiting and not story.running:
        crashes = count(story.record.crashes, "crash").replace("crashs", "crashes")
        screen.print(f"{safe(story.message_id)}: in its queue, or finished. {crashes} counted.", soft_wrap=True)
    _print_timeline(screen, story, now)
    for next_step in dict.fromkeys(_next_step(shown.orphan) for shown in story.waiting):
        if next_step:
            screen.print(f"Next: {next_step}", soft_wrap=True)


def _next_step(orphan: Orphan) -> str:
    id = safe(orphan.message_id)
    commands = f"\n  assured-jobs retry {id}\n  assured-jobs delete {id}"
    if orphan.state == "held":
        return f"one more life or never again:{commands}"
    if orphan.state == "deferred":
        return f"nothing to do: it goes back into its queue by itself. At once, or never again:{commands}"
    return {
        "orphaned": "the watcher judges it; without one, `assured-jobs recover` does.",
        "released": "the watcher enqueues it; without one, `assured-jobs recover` does.",
    }.get(orphan.state, "")


def _print_timeline(screen: Console, story: Story, now: int) -> None:
    if story.timeline:
        screen.print("\nTimeline")
    for moment in story.timeline:
        screen.print(f"  {iso(moment.at)}  {safe(moment.what, 400)}  ({ago(moment.at, now)})", soft_wrap=True)
