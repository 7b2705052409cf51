"""Tables that never cut an id in two: where a table is wider than the screen, each row is told in lines of its own.

A double click takes an id whole, or it is no use at 2 am.
"""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_INDENT = 4


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    return grid


def show_table(screen: Console, grid: Table) -> None:
    if Measurement.get(screen, screen.options.update(width=10_000), grid).maximum <= screen.width:
        screen.print(grid)
        return
    names = [str(column.header) for column in grid.columns]
    for cells in zip(*(column.cells for column in grid.columns), strict=True):
        first, *others = (cell if isinstance(cell, Text) else Text(str(cell)) for cell in cells)
        screen.print(first, soft_wrap=True)
        parts = [
            Text.assemble((f"{name} ", "dim") if name else "", cell)
            for name, cell in zip(names[1:], others, strict=True)
            if cell.plain
        ]
        for line in _filled(parts, screen.width):
            screen.print(line, soft_wrap=True)


def _filled(parts: list[Text], width: int) -> list[Text]:
    """As many of them in each line as there is room for, and no part broken."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + 2 + part.cell_len <= width:
            lines[-1].append("  ").append_text(part)
        else:
            lines.append(Text(" " * _INDENT).append_text(part))
    return lines
