"""How the demo is told: a moving bar above which lines appear on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress
from rich.table import Table
from rich.text import Text

#: Between two plain lines of progress, in seconds.
PERIOD = 3.0


@dataclass(frozen=True)
class Result:
    """What was counted in the file of effects. Times in seconds."""

    sent: int
    done: int
    lost: int
    done_twice: int
    started_twice: int
    held: int
    running_when_killed: int
    held_by_the_dead: int
    kill_to_noticed: float | None
    kill_to_first_rerun: float | None
    seconds: float

    @property
    def good(self) -> bool:
        return not self.lost and not self.done_twice and self.kill_to_first_rerun is not None


class Show:
    """Speaks on standard output, or on standard error where that is kept for JSON."""

    def __init__(self, *, aside: bool = False) -> None:
        stream = sys.stderr if aside else sys.stdout
        width = None if stream.isatty() else 140
        self.console = Console(file=stream, markup=False, emoji=False, highlight=False, width=width)
        self._began = time.monotonic()
        self._told = self._began
        self._bar: Progress | None = None
        if self.console.is_terminal:
            columns = ("  orders invoiced", BarColumn(), MofNCompleteColumn(), "{task.description}")
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._task = self._bar.add_task("", total=None, visible=False)
            self._bar.start()

    def close(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None

    def say(self, sentence: str) -> None:
        self._print(Text(sentence))

    def alarm(self, sentence: str) -> None:
        self._print(Text(sentence, "bold red"))

    def progress(self, done: int, total: int, words: str = "") -> None:
        if self._bar:
            self._bar.update(self._task, completed=done, total=total, description=words, visible=True)
        elif time.monotonic() - self._told > PERIOD:
            self._told = time.monotonic()
            self.say(f"{done} of {total} orders invoiced" + (f"; {words}" if words else "") + ".")

    def result(self, result: Result) -> None:
        """The table at the end."""
        self.close()

        def seconds(value: float | None) -> str:
            return "never" if value is None else f"{value:.1f} s"

        rows = [
            ("kill to death noticed", seconds(result.kill_to_noticed), ""),
            ("kill to first re-run", seconds(result.kill_to_first_rerun), ""),
            ("orders sent", str(result.sent), ""),
            ("orders done", str(result.done), ""),
            ("lost", str(result.lost), "must be 0"),
            ("done twice", str(result.done_twice), "must be 0"),
            ("started twice", str(result.started_twice), f"the re-run; {result.running_when_killed} were running"),
            ("held for a person", str(result.held), ""),
            ("the whole demo", seconds(result.seconds), ""),
        ]
        table = Table(box=None, show_header=False, padding=(0, 2))
        table.add_column()
        table.add_column(justify="right")
        table.add_column(style="dim")
        for name, value, remark in rows:
            bad = value == "never" or (remark == "must be 0" and value != "0")
            table.add_row(name, Text(value, "bold red" if bad else "bold"), remark)
        self.console.print()
        self.console.print(table)
        self.console.print()
        if result.good:
            words = Text("One worker died with kill -9: nothing was lost, and nothing was invoiced twice.", "green")
        else:
            words = Text("This is not what was promised. Please report it, with the lines above.", "bold red")
        self.console.print(words)

    def _print(self, sentence: Text) -> None:
        line = Text(f"{time.monotonic() - self._began:5.1f} s  ", "dim")
        line.append_text(sentence)
        self.console.print(line, soft_wrap=not self.console.is_terminal)
