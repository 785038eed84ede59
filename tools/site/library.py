"""The library: a table of its methods that can be searched and sorted, and a page for each."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path

from rich.console import Console

from hyperdsl import compiler
from hyperdsl.cli.methods_shown import Shown, print_page
from hyperdsl.pages.listing import Row, rows
from hyperdsl.pages.multistep_regions import plot_multistep_region
from hyperdsl.pages.regions import plot_region
from hyperdsl.semantics.model.spec import Method, Multistep
from hyperdsl.theory.numbers.budget import OutOfReach
from tools.site.pages import ROOT, Page, fenced, plain

WIDTH = 100
MOST_PLOTTED = 12
"""Stages up to which a stability region is drawn."""
HEAD = (
    ("name", "text"),
    ("kind", "text"),
    ("order", "number"),
    ("stages", "number"),
    ("evaluations", "number"),
    ("real", "number"),
    ("imaginary", "number"),
    ("properties", "text"),
    ("source", "text"),
)


def pages(folder: Path) -> Iterator[Page]:
    """The table and every method's page; pictures go to `folder`."""
    yield Page("library/index.md", "\n".join(_table()))
    for row in rows():
        yield Page(f"library/{row.name}.md", "\n".join(_method(row, folder)))


def _table() -> Iterator[str]:
    yield "# The library\n"
    yield (
        f"{len(rows())} methods, written in the language itself and proven as any other. `evaluations` are those of "
        f"f in "
        "one further step; `real` and `imaginary` are the lengths of the stability intervals. "
        "`hyperdsl list` prints the same table, `hyperdsl show NAME` a page.\n"
    )
    yield '<div class="library" markdown="0">'
    yield '<label>Search <input type="search" id="library-search" placeholder="rosenbrock 4(3)"'
    yield ' aria-controls="library-table"></label>'
    yield '<p id="library-count" role="status"></p>'
    yield '<div class="library-scroll" tabindex="0" role="region" aria-label="Methods of the library">'
    yield '<table id="library-table"><thead><tr>'
    yield "".join(f'<th scope="col" data-kind="{kind}">{name}</th>' for name, kind in HEAD)
    yield "</tr></thead><tbody>"
    yield from map(_row, rows())
    yield "</tbody></table></div></div>"


def _row(row: Row) -> str:
    cells = (
        (f'<a href="{row.name}.html">{row.name}</a>', row.name),
        (row.kind, row.kind),
        (row.orders, row.order),
        (_shown(row.stages if row.stages is not None else row.steps), row.stages or row.steps or 0),
        (_shown(row.evaluations), row.evaluations or 0),
        (_shown(row.real_stability), row.real_stability or 0),
        (_shown(row.imaginary_stability), row.imaginary_stability or 0),
        (escape(", ".join(row.properties)), ""),
        (escape(row.source), ""),
    )
    return "<tr>" + "".join(f'<td data-sort="{key}">{text}</td>' for text, key in cells) + "</tr>"


def _shown(number: float | None) -> str:
    if number is None:
        return "–"
    return "∞" if number == float("inf") else f"{number:.4g}"


def _method(row: Row, folder: Path) -> Iterator[str]:
    yield f"# {row.name}\n"
    yield f"{plain(row.source)}\n"
    yield f"{row.kind.capitalize()}, order {row.orders}; {plain(row.about)} [All methods](index.md).\n"
    base = compiler.library_base(row.name)
    assert base is not None
    yield fenced(_facts(base), "text")
    yield "In the language:\n"
    yield fenced(_declaration(row), "text")
    if _plot(base, folder / f"{row.name}.png"):
        yield f"![Stability region of {row.name}]({row.name}.png)\n"


def _facts(base: Shown) -> str:
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None, soft_wrap=True)
    try:
        print_page(base, console)
    except OutOfReach as reason:
        return f"not all of its facts are within reach: {reason}"
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@cache
def _file(name: str) -> str:
    return (ROOT / "hyperdsl" / "library" / name).read_text("utf-8")


def _declaration(row: Row) -> str:
    """The method as it stands in its file."""
    found = re.search(rf"^\w+ {row.name}\b.*?^}}", _file(row.file), re.MULTILINE | re.DOTALL)
    assert found is not None, row.name
    return found[0]


def _plot(base: Shown, path: Path) -> bool:
    """Whether the method has a stability region that was drawn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(base, Multistep):
        plot_multistep_region(base, path)
        return True
    if isinstance(base, Method) and not base.tableau.parameters and base.tableau.stages <= MOST_PLOTTED:
        plot_region(base, path)
        return True
    return False
