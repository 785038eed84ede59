"""What a `method` declaration means."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.dense import read_dense
from hyperdsl.semantics.methods.families import check_denominators, parameter_names, read_conditions
from hyperdsl.semantics.methods.labels import dense_of
from hyperdsl.semantics.methods.proofs import Claim, check_claim
from hyperdsl.semantics.methods.tables import Table, read_table
from hyperdsl.semantics.model.spec import Method
from hyperdsl.semantics.reading.names import check_name
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.tables.methods import METHOD
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.order import LARGEST_TOLERANCE
from hyperdsl.theory.runge_kutta.tableau import HIGHEST_ORDER

CLAUSES = ("within", "autonomous")


@exactly
def read_method(report: Report, declaration: n.Declaration) -> Method | None:
    """The method, with its orders proven; None where something is wrong, which has been reported."""
    before = len(report.found)
    check_name(report, declaration.name)
    names = parameter_names(report, declaration)
    statements = declaration.body.statements
    tables = [statement for statement in statements if isinstance(statement, n.Tableau)]
    others = tuple(statement for statement in statements if not isinstance(statement, n.Tableau))
    settings = Settings(report, "a method", n.Block(others, declaration.body.span), METHOD, CLAUSES)
    conditions = read_conditions(report, settings, names)
    claim = read_claim(report, declaration, settings)
    table = _table(report, declaration, tables, names)
    if claim and table:
        check_weight_rows(report, claim, len(table.weights))
    if claim is None or table is None or report.failed_since(before):
        return None
    check_denominators(report, declaration.name, declaration.name.text, table.tableau, conditions.region)
    facts = check_claim(report, declaration.name, table, claim)
    if facts is None or report.failed_since(before):
        return None
    dense = None
    if part := dense_of(report, declaration):
        dense = read_dense(report, part, declaration.name, table, claim, facts.report, names)
        if dense is None:
            return None
        check_denominators(report, part.word, declaration.name.text, dense.tableau, conditions.region)
    if report.failed_since(before):
        return None
    return Method(
        name=declaration.name.text,
        place=report.place(declaration.name),
        tableau=table.tableau,
        entries=table.entries,
        parameters=conditions.parameters(),
        claimed_order=claim.order,
        claimed_embedded=claim.embedded,
        tolerance=claim.tolerance,
        autonomous=claim.autonomous,
        facts=facts,
        nonzero=tuple(conditions.nonzero),
        dense=dense,
    )


def _table(report: Report, declaration: n.Declaration, tables: list[n.Tableau], names: tuple[str, ...]) -> Table | None:
    found = [table for table in tables if table.word.text == "tableau"]
    if not found:
        example = "tableau { ... }"
        name = declaration.name
        report(catalogue.MISSING_SETTING, name, kind="method", name=name.text, word="tableau", example=example)
        return None
    return read_table(report, found[0], names)


def check_weight_rows(report: Report, claim: Claim, rows: int) -> None:
    """Report a claim of more embedded orders than there are rows of weights for."""
    if len(claim.embedded) >= rows:
        text = f"{claim.order}({', '.join(map(str, claim.embedded))})"
        report(catalogue.NO_WEIGHT_ROW, claim.numbers[0], claim=text, claimed=len(claim.embedded), rows=rows)


def read_claim(report: Report, declaration: n.Declaration, settings: Settings) -> Claim | None:
    """`order p(q, r) within τ autonomous`."""
    setting = settings.require("order", declaration.name, "order 2")
    if setting is None:
        return None
    value = setting.values[0] if len(setting.values) == 1 else None
    if isinstance(value, n.Call) and isinstance(value.name, n.Number):
        numbers: tuple[n.Value, ...] = (value.name, *(argument.value for argument in value.arguments))
    else:
        numbers = (value,) if value is not None else ()
    orders = [_order(report, number) for number in numbers]
    if not orders:
        report(catalogue.WRONG_VALUE, setting, word="order", wants="a number such as `2`, or `5(4)`")
    tolerance, fine = _tolerance(report, setting)
    found = [order for order in orders if order is not None]
    if not found or len(found) < len(orders) or not fine:
        return None
    autonomous = any(clause.word.text == "autonomous" for clause in setting.clauses)
    nodes = tuple(number for number in numbers if not isinstance(number, n.Range | n.Comparison | n.String))
    return Claim(found[0], tuple(found[1:]), tolerance, autonomous, nodes)


def _order(report: Report, number: n.Value) -> int | None:
    if not isinstance(number, n.Number) or not number.text.isdigit():
        report(catalogue.WRONG_VALUE, number, word="order", wants="a number such as `2`, or `5(4)`")
        return None
    if not 1 <= int(number.text) <= HIGHEST_ORDER:
        report(catalogue.OUT_OF_RANGE, number, what="an order", wants=f"between 1 and {HIGHEST_ORDER}")
        return None
    return int(number.text)


def _tolerance(report: Report, setting: n.Setting) -> tuple[Exact | None, bool]:
    """The τ of `within`, None where there is none, and whether its clauses are in order."""
    seen: dict[str, n.Clause] = {}
    for clause in setting.clauses:
        if clause.word.text in seen:
            report(catalogue.REPEATED_SETTING, clause.word, word=clause.word.text)
            return None, False
        seen[clause.word.text] = clause
    if "autonomous" in seen and seen["autonomous"].value is not None:
        report(catalogue.WRONG_VALUE, seen["autonomous"], word="autonomous", wants="no value")
        return None, False
    clause_within = seen.get("within")
    if clause_within is None:
        return None, True
    if clause_within.value is None:
        report(catalogue.WRONG_VALUE, clause_within, word="within", wants="a number such as `1e-12`")
        return None, False
    tolerance = ExactReader(report).value(clause_within.value)
    if tolerance is None:
        return None, False
    if tolerance.sign() <= 0 or tolerance > LARGEST_TOLERANCE:
        report(catalogue.OUT_OF_RANGE, clause_within.value, what="a tolerance", wants="above 0 and at most 1e-8")
        return None, False
    return tolerance, True
