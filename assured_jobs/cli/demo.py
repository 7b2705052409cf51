"""`demo`: see it happen."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import asdict
from types import FrameType

import click

from ..demo.play import play
from ..demo.server import NoRedisServer, find_server, private_redis
from ..demo.show import Result, Show
from ..demo.stage import Stage
from ..errors import AssuredJobsError, LedgerError
from .options import Options, Verb, ledger_of, shared
from .sampling import show_dashboard
from .words import print_json

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

READ_NEXT = "Read next: README.md, which has the ten lines for your own app."


@click.command(
    cls=Verb,
    short_help="See a worker killed and its jobs come back.",
    examples=["assured-jobs demo", "assured-jobs demo --web", "assured-jobs demo --url redis://127.0.0.1:6379/0"],
)
@click.option("--web", "in_browser", is_flag=True, help="The dashboard instead, with sample orphans, until Ctrl-C.")
@shared
def demo(options: Options, in_browser: bool) -> None:
    """Kills a worker in mid-work and shows what becomes of its jobs. Takes about 20 seconds.

    Two real Dramatiq workers invoice the orders of a shipped file on a private Redis; one is killed with SIGKILL.
    With --url it runs on your own Redis, under names of its own, and deletes them afterwards. With --web nobody is
    killed: sample orphans of every state lie on a private Redis, for the dashboard.
    Exits with 1 if anything was lost or done twice.
    """
    with _signals_as_interrupts():
        if in_browser:
            show_dashboard(options)
            return
        try:
            result = _play(options)
        except KeyboardInterrupt:
            click.echo("Stopped: the demo's processes, and its Redis, are gone.", err=True)
            raise click.exceptions.Exit(130) from None
    if options.as_json:
        print_json(asdict(result))
    if not result.good:
        raise click.exceptions.Exit(1)


def _play(options: Options) -> Result:
    url = options.url or _fallback(options)
    with closing(Show(aside=options.as_json)) as show, nullcontext(url) if url else private_redis() as where:
        with ledger_of(Options(url=where)) as ledger:
            ledger.custody.count("held")  # where that Redis does not answer, it is said before anything starts
        show.say("Your own Redis is used, under names of its own." if url else f"A private Redis runs on {where}.")
        with _stage(Stage(where, options.settings().namespace), wipe=bool(url)) as stage:
            result = play(stage, show)
            show.result(result)
            for worker in stage.workers:
                worker.shut_down()
    if not options.as_json:
        click.echo(READ_NEXT)
    return result


def _fallback(options: Options) -> str | None:
    """The Redis of the settings, only where a private one cannot be had: theirs may be the one in production."""
    try:
        find_server()
    except NoRedisServer:
        if url := options.settings().redis_url:
            return url
        raise
    return None


@contextmanager
def _stage(stage: Stage, *, wipe: bool) -> Iterator[Stage]:
    """Leaves no process, no key and no file behind; the logs alone where the play failed."""
    keep_logs = False
    try:
        yield stage
    except AssuredJobsError:
        keep_logs = True
        raise
    finally:
        for number in _INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)
        for worker in stage.workers:
            worker.kill()
        if wipe:
            with suppress(LedgerError):
                stage.wipe()
        stage.close()
        if not keep_logs:
            shutil.rmtree(stage.folder, ignore_errors=True)


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """A closed terminal and a `kill` end the demo in the same order as Ctrl-C."""
    before = {number: signal.signal(number, _interrupt) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
