"""`check`: what is wrong with the set-up, what follows, what to do. It changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from ..checkup import LEVELS, Finding, examine
from .options import Options, Verb, ledger_of, shared
from .words import console, count, print_json, safe

FAULTY = 1

_STYLES = {"fault": "bold red", "unknown": "bold yellow", "note": "yellow", "ok": "green"}

#: Characters of a sentence: it may quote a few names that others wrote.
_LONGEST = 2000


@click.command(
    cls=Verb,
    short_help="What is wrong with the set-up, and how to mend it.",
    examples=["assured-jobs check --grace-period 30", "assured-jobs check --json | jq '.findings[0]'"],
)
@click.option(
    "--grace-period",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="What the platform grants between SIGTERM and SIGKILL. [what each worker was told]",
)
@shared
def check(options: Options, grace_period: float | None) -> None:
    """Looks for what would lose jobs or bring them back late: in Redis's settings, this user's rights, the clocks, the
    workers' settings, and what lies about. Each fault with what follows from it and what to do.

    Exits with 1 where there is a fault. What Redis does not tell is unknown, and no fault.
    """
    with ledger_of(options) as ledger:
        findings = examine(ledger, grace_period)
    faults = sum(finding.level == "fault" for finding in findings)
    if options.as_json:
        print_json({"faults": faults, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    if faults:
        raise click.exceptions.Exit(FAULTY)


def _print(findings: list[Finding]) -> None:
    screen = console()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        if finding.level == "ok":
            _print_line(screen, finding, width)
        else:
            _print_line(screen, finding, 0)
    screen.print(Text(_summary(findings), "bold"))


def _print_line(screen: Console, finding: Finding, width: int) -> None:
    line = Text(finding.level.upper().ljust(8) if finding.level == "fault" else finding.level.ljust(8))
    line.stylize(_STYLES[finding.level])
    line.append(finding.name.ljust(width), "bold" if finding.level != "ok" else "")
    line.append(f"  {safe(finding.found, _LONGEST)}", "")
    screen.print(line, soft_wrap=True)
    for word, sentence in (("follows", finding.follows), ("do", finding.mend)):
        if sentence:
            screen.print(f"{'':8}{word:<8} {safe(sentence, _LONGEST)}", soft_wrap=True)


def _summary(findings: list[Finding]) -> str:
    levels = Counter(finding.level for finding in findings)
    parts = [count(levels["fault"], "fault") if levels["fault"] else "No fault"]
    parts += [f"{levels[level]} unknown" if level == "unknown" else count(levels[level], level)
              for level in LEVELS[1:3] if levels[level]]  # fmt: skip
    return f"{', '.join(parts)}; {levels['ok']} in order."
