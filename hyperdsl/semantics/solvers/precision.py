"""Whether the targets of a training can be trusted at its smallest steps."""

from __future__ import annotations

from itertools import pairwise

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model.spec import AnySolver, Training
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n

UNIT_ROUND_OFF = {"float64": 2.0**-53, "float32": 2.0**-24}
AIMED_DELTA = 0.1
"""The ratio of local errors to aim at; targets should be ten times as exact."""


def check_precision(report: Report, name: n.Name, solver: AnySolver) -> None:
    """Warn where the relative error of a target, η/(ε^(p+1)·rms R), may exceed a tenth of the aimed δ.

    η is the larger of the reference's error over ε and 2u·|z|, u the unit round-off. With |z| = rms R = 1, a span of
    length 1, and elementary differentials of size 1.
    """
    if solver.training is None:
        return
    phases = [phase for phase in solver.training.phases if phase.steps.given or not solver.control]
    shortest = _shortest(solver)
    smallest = {shortest or smallest_step(phase): phase for phase in reversed(phases)}
    if not smallest:  # the steps that the control takes are known in training
        return
    eps, training = min(smallest.items())
    round_off = 2 * UNIT_ROUND_OFF[training.reference.dtype]
    reference = reference_error(training, eps)
    relative = max(round_off, reference) / eps ** (solver.order + 1)
    if relative <= AIMED_DELTA / 10:
        return
    leave = "round-off leaves" if round_off >= reference else "the reference's substeps leave"
    notes = [
        f"at ε = {eps:.2g} {leave} a relative error of about {relative:.1e} in R, the local error over "
        f"ε^{solver.order + 1}; it should stay below {AIMED_DELTA / 10:g}, a tenth of the δ to aim at",
        "this assumes |z| = rms R = 1 and a span of length 1; training repeats it with what it measures",
    ]
    report(catalogue.PRECISION, name, solver=solver.name, notes=notes)


def _shortest(solver: AnySolver) -> float | None:
    """The shortest step of the solver's grid, for a span of length 1."""
    points = solver.grid.points if solver.grid else ()
    return min((float(high - low) for low, high in pairwise(points)), default=None)


def smallest_step(training: Training) -> float:
    """The smallest |ε| of the range, for a span of length 1."""
    steps = training.steps
    return 1 / float(steps.upper) if steps.unit == "steps" else float(steps.lower)


def reference_error(training: Training, eps: float) -> float:
    """The reference's error over [s, s + ε]: n substeps of order q leave n·C·(ε/n)^(q+1)."""
    facts, substeps = training.reference.method.facts, training.reference.substeps
    size = facts.principal_error if facts.principal_error is not None else 1.0
    return substeps * size * (eps / substeps) ** (facts.order + 1)
