"""From a solver to its plan: the tableau spelled out, then one pass after the other."""

from __future__ import annotations

from hyperdsl.plan.carry_last_stage import carry_last_stage
from hyperdsl.plan.defer_error_stages import defer_error_stages
from hyperdsl.plan.drop_unused_stages import drop_unused_stages
from hyperdsl.plan.drop_zero_terms import drop_zero_terms
from hyperdsl.plan.model import DERIVATIVE, Coefficient, Stage, StepPlan, Term, Weight
from hyperdsl.plan.reuse_first_stage import reuse_first_stage
from hyperdsl.semantics.expressions import Binary, Constant, Expression
from hyperdsl.semantics.model import AnySolver, Corrector, Dense, External, Method, Solver
from hyperdsl.theory.exact import ZERO, Exact

PASSES = (
    drop_zero_terms,
    reuse_first_stage,
    drop_zero_terms,
    drop_unused_stages,
    defer_error_stages,
    carry_last_stage,
)


def plan_solver(solver: Solver) -> StepPlan:
    """The step of a solver with an explicit base; ValueError for any other, which has no straight-line step."""
    if solver.tableau.kind != "explicit":
        raise ValueError(f"{solver.name} is not explicit")
    plan = spelled_out(solver)
    for apply in PASSES:
        plan = apply(plan)
    return plan


def single_step(method: Method) -> Solver:
    """The method alone as a solver: what references and starts are planned as."""
    return Solver(
        name=method.name,
        place=method.place,
        base=method,
        tableau=method.tableau,
        entries=method.entries,
        facts=method.facts,
        fixed=(),
        free=(),
        corrector=None,
        training=None,
    )


def spelled_out(solver: Solver) -> StepPlan:
    """The whole tableau with its zeros and unused stages; f(s, z) once more where g, or a step-size rule, reads it."""
    dense = _dense(solver)
    tableau, entries = (dense.tableau, dense.entries) if dense else (solver.tableau, solver.entries)
    names = tuple(f"k{i + 1}" for i in range(tableau.stages))
    stages = tuple(
        Stage(name, Coefficient(c, written), _terms(row, as_written, names[:i]))
        for i, (name, c, written, row, as_written) in enumerate(
            zip(names, tableau.c, entries.c, tableau.a, entries.a, strict=True)
        )
    )
    reads_dz, reads_stages = reads(solver)
    if reads_dz or solver.control:
        stages = (Stage(DERIVATIVE, Coefficient(ZERO, Constant(ZERO)), ()), *stages)
    seen = ((DERIVATIVE,) if reads_dz or solver.control else ()) + (names if reads_stages else ())
    update = _terms(solver.tableau.weights[0], solver.entries.weights[0], names)
    return StepPlan(solver, stages, update, seen, _error(solver, names), dense=_weights(dense, names))


def _dense(solver: Solver) -> Dense | None:
    """The dense output of the step: none of its own where g, or a half step, changes where the step ends."""
    control = solver.control
    return solver.dense if control and control.error == "embedded" and solver.corrector is None else None


def _weights(dense: Dense | None, names: tuple[str, ...]) -> tuple[Weight, ...]:
    if dense is None:
        return ()
    return tuple(map(Weight, dense.weights, dense.entries.weights[0], names))


def _error(solver: Solver, names: tuple[str, ...]) -> tuple[Term, ...]:
    """The propagated weights less the embedded ones, where the step size follows them."""
    control = solver.control
    if control is None or not (control.error == "embedded" or control.fallback):
        return ()
    (b, embedded), (b_written, written) = solver.tableau.weights[:2], solver.entries.weights[:2]
    values = tuple(x - y for x, y in zip(b, embedded, strict=True))
    differences = tuple(Binary("-", x, y) for x, y in zip(b_written, written, strict=True))
    return _terms(values, differences, names)


def _terms(values: tuple[Exact, ...], written: tuple[Expression, ...], names: tuple[str, ...]) -> tuple[Term, ...]:
    pairs = zip(names, values, written, strict=False)  # a row of A goes on beyond the stages known so far, with zeros
    return tuple(Term(Coefficient(value, expression), name) for name, value, expression in pairs)


def reads(solver: AnySolver) -> tuple[bool, bool]:
    """Whether the corrector reads dz, and whether it reads the stages."""
    match solver.corrector:
        case None:
            return False, False
        case External():
            return True, False
        case Corrector(inputs=inputs):
            return "dz" in inputs, "stages" in inputs
