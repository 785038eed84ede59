"""The step of a method with a history: which past states and derivatives it reads, and what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hyperdsl.plan.build import plan_solver, reads, single_step
from hyperdsl.plan.model import DERIVATIVE, Coefficient, StepPlan, Term
from hyperdsl.semantics.expressions import Constant
from hyperdsl.semantics.model import HistorySolver, Multistep
from hyperdsl.theory.exact import Exact
from hyperdsl.theory.multistep import LinearMultistep

SLOPE = "fp"
"""The derivative at the state that was predicted, or corrected last."""


@dataclass(frozen=True)
class Formula:
    """Σ states + ε Σ derivatives, and ε·new·f at the new state for an implicit formula."""

    states: tuple[Term, ...]
    derivatives: tuple[Term, ...]
    new: Coefficient

    @property
    def explicit(self) -> bool:
        return self.new.value.is_zero


@dataclass(frozen=True)
class HistoryPlan:
    """One step from z at s and its history.

    States are called z, z1, … and derivatives f0, f1, …, from the newest on. f0 = f(s, z) is evaluated at the start of
    the step, which is the last E of a mode that has one, unless `keeps_last`: then it is in the history, the derivative
    that the step before corrected with. `predict` is None for a formula used alone. `begin` is the one-step method of
    the first states, and `seen` what the corrector reads, as in `StepPlan`.
    """

    solver: HistorySolver
    predict: Formula | None
    correct: Formula
    corrections: int
    keeps_last: bool
    states: int
    derivatives: int
    begin: StepPlan
    seen: tuple[str, ...]

    @property
    def past(self) -> int:
        """How many steps the first states take."""
        return max(self.states, self.derivatives + (not self.keeps_last)) - 1

    @property
    def extra_derivative(self) -> bool:
        """Whether f(s, z) is evaluated for the corrector alone."""
        return DERIVATIVE in self.seen

    @property
    def evaluations_per_step(self) -> int:
        """Evaluations of f that one further step costs; of an implicit formula, those of the first iteration."""
        iterated = int(self.predict is None and not self.correct.explicit)
        return (not self.keeps_last) + self.corrections + iterated + self.extra_derivative


def plan_history(solver: HistorySolver) -> HistoryPlan:
    """The step of a solver on a multistep or predictor-corrector method."""
    base = solver.base
    if isinstance(base, Multistep):
        predict, correct = None, _formula(base.formula)
        corrections, keeps_last = 0, False
    else:
        predict, correct = _formula(base.formula.predictor), _formula(base.formula.corrector)
        corrections, keeps_last = base.formula.corrections, not base.formula.evaluates_last
    formulas = (correct, predict) if predict else (correct,)
    states = 1 + max(_oldest(formula.states) for formula in formulas)
    oldest = max(_oldest(formula.derivatives) for formula in formulas)
    plan = HistoryPlan(
        solver=solver,
        predict=predict,
        correct=correct,
        corrections=corrections,
        keeps_last=keeps_last,
        states=states,
        derivatives=oldest + keeps_last,
        begin=plan_solver(single_step(solver.start.method)),
        seen=(),
    )
    return replace(plan, seen=_seen(plan))


def _seen(plan: HistoryPlan) -> tuple[str, ...]:
    """f(s, z), then, where g reads `stages`, the other derivatives that the step has at hand."""
    reads_dz, reads_stages = reads(plan.solver)
    newest = DERIVATIVE if plan.keeps_last else "f0"
    found: tuple[str, ...] = (newest,) if reads_dz else ()
    if reads_stages:
        first = 0 if plan.keeps_last or not reads_dz else 1
        last = plan.derivatives + (not plan.keeps_last)
        found += tuple(f"f{j}" for j in range(first, last)) + ((SLOPE,) if plan.corrections else ())
    return found


def _formula(formula: LinearMultistep) -> Formula:
    """The newest terms first."""
    k = formula.steps
    states = [(-formula.alpha[k - 1 - j], "z" if j == 0 else f"z{j}") for j in range(k)]
    derivatives = [(formula.beta[k - 1 - j], f"f{j}") for j in range(k)]
    return Formula(_terms(states), _terms(derivatives), _coefficient(formula.beta[k]))


def _terms(pairs: list[tuple[Exact, str]]) -> tuple[Term, ...]:
    return tuple(Term(_coefficient(value), name) for value, name in pairs if not value.is_zero)


def _coefficient(value: Exact) -> Coefficient:
    return Coefficient(value, Constant(value))


def _oldest(terms: tuple[Term, ...]) -> int:
    """The largest number among the names; z is 0."""
    return max((int(term.stage[1:] or 0) for term in terms), default=0)
