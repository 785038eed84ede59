"""Rows of tables as other languages write them, and how they are written here."""

from __future__ import annotations

from itertools import pairwise

from hyperdsl.diagnostics import Diagnostic, Edit, Fix, catalogue
from hyperdsl.source import Place
from hyperdsl.syntax.builder import span_of
from hyperdsl.syntax.fault import Fault, gap

ROWS = "coefficients stand in a tableau, a row a stage: `c | a_1, a_2, ...`, a rule line, weights `| b_1, b_2, ...`"


def row_label(fault: Fault) -> Diagnostic | None:
    """`b: 1/2, 1/2` or `A = 1, 0` in a tableau."""
    before = fault.before
    if not fault.in_table or fault.token not in {":", "="} or before is None or before.type != "NAME":
        return None
    return catalogue.BAD_ROW.at(fault.place, problem="rows of a tableau have no labels", help=ROWS)


def column_sign(fault: Fault) -> Diagnostic | None:
    """`0 & 1` and `0 : 1`: what separates c, and coefficients, elsewhere."""
    if not fault.in_table or fault.token not in {"&", ":"}:
        return None
    row = fault.statement
    problem = f"`{fault.token}` does not separate coefficients"
    help_ = "write `c | a_1, a_2, ...`: a `|` after c, commas between coefficients"
    fix = None
    if not any(token == "\\" for token in row):
        signs = [token for token in row if token == fault.token]
        first = "," if any(token.type == "BAR" for token in row) else "|"
        texts = [first, *[","] * (len(signs) - 1)]
        edits = tuple(Edit(span_of(sign), text) for sign, text in zip(signs, texts, strict=True))
        fix = Fix("write `|` and commas", edits)
    return catalogue.SEPARATOR.at(fault.place, problem=problem, help=help_, fix=fix)


def table_row(fault: Fault) -> Diagnostic | None:
    """Rows without commas, with a comma at the end, with more than one `|`."""
    before, row = fault.before, fault.statement
    if not fault.in_table or before is None:
        return None
    if fault.kind in {"NUMBER", "NAME"} and before.type in {"NUMBER", "NAME", "RPAR"}:
        sure = not any(token.type in {"MINUS", "PLUS"} for token in row)
        span = gap(before, fault.token)
        fix = Fix.put(", ", span, "put a comma between them") if sure else None
        problem = "coefficients have commas between them"
        return catalogue.SEPARATOR.at(fault.place, problem=problem, help="write `c | a_1, a_2, ...`", fix=fix)
    if fault.kind == "BAR" and before.type == "CARET":
        help_ = "a row of weights starts with `|`, the embedded one too"
        return catalogue.BAD_ROW.at(fault.place, problem="rows of a tableau have no labels", help=help_)
    if fault.kind == "BAR" and any(token.type == "BAR" for token in row[: fault.at - fault.start]):
        line = fault.place.span.line
        continued = [one for one, two in pairwise(row) if one == "," and (two.line or 0) == line != one.line]
        if continued:
            place = Place(fault.source, span_of(continued[0]))
            problem = "a comma at the end of a line continues its row on the next"
            fix = Fix.put("", place.span, "remove the comma")
            return catalogue.SEPARATOR.at(place, problem=problem, help="remove it", fix=fix)
        help_ = "write `c | a_1, a_2, ...`: no `|` before c or between coefficients"
        return catalogue.BAD_ROW.at(fault.place, problem="a row has one `|`, after its c", help=help_)
    return None
