"""What the `dense` part of a method means: extra stages and weights that are polynomials in theta, proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.proofs import Claim, claiming, rows_sum, shown, unproven
from hyperdsl.semantics.methods.tables import MAX_STAGES, NOTHING, Table, is_provable, padded, texts, values
from hyperdsl.semantics.methods.thetas import MAX_DEGREE, THETA, Weight, WeightReader
from hyperdsl.semantics.model import expressions as e
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.spec import Dense
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import ZERO
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.runge_kutta.dense import DenseCondition, DenseReport, jumps, prove_dense, with_dense_weights
from hyperdsl.theory.runge_kutta.order import OrderReport
from hyperdsl.theory.runge_kutta.tableau import Row

NO_WEIGHT: Weight = (e.Constant(ZERO), ())


@dataclass(frozen=True)
class Part:
    """A `dense` part whose shape is right: its claim, its extra stages, its row of weights."""

    claimed: n.Number
    rows: tuple[n.Row, ...]
    weights: n.Weights

    @property
    def order(self) -> int:
        return int(self.claimed.text)


def read_dense(
    report: Report,
    node: n.Tableau,
    name: n.Name,
    table: Table,
    claim: Claim,
    proven: OrderReport,
    parameters: tuple[str, ...],
) -> Dense | None:
    """The dense output of the method whose tableau is `table`; None where it is at fault, which has been reported."""
    method_order = proven.order_autonomous if claim.autonomous else proven.order
    part = read_part(report, node, table.tableau.stages, parameters)
    dense = part and _read(report, part, table, parameters)
    if not part or not dense or not is_provable(report, node.word, dense.tableau):
        return None
    stages = table.tableau.stages
    nodes = {stages + i: row.c for i, row in enumerate(part.rows)}
    if not claim.autonomous and not rows_sum(report, name.text, dense.tableau, claim.tolerance, nodes):
        return None
    return dense if _is_proven(report, part, name, table, claim, dense, method_order) else None


def read_part(report: Report, node: n.Tableau, stages: int, parameters: tuple[str, ...]) -> Part | None:
    """The order, the extra rows and the weights; None where they are not laid out so, which has been reported."""
    if THETA in parameters:
        problem = "the method's parameter `theta` hides the theta of dense output"
        report(catalogue.BAD_DENSE, node.word, problem=problem, help="call the parameter something else")
        return None
    value = node.values[0] if len(node.values) == 1 and not node.clauses else None
    if not isinstance(value, n.Number) or not value.text.isdigit() or not 1 <= int(value.text) <= MAX_DEGREE:
        report(catalogue.WRONG_VALUE, node.word, word="dense", wants="its order: `dense 3 { ... }`")
        return None
    rows = tuple(line for line in node.lines if isinstance(line, n.Row))
    weights = [line for line in node.lines if isinstance(line, n.Weights)]
    if len(weights) != 1:
        problem = "dense output has one row of weights, `| b_1, b_2, ...`, a weight for each stage"
        report(catalogue.BAD_DENSE, weights[1] if weights else node.word, problem=problem)
        return None
    if not _is_laid_out(report, node, rows, weights[0]) or not _has_room(report, rows, weights[0], stages):
        return None
    return Part(value, rows, weights[0])


def _is_laid_out(report: Report, node: n.Tableau, rows: tuple[n.Row, ...], weights: n.Weights) -> bool:
    """Whether extra stages stand above one rule line, and the weights below it."""
    rules = [i for i, line in enumerate(node.lines) if isinstance(line, n.Rule)]
    others = [line for line in node.lines if not isinstance(line, n.Rule)]
    if rows and not rules:
        report(catalogue.MISSING_RULE, weights)
    elif len(rules) > 1:
        report(catalogue.BAD_DENSE, node.lines[rules[1]], problem="dense output has at most one rule line")
    elif others != [*rows, weights] or (rules and rules[0] != len(rows)):
        problem = "extra stages stand above the rule line, the weights below it"
        report(catalogue.BAD_DENSE, node.word, problem=problem)
    else:
        return True
    return False


def _has_room(report: Report, rows: tuple[n.Row, ...], weights: n.Weights, stages: int) -> bool:
    """Whether there are not too many stages, nor entries for more stages than there are."""
    size = stages + len(rows)
    if size > MAX_STAGES:
        report(catalogue.TOO_LARGE, rows[-1], what="the number of stages", limit=str(MAX_STAGES))
        return False
    lines: tuple[n.Row | n.Weights, ...] = (*rows, weights)
    long = next((line for line in lines if len(line.entries) > size), None)
    if long is not None:
        problem = f"this row has {len(long.entries)} entries, but there are {size} stages"
        report(catalogue.BAD_DENSE, long.entries[size], problem=problem)
    return long is None


def _read(report: Report, part: Part, table: Table, parameters: tuple[str, ...]) -> Dense | None:
    tableau, entries = table.tableau, table.entries
    size = tableau.stages + len(part.rows)
    numbers, thetas = ExactReader(report, parameters), WeightReader(report, parameters)
    nodes = padded(numbers, tuple(row.c for row in part.rows), len(part.rows))
    read_rows = [padded(numbers, row.entries, size) for row in part.rows]
    read_weights = [thetas.weight(entry) for entry in part.weights.entries]
    rows = [row for row in read_rows if row is not None]
    weights = [weight for weight in read_weights if weight is not None]
    if nodes is None or len(rows) < len(read_rows) or len(weights) < len(read_weights):
        return None
    weights += [NO_WEIGHT] * (size - len(weights))
    polynomials = tuple(polynomial for _, polynomial in weights)
    nothing = texts([NOTHING] * len(rows))
    return Dense(
        order=part.order,
        tableau=with_dense_weights((*tableau.a, *map(values, rows)), (*tableau.c, *values(nodes)), polynomials),
        entries=Entries(
            (*((*row, *nothing) for row in entries.a), *map(texts, rows)),
            (*entries.c, *texts(nodes)),
            (tuple(text for text, _ in weights),),
        ),
        weights=polynomials,
    )


def _is_proven(
    report: Report, part: Part, name: n.Name, table: Table, claim: Claim, dense: Dense, method_order: int
) -> bool:
    """Whether the ends meet and the claimed order holds; a claim below the order is reported too."""
    if not meets_the_ends(report, part, dense.weights, table.tableau.weights[0], claim):
        return False
    found = prove_dense(dense.tableau, method_order, claim.tolerance, autonomous=claim.autonomous, claimed=part.order)
    return is_as_claimed(report, part, name, found, method_order)


def read_shared(
    report: Report, node: n.Tableau, stages: int, parameters: tuple[str, ...], kind: str
) -> tuple[Part, tuple[Weight, ...]] | None:
    """A part without extra stages, which this kind of method does not have, and its weights, one for each stage."""
    part = read_part(report, node, stages, parameters)
    if part is None:
        return None
    if part.rows:
        problem = f"dense output of {kind} methods has no stages of its own: these would need rows of every table"
        report(catalogue.BAD_DENSE, part.rows[0], problem=problem, help="write its row of weights alone")
        return None
    read = [WeightReader(report, parameters).weight(entry) for entry in part.weights.entries]
    weights = [weight for weight in read if weight is not None]
    return (part, (*weights, *[NO_WEIGHT] * (stages - len(weights)))) if len(weights) == len(read) else None


def meets_the_ends(
    report: Report, part: Part, weights: tuple[Polynomial, ...], b: Row, claim: Claim, whose: str = ""
) -> bool:
    """Whether b(0) = 0 and b(1) = b, the propagated weights, `whose` they are; reported where not."""
    before = len(report.found)
    for jump in jumps(weights, b, claim.tolerance):
        notes = [f"it is {shown(jump.value)}; they differ by {shown(jump.value - jump.expected)}"]
        entries = part.weights.entries
        at = entries[jump.stage] if jump.stage < len(entries) else part.weights
        wants = f"b_{jump.stage + 1} = {shown(jump.expected)}{whose}" if jump.at else "0"
        report(catalogue.DENSE_ENDS, at, stage=jump.stage + 1, at=jump.at, wants=wants, notes=notes)
    return not report.failed_since(before)


def is_as_claimed(report: Report, part: Part, name: n.Name, proven: DenseReport, method_order: int) -> bool:
    """Whether the claimed order holds; a claim below what is proven is reported too.

    Where the claim is within the method's own order its weights may be at fault, and no fix is offered.
    """
    order, failing = proven.order, proven.failing
    fields: dict[str, Any] = {"name": name.text, "claimed": part.order, "proven": order}
    if part.order > order and not proven.finished:
        unproven(report, part.claimed, f"the dense output of `{name.text}`", part.order, order)
    elif part.order > order:
        advice = f"claim order {order}, or correct the weights" if order else "correct the weights"
        notes = _explained(failing) if failing else []
        fix = claiming(part.claimed, order) if part.order > method_order else None
        report(catalogue.DENSE_TOO_HIGH, part.claimed, **fields, notes=notes, help=advice, fix=fix)
    elif part.order < order:
        report(catalogue.DENSE_TOO_LOW, part.claimed, **fields, fix=claiming(part.claimed, order))
    return part.order <= order


def _explained(failing: DenseCondition) -> list[str]:
    power = "θ" if failing.power == 1 else f"θ^{failing.power}"
    return [
        f"the first condition that fails is {failing}, of the tree {failing.tree}",
        f"on the left {power} has the coefficient {shown(failing.value)}, on the right {failing.expected}; "
        f"they differ by {shown(failing.difference)}",
    ]
