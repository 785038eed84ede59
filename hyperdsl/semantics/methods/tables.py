"""From the lines of a tableau to its coefficients."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.diagnostics import Fix, catalogue
from hyperdsl.semantics.model import expressions as e
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.reading.numbers import ExactReader, Valued, fits_double
from hyperdsl.semantics.reading.report import Report, Spanned
from hyperdsl.source import Span
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.fault import RULE
from hyperdsl.theory.numbers.exact import ZERO, Exact, NotExact
from hyperdsl.theory.runge_kutta.stages import exact_stages
from hyperdsl.theory.runge_kutta.tableau import Tableau

MAX_STAGES = 64
MAX_WEIGHTS = 16
NOTHING: Valued = (e.Constant(ZERO), ZERO)


@dataclass(frozen=True)
class Table:
    """A tableau's coefficients twice, exact and as written, with the lines they came from."""

    tableau: Tableau
    entries: Entries
    rows: tuple[n.Row, ...]
    weights: tuple[n.Weights, ...]


def read_table(report: Report, node: n.Tableau, parameters: tuple[str, ...]) -> Table | None:
    """The coefficients of `tableau { ... }`; None where something is wrong, which has been reported."""
    rows = tuple(line for line in node.lines if isinstance(line, n.Row))
    weights = tuple(line for line in node.lines if isinstance(line, n.Weights))
    if not _shape_is_right(report, node, rows, weights):
        return None
    reader = ExactReader(report, parameters)
    a = [padded(reader, row.entries, len(rows)) for row in rows]
    c = padded(reader, tuple(row.c for row in rows), len(rows))
    b = [padded(reader, row.entries, len(rows)) for row in weights]
    if c is None or None in a or None in b:
        return None
    lines = [line for line in (*a, *b) if line is not None]
    a_rows, b_rows = lines[: len(rows)], lines[len(rows) :]
    tableau = Tableau(tuple(map(values, a_rows)), values(c), tuple(map(values, b_rows)))
    entries = Entries(tuple(map(texts, a_rows)), texts(c), tuple(map(texts, b_rows)))
    return Table(tableau, entries, rows, weights) if is_provable(report, node.word, tableau) else None


def is_provable(report: Report, word: n.Name, tableau: Tableau) -> bool:
    """Whether one field that is small enough holds all coefficients; reported at `word` where none does."""
    try:
        exact_stages(tableau)
    except NotExact as reason:
        report(catalogue.NOT_EXACT, word, reason=reason)
        return False
    return True


def values(line: list[Valued]) -> tuple[Exact, ...]:
    """The numbers of a row."""
    return tuple(value for _, value in line)


def texts(line: list[Valued]) -> tuple[e.Expression, ...]:
    """A row as written."""
    return tuple(expression for expression, _ in line)


def _shape_is_right(report: Report, node: n.Tableau, rows: tuple[n.Row, ...], weights: tuple[n.Weights, ...]) -> bool:
    lines: tuple[n.Row | n.Weights, ...] = (*rows, *weights)
    bare = [line for line in node.lines if isinstance(line, n.Bare)]
    rules = [i for i, line in enumerate(node.lines) if isinstance(line, n.Rule)]
    if bare and rules and bare[0] in node.lines[rules[0] :]:
        start = bare[0].span
        barred = Fix.put("| ", Span(start.line, start.column, start.line, start.column), "write a `|` before it")
        help_ = "write `| b_1, b_2, ...`"
        report(catalogue.BAD_ROW, bare[0], problem="a row of weights starts with `|`", help=help_, fix=barred)
    elif bare:
        report(catalogue.BAD_ROW, bare[0], problem="this row has no c", help="write `c | a_1, a_2, ...`")
    elif not rows:
        report(catalogue.BAD_ROW, node.word, problem="a tableau needs at least one stage")
    elif labelled := [line for line in node.lines[rules[0] :] if isinstance(line, n.Row)] if rules else []:
        _report_below(report, labelled[0])
    elif not weights:
        report(catalogue.BAD_ROW, node.word, problem="a tableau needs a row of weights, which starts with `|`")
    elif not rules or (len(rules) == 1 and rules[0] == len(node.lines) - 1):
        report(catalogue.MISSING_RULE, weights[0], fix=_ruled(report, rows[0], weights[0]))
    elif len(rules) > 1:
        rule = node.lines[rules[1]]
        last = rules[1] == len(node.lines) - 1
        fix = Fix.put("", _whole_line(report, rule), "remove the rule line") if last else None
        help_ = "remove it: nothing stands below it" if last else "keep the one above the weights"
        report(catalogue.BAD_ROW, rule, problem="a tableau has one rule line", help=help_, fix=fix)
    elif early := [line for line in node.lines[: rules[0]] if isinstance(line, n.Weights)]:
        report(catalogue.BAD_ROW, early[0], problem="this row has no c", help="write `c | a_1, a_2, ...`")
    elif len(rows) > MAX_STAGES:
        report(catalogue.TOO_LARGE, rows[MAX_STAGES], what="the number of stages", limit=str(MAX_STAGES))
    elif len(weights) > MAX_WEIGHTS:
        report(catalogue.TOO_LARGE, weights[MAX_WEIGHTS], what="the number of rows of weights", limit=str(MAX_WEIGHTS))
    elif long := [line for line in lines if len(line.entries) > len(rows)]:
        problem = f"this row has {len(long[0].entries)} coefficients, but there are {len(rows)} stages"
        report(catalogue.BAD_ROW, long[0].entries[len(rows)], problem=problem)
    else:
        return True
    return False


def _report_below(report: Report, row: n.Row) -> None:
    """A row with a c below the rule line: a stage, or weights with a label."""
    if isinstance(row.c, n.Name):
        fix = Fix.put("", row.c.span, f"remove the `{row.c.text}`")
        problem, advice = "a row of weights has no label", f"it starts with `|`: remove the `{row.c.text}`"
        report(catalogue.BAD_ROW, row, problem=problem, help=advice, fix=fix)
    else:
        report(catalogue.BAD_ROW, row, problem="a stage stands below the rule line")


def _ruled(report: Report, row: n.Row, weights: n.Weights) -> Fix:
    """A rule line put above the first row of weights, below the start of the stages."""
    line, column = weights.span.line, weights.span.column
    alone = not report.source.lines[line - 1][: column - 1].strip()
    indent = " " * (row.span.column - 1) if alone else "\n"
    at = 1 if alone else column
    return Fix.put(f"{indent}{RULE}\n", Span(line, at, line, at), "put a rule line above the weights")


def _whole_line(report: Report, node: Spanned) -> Span:
    """The line that the node stands on, with its end, where nothing else stands there."""
    span, lines = node.span, report.source.lines
    line = lines[span.line - 1]
    rest = line[: span.column - 1] + line[span.end_column - 1 :]
    return span if rest.strip() or span.line == len(lines) else Span(span.line, 1, span.line + 1, 1)


def padded(reader: ExactReader, entries: tuple[n.Expression, ...], width: int) -> list[Valued] | None:
    """A row's coefficients, missing ones zero; None where one was reported."""
    read = [_coefficient(reader, entry) for entry in entries]
    found = [value for value in read if value is not None]
    return found + [NOTHING] * (width - len(found)) if len(found) == len(read) else None


def _coefficient(reader: ExactReader, entry: n.Expression) -> Valued | None:
    read = reader.read(entry)
    return read if read and fits_double(reader.report, entry, read[1]) else None
