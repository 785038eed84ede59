"""Rosenbrock methods as steps: one matrix, and with it one linear equation a stage.

With v = diag(γ_ii)⁻¹ Γ k the stages are (I − γ_ii ε J) v_i = f_i + Σ c_ij γ_jj v_j + ε γ_i ∂f/∂s, f_i = f(s + c_i ε,
z + ε Σ a_ij γ_jj v_j), without products with J (Hairer & Wanner II, §IV.7, (7.25), whose u_i are ε γ_ii v_i).
"""

from __future__ import annotations

from hyperdsl.plan.passes import drop_zeros, nonzero
from hyperdsl.plan.quotients import expression_of
from hyperdsl.plan.runge_kutta import stage_names
from hyperdsl.plan.step import (
    Dense,
    Evaluate,
    Linear,
    Linearise,
    Resolve,
    Statement,
    Step,
    Term,
    Weight,
    exactly,
    state,
)
from hyperdsl.semantics.methods.thetas import THETA
from hyperdsl.semantics.model.expressions import Constant, Expression, Variable
from hyperdsl.semantics.model.rosenbrock import RosenbrockDense
from hyperdsl.semantics.model.sums import product, total
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.rosenbrock.dense import mixed
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau, inverted, transformed
from hyperdsl.theory.runge_kutta.tableau import Row

MATRIX, DRIFT = "w", "fs"


def rosenbrock(tableau: RosenbrockTableau, dense: RosenbrockDense | None = None) -> tuple[Step, tuple[str, ...]]:
    """The step of the tableau's first row of weights, and its slopes k1, k2, …, which are the v_i; with dense output.

    All γ_ii are the same, and not zero.
    """
    found, gamma = transformed(tableau), tableau.diagonal[0]
    stages = stage_names(tableau.stages)
    body: list[Statement] = [Linearise(MATRIX, DRIFT, exactly(gamma))]
    for i, name in enumerate(stages):
        slope = f"f{i + 1}"
        at = nonzero((*state(), *slopes(_times(gamma, found.a[i]), 1)))
        known = (*slopes(_times(gamma, found.c[i]), 0), Term(exactly(tableau.gamma_sums[i]), DRIFT, 1))
        body.append(Evaluate(slope, exactly(tableau.c[i]), at))
        body.append(Resolve(name, MATRIX, nonzero((Term(exactly(ONE), slope), *known))))
    end = (*state(), *slopes(_times(gamma, found.weights[0]), 1))
    return drop_zeros(Step(tuple(body), end, dense=_dense(tableau, dense, stages))), stages


def difference(tableau: RosenbrockTableau) -> Linear:
    """The propagated weights less those of the second row, times the slopes of the step."""
    first, second = transformed(tableau).weights[:2]
    return slopes(_times(tableau.diagonal[0], tuple(p - q for p, q in zip(first, second, strict=True))), 1)


def slopes(row: Row, power: int) -> Linear:
    """Σ row·k."""
    pairs = zip(row, stage_names(len(row)), strict=True)
    return nonzero(tuple(Term(exactly(value), name, power) for value, name in pairs))


def _dense(tableau: RosenbrockTableau, dense: RosenbrockDense | None, stages: tuple[str, ...]) -> Dense | None:
    """The weights of the v_i: those of the k_i times Γ⁻¹ diag(γ_ii)."""
    if dense is None:
        return None
    by_stage = tuple(_times(tableau.diagonal[0], row) for row in inverted(tableau.gamma))
    weights = mixed(dense.weights, by_stage)
    return Dense(
        dense.order, tuple(Weight(one, _written(one), name) for one, name in zip(weights, stages, strict=True))
    )


def _written(polynomial: Polynomial) -> Expression:
    """By Horner's scheme."""
    found: Expression = Constant(ZERO)
    for q in reversed(polynomial):
        found = total((product(found, Variable(THETA)), expression_of(q)))
    return found


def _times(factor: Exact, row: Row) -> Row:
    return tuple(factor * value for value in row)
