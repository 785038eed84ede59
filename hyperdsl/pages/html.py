"""A method's page as HTML: one table for the tableau, one for the facts."""

from __future__ import annotations

from html import escape

from hyperdsl.pages.analysis import Analysis
from hyperdsl.pages.text import Fact, facts, ranges, title
from hyperdsl.semantics.methods.proofs import shown
from hyperdsl.semantics.model.spec import Method
from hyperdsl.theory.numbers.exact import Exact

_CELL = "padding: 0.1em 0.6em; text-align: left"
_LINE = "1px solid currentColor"


def page_html(method: Method, analysis: Analysis, more: tuple[Fact, ...] = ()) -> str:
    """The page; all text in it is escaped."""
    head = [f"<strong>{escape(title(method))}</strong>", *(escape(f"for {line}") for line in ranges(method))]
    return f"<div><p>{'<br>'.join(head)}</p>{_tableau(method)}{_facts((*facts(method, analysis), *more))}</div>"


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
