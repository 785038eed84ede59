"""What the `dense` part of a Rosenbrock method means: weights of its stages that are polynomials in theta, proven."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.dense import Part, read_part
from hyperdsl.semantics.methods.gammas import Coefficients
from hyperdsl.semantics.methods.proofs import Claim, claiming, shown
from hyperdsl.semantics.methods.thetas import THETA, WeightReader
from hyperdsl.semantics.model.rosenbrock import RosenbrockDense
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.rosenbrock.dense import DenseCondition, mixed, prove_dense
from hyperdsl.theory.runge_kutta.dense import jumps


def read_rosenbrock_dense(
    report: Report, node: n.Tableau, name: n.Name, found: Coefficients, claim: Claim, order: int, names: tuple[str, ...]
) -> RosenbrockDense | None:
    """The dense output of a method of this order; None where it is at fault, which has been reported.

    Beside transformed coefficients its weights are those of the transformed stages.
    """
    tableau = found.tableau
    if THETA in names:
        problem = "the method's parameter `theta` hides the theta of dense output"
        report(catalogue.BAD_DENSE, node.word, problem=problem, help="call the parameter something else")
        return None
    part = read_part(report, node, tableau.stages)
    if part is None:
        return None
    if part.rows:
        report(catalogue.NOT_YET, part.rows[0], what="extra stages of dense output of Rosenbrock methods are")
        return None
    read = [WeightReader(report, names).weight(entry) for entry in part.weights.entries]
    written: list[Polynomial] = [weight[1] for weight in read if weight is not None]
    if len(written) < len(read):
        return None
    written += [()] * (tableau.stages - len(written))
    weights = mixed(written, tableau.gamma) if found.transformed else tuple(written)
    if not _meets_the_ends(report, part, weights, found, claim):
        return None
    proven, failing = prove_dense(tableau, weights, order, claim.tolerance, autonomous=claim.autonomous)
    if part.order > proven:
        advice = f"claim order {proven}, or correct the weights" if proven else "correct the weights"
        notes = _explained(failing) if failing else []
        fields = {"name": name.text, "claimed": part.order, "proven": proven}
        fix = claiming(part.claimed, proven) if part.order > order else None  # else the weights may be at fault
        report(catalogue.DENSE_TOO_HIGH, part.claimed, **fields, notes=notes, help=advice, fix=fix)
        return None
    if part.order < proven:
        fix = claiming(part.claimed, proven)
        report(catalogue.DENSE_TOO_LOW, part.claimed, name=name.text, claimed=part.order, proven=proven, fix=fix)
    return RosenbrockDense(part.order, weights)


def _meets_the_ends(
    report: Report, part: Part, weights: tuple[Polynomial, ...], found: Coefficients, claim: Claim
) -> bool:
    """Whether b(0) = 0 and b(1) = b; reported where not."""
    before = len(report.found)
    for jump in jumps(weights, found.tableau.weights[0], claim.tolerance):
        notes = [f"it is {shown(jump.value)}; they differ by {shown(jump.value - jump.expected)}"]
        entries = part.weights.entries
        at = entries[jump.stage] if jump.stage < len(entries) else part.weights
        wants = f"b_{jump.stage + 1} = {shown(jump.expected)}" if jump.at else "0"
        report(catalogue.DENSE_ENDS, at, stage=jump.stage + 1, at=jump.at, wants=wants, notes=notes)
    return not report.failed_since(before)


def _explained(failing: DenseCondition) -> list[str]:
    power = "θ" if failing.power == 1 else f"θ^{failing.power}"
    return [
        f"the first condition that fails is {failing}, of the tree {failing.tree}",
        f"on the left {power} has the coefficient {shown(failing.value)}, on the right {failing.expected}; "
        f"they differ by {shown(failing.value - failing.expected)}",
    ]
