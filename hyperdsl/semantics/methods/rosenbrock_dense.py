"""What the `dense` part of a Rosenbrock method means: weights of its stages that are polynomials in theta, proven."""

from __future__ import annotations

from hyperdsl.semantics.methods.dense import is_as_claimed, meets_the_ends, read_shared
from hyperdsl.semantics.methods.gammas import Coefficients
from hyperdsl.semantics.methods.proofs import Claim
from hyperdsl.semantics.model.rosenbrock import RosenbrockDense
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.rosenbrock.dense import mixed, prove_dense


def read_rosenbrock_dense(
    report: Report, node: n.Tableau, name: n.Name, found: Coefficients, claim: Claim, order: int, names: tuple[str, ...]
) -> RosenbrockDense | None:
    """The dense output of a method of this order; None where it is at fault, which has been reported.

    Beside transformed coefficients its weights are those of the transformed stages.
    """
    tableau = found.tableau
    read = read_shared(report, node, tableau.stages, names, "Rosenbrock")
    if read is None:
        return None
    part, written = read
    polynomials = tuple(polynomial for _, polynomial in written)
    weights = mixed(polynomials, tableau.gamma) if found.transformed else polynomials
    if not meets_the_ends(report, part, weights, tableau.weights[0], claim):
        return None
    proven = prove_dense(tableau, weights, order, claim.tolerance, autonomous=claim.autonomous)
    return RosenbrockDense(part.order, weights) if is_as_claimed(report, part, name, proven, order) else None
