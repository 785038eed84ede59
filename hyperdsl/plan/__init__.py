"""The straight-line step that a backend emits, from a checked solver."""

from hyperdsl.plan.build import plan_solver, single_step
from hyperdsl.plan.history import Formula, HistoryPlan, plan_history
from hyperdsl.plan.model import Coefficient, Stage, StepPlan, Term, Weight
from hyperdsl.semantics.model import AnySolver, Solver

AnyPlan = StepPlan | HistoryPlan

__all__ = [
    "AnyPlan",
    "Coefficient",
    "Formula",
    "HistoryPlan",
    "Stage",
    "StepPlan",
    "Term",
    "Weight",
    "plan",
    "plan_solver",
    "single_step",
]


def plan(solver: AnySolver) -> AnyPlan:
    """The step of any solver."""
    return plan_solver(solver) if isinstance(solver, Solver) else plan_history(solver)
