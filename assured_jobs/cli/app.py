"""The group of verbs, and how every error becomes one sentence and an exit code."""

from __future__ import annotations

import logging
import sys
import traceback
from io import TextIOWrapper
from typing import IO, Any

import click

from ..demo.server import NoRedisServer
from ..errors import AssuredJobsError, ConfigurationError, LedgerError
from .acting import delete, retry
from .checking import check
from .config import config
from .demo import demo
from .events import events
from .fleet import flight, instances
from .healthcheck import healthcheck
from .options import Options, shared, show_examples
from .orphans import orphans
from .recovering import recover
from .releasing import release
from .showing import show
from .status import status
from .web import web
from .words import safe

UNMATCHED, USAGE, REDIS, BUG = 1, 2, 3, 70

_AT_NIGHT = [
    "assured-jobs status     is it still bleeding?",
    "assured-jobs orphans    whose jobs, and why",
    "assured-jobs show ID    one job, from its first start to now",
    "assured-jobs recover    bring them back now",
    "assured-jobs check      what is wrong with the set-up",
    "assured-jobs web        all of this in a browser",
]

#: The logger of the dashboard.
_DASHBOARD = "assured_jobs.web"


class Complaint(click.ClickException):
    """An error told in one sentence."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it for the class, and reads it of each error

    def show(self, file: IO[Any] | None = None) -> None:
        # Line by line: an error may quote what somebody else wrote into Redis.
        text = "\n".join(safe(line, 1000) for line in self.message.splitlines())
        click.echo(f"assured-jobs: {text}", file=file, err=file is None)


class _Complaints(logging.Handler):
    """What went wrong for one job or one worker while the rest went on. Lesser events are in the report.

    The dashboard has no report, and its pages say no more than that its log does: warnings and tracebacks are told.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR or record.name == _DASHBOARD

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"assured-jobs: {safe(record.getMessage(), 1000)}", err=True)
        if record.exc_info and record.name == _DASHBOARD:
            for line in "".join(traceback.format_exception(*record.exc_info)).splitlines():
                click.echo(safe(line, 1000), err=True)


class Verbs(click.Group):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        show_examples(_AT_NIGHT, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise Complaint(str(error), USAGE) from error
        except (LedgerError, NoRedisServer) as error:
            raise Complaint(str(error), REDIS) from error
        except AssuredJobsError as error:
            raise Complaint(str(error), UNMATCHED) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            message = f"{type(error).__name__}: {error}. This is a bug in assured_jobs: please report it."
            raise Complaint(message, BUG) from error


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dramatiq-assured-jobs", prog_name="assured-jobs")
@shared
@click.pass_context
def main(context: click.Context, _options: Options) -> None:
    """What became of the jobs of dead Dramatiq workers, and what to do about it.

    Exits with 0 when done, 1 where an ID was not found or refused, 2 on wrong usage or settings, 3 where Redis does not
    answer or refuses.

    --url, --namespace and --json may stand before or after the verb.
    """
    complaints = _Complaints(logging.WARNING)
    logging.getLogger("assured_jobs").addHandler(complaints)
    context.call_on_close(lambda: logging.getLogger("assured_jobs").removeHandler(complaints))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


for _verb in (
    status, orphans, show, retry, delete, recover, instances, flight, events, check, config, healthcheck, release, web,
    demo,
):  # fmt: skip
    main.add_command(_verb)
