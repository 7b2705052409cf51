"""`config`: which settings hold, and who said so. It asks nobody: it works while Redis is down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click
from rich.text import Text

from ..address import Address
from ..misspelt import ignored
from ..settings import variable, variable_set
from .options import DEFAULT_URL, Options, Verb, shared
from .tables import show_table, table
from .words import console, print_json, safe

#: Where nothing says a value, what follows from that.
_UNSET = {
    "redis_url": f"the broker's own; for this command {DEFAULT_URL}",
    "termination_grace_period": "not known",
    "recovery_rate": "no limit",
    "health_file": "none",
}


@dataclass(frozen=True)
class Setting:
    """`source` is an option, a variable, or `default`."""

    name: str
    variable: str
    value: Any
    source: str


@click.command(
    cls=Verb,
    short_help="Which settings hold, and where each came from.",
    examples=["assured-jobs config", "assured-jobs config --json | jq '.settings[] | select(.source != \"default\")'"],
)
@shared
def config(options: Options) -> None:
    """Every setting: its variable, the value that holds, and where it came from. Passwords are shown as ***.

    It reads the environment of this command: run it where the worker runs. It needs no Redis.
    """
    settings = _effective(options)
    if options.as_json:
        misspelt = [{"variable": one.variable, "did_you_mean": one.did_you_mean} for one in ignored()]
        print_json({"settings": [vars(one) for one in settings], "ignored": misspelt})
        return
    grid = table("setting", "variable", "value", "source")
    for one in settings:
        value = Text(safe(_in_words(one), 400))
        grid.add_row(one.name, one.variable, value, Text(one.source, "dim" if one.source == "default" else ""))
    for slip in ignored():
        grid.add_row("", Text(safe(slip.variable, 400)), slip.hint, "ignored")
    show_table(console(), grid)


def _effective(options: Options) -> list[Setting]:
    """Raises ConfigurationError."""
    values = options.settings().model_dump()
    if values["redis_url"]:
        values["redis_url"] = Address.parse(values["redis_url"]).masked()
    said = options.sources()
    return [
        Setting(name, variable(name), value, said.get(name) or variable_set(name) or "default")
        for name, value in values.items()
    ]


def _in_words(one: Setting) -> str:
    if one.value is None:
        return _UNSET[one.name]
    if one.name == "recovery_rate":
        return f"{one.value:g} per second"
    if isinstance(one.value, bool):
        return str(one.value).lower()
    return f"{one.value:.15g} s" if isinstance(one.value, float) else str(one.value)
