"""Tables of results on a terminal: where there is no room for all columns, some are left out, and none is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

GAP = 2
"""Blanks between columns: one of the box, the others are padding."""


@dataclass(frozen=True)
class Column:
    """A column: `right` is for numbers. `leaves`: those with the largest number leave first, those with 0 never.

    `wraps`: its texts are broken into lines of at least that many characters, where there is no room for them.
    """

    head: str
    right: bool = False
    leaves: int = 0
    wraps: int = 0


@dataclass(frozen=True)
class Listing:
    """A table with a title, that rich prints; a line is drawn before the rows in `sections`, counted from 0."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    sections: tuple[int, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self.widths(options.max_width)
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
        for i, width in widths.items():
            column = self.columns[i]
            side: JustifyMethod = "right" if column.right else "left"
            table.add_column(Text(column.head), justify=side, min_width=width, max_width=width, overflow="fold")
        for count, row in enumerate(self.rows):
            if count in self.sections:
                table.add_section()
            table.add_row(*(Text(row[i]) for i in widths))
        if self.title:
            yield Text(self.title, "bold")
        yield from console.render(table, options.update(width=sum(widths.values()) + GAP * len(widths), no_wrap=False))

    def widths(self, room: int) -> dict[int, int]:
        """The columns that are shown in so many characters, by number, each with its width.

        Wider than the room only where those that never leave are.
        """
        wanted = {i: max([len(c.head), *(len(row[i]) for row in self.rows)]) for i, c in enumerate(self.columns)}
        least = {i: min(width, self.columns[i].wraps or width) for i, width in wanted.items()}
        leaving = sorted((c.leaves, i) for i, c in enumerate(self.columns) if c.leaves)
        while leaving and _total(least) > room:
            del least[leaving.pop()[1]]
        spare = max(0, room - _total(least))
        for i, width in list(least.items()):
            least[i] = min(wanted[i], width + spare)
            spare -= least[i] - width
        return least


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def listing(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], sections: Sequence[int]) -> Listing:
    """A listing without the columns in which no row has anything."""
    full = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    kept = tuple(tuple(row[i] for i in full) for row in rows)
    return Listing(title, tuple(columns[i] for i in full), kept, tuple(sections))
