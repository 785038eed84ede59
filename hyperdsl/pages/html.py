"""A method's page as HTML: one table for the tableau, one for the facts."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from hyperdsl.pages.analysis import of_solver
from hyperdsl.pages.sheet import Sheet, Shown, sheets
from hyperdsl.pages.text import Fact
from hyperdsl.semantics.methods.proofs import shown
from hyperdsl.semantics.model.spec import Method, Solver
from hyperdsl.theory.numbers.exact import Exact

_CELL = "padding: 0.1em 0.6em; text-align: left"
_LINE = "1px solid currentColor"


def page_html(value: Shown, region: str | None = None) -> str:
    """The page of a method or solver, with its stability region where there is an SVG; all text in it is escaped.

    A tableau is a table, other formulas are lines.
    """
    parts = [_sheet_html(sheet, _tableaus(value)) for sheet in sheets(value)]
    if region is not None:  # as data, so that its names meet no others on the page
        data = b64encode(region.encode("utf-8")).decode("ascii")
        parts.append(f'<img alt="stability region" src="data:image/svg+xml;base64,{data}"/>')
    return f"<div>{''.join(parts)}</div>"


def _tableaus(value: Shown) -> Method | None:
    """The Runge–Kutta method whose tableau is drawn as a table."""
    if isinstance(value, Solver):
        return of_solver(value)
    return value if isinstance(value, Method) else None


def _sheet_html(sheet: Sheet, method: Method | None) -> str:
    head = [f"<strong>{escape(sheet.heading)}</strong>", *(escape(f"for {line}") for line in sheet.within)]
    lines = _tableau(method) if method else f"<pre>{escape(chr(10).join(sheet.coefficients))}</pre>"
    return f"<p>{'<br>'.join(head)}</p>{lines}{_facts(sheet.facts) if sheet.facts else ''}"


def _tableau(method: Method) -> str:
    tableau = method.tableau
    lasts = [max((j + 1 for j, a in enumerate(row) if not a.is_zero), default=0) for row in tableau.a]
    rows = [
        _row(c, [a if j < last else None for j, a in enumerate(row)], top=False)
        for c, row, last in zip(tableau.c, tableau.a, lasts, strict=True)
    ]
    rows += [_row(None, list(row), top=i == 0) for i, row in enumerate(tableau.weights)]
    return f'<table style="border-collapse: collapse">{"".join(rows)}</table>'


def _row(c: Exact | None, entries: list[Exact | None], *, top: bool) -> str:
    edge = f"; border-top: {_LINE}" if top else ""
    cells = [f'<td style="{_CELL}; border-right: {_LINE}{edge}">{_number(c)}</td>']
    cells += [f'<td style="{_CELL}{edge}">{_number(entry)}</td>' for entry in entries]
    return f"<tr>{''.join(cells)}</tr>"


def _number(value: Exact | None) -> str:
    return "" if value is None else escape(shown(value))


def _facts(found: tuple[Fact, ...]) -> str:
    rows = "".join(
        f'<tr><th style="{_CELL}; vertical-align: top">{escape(label)}</th>'
        f'<td style="{_CELL}">{"<br>".join(map(escape, lines))}</td></tr>'
        for label, lines in found
    )
    return f"<table>{rows}</table>"
