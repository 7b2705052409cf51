"""Where to look, said before the verb or after it; and the ledger that is found there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from ..entry import State
from ..errors import ConfigurationError, ForeignValue, LedgerError
from ..ledger import Ledger, Store
from ..ledger.connecting import client_of
from ..ledger.overview import Overview
from ..misspelt import ignored
from ..orphans import REASONS, Selection
from ..settings import AssuredJobsSettings, variable
from .words import safe

DEFAULT_URL = "redis://127.0.0.1:6379/0"

#: Where a problem is told of a setting that was given as an option, the option is named.
_OPTIONS = {"redis_url": "--url", "namespace": "--namespace"}


@dataclass(frozen=True)
class Options:
    url: str | None = None
    namespace: str | None = None
    as_json: bool = False

    def over(self, other: Options | None) -> Options:
        """What is said after the verb goes before what was said before it."""
        if other is None:
            return self
        return Options(self.url or other.url, self.namespace or other.namespace, self.as_json or other.as_json)

    def given(self) -> dict[str, str]:
        """The settings that options say."""
        said = {"redis_url": self.url, "namespace": self.namespace}
        return {name: value for name, value in said.items() if value is not None}

    def sources(self) -> dict[str, str]:
        """Which option says each of them."""
        return {name: _OPTIONS[name] for name in self.given()}

    def settings(self) -> AssuredJobsSettings:
        """Raises ConfigurationError, naming the option or the variable at fault."""
        given = self.given()
        try:
            settings = AssuredJobsSettings(**given)
            if settings.redis_url:
                client_of(settings.redis_url)
        except ConfigurationError as error:
            problems = error.problems
            for name in given:
                problems = [line.replace(f"{variable(name)}:", f"{_OPTIONS[name]}:", 1) for line in problems]
            raise ConfigurationError(problems) from None
        return settings


class Verb(click.Command):
    """A command that shows by example how it is typed, and says first which variables it ignores."""

    def __init__(self, *args: Any, examples: list[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.examples = examples

    def invoke(self, ctx: click.Context) -> Any:
        for one in ignored():
            click.echo(f"assured-jobs: {safe(one.sentence, 400)}", err=True)
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        show_examples(self.examples, formatter)


class VerbGroup(Verb, click.Group):
    """A command with verbs of its own."""


def show_examples(examples: list[str], formatter: click.HelpFormatter) -> None:
    with formatter.section("Example"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command --url, --namespace and --json, and hands them over as one `Options`."""

    @click.option("--url", metavar="URL", help=f"The RedisBroker's Redis. [ASSURED_JOBS_REDIS_URL, else {DEFAULT_URL}]")
    @click.option("--namespace", metavar="NAME", help="Prefix of our keys. [ASSURED_JOBS_NS, else assured_jobs]")
    @click.option("--json", "as_json", is_flag=True, help="For programs: JSON on standard output.")
    @click.pass_context
    @wraps(function)
    def with_options(
        context: click.Context, /, url: str | None, namespace: str | None, as_json: bool, **rest: Any
    ) -> Any:
        context.obj = Options(url, namespace, as_json).over(context.obj)
        return function(context.obj, **rest)

    return with_options


def selecting(states: tuple[State, ...], note: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the filters, and hands them over as one `Selection`. `states` are those it may name."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--queue", metavar="NAME", help="Only of this queue.")
        @click.option("--actor", metavar="NAME", help="Only of this actor.")
        @click.option("--instance", metavar="ID", help="Only what this worker held: its id, or its label.")
        @click.option("--reason", type=click.Choice(REASONS), help="Only for this reason.")
        @click.option("--text", metavar="TEXT", help="Only where it stands in an id, a name, or the reason.")
        @click.option(
            "--state", "states", type=click.Choice(states), multiple=True, help=f"Only these, repeatable. {note}"
        )
        @wraps(function)
        def with_selection(
            *args: Any, queue: str | None, actor: str | None, instance: str | None, reason: str | None,
            text: str | None, states: tuple[State, ...], **rest: Any,
        ) -> Any:  # fmt: skip
            return function(*args, selection=Selection(states, queue, actor, instance, reason, text), **rest)

        return with_selection

    return decorate


@contextmanager
def ledger_of(options: Options, *ids: str) -> Iterator[Ledger]:
    """The ledger those options name. Raises ConfigurationError.

    A foreign value found inside the block is told with the key that holds it, `ids` being the message ids asked for.
    """
    settings = options.settings()
    ledger = Ledger(Store.from_url(settings.redis_url or DEFAULT_URL, settings.namespace, settings.redis_timeout))
    try:
        yield ledger
    except ForeignValue as error:
        raise ForeignValue(_naming_the_key(str(error), ledger, ids)) from error
    finally:
        ledger.close()


def _naming_the_key(message: str, ledger: Ledger, ids: tuple[str, ...]) -> str:
    try:
        found = Overview(ledger.store).misfits(ids)
    except LedgerError:
        found = []
    return f"{message.replace(' One of: unknown.', '')} At fault: {', '.join(found)}." if found else message
