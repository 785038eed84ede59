"""The straight-line step that a backend emits, from a checked solver."""

from hyperdsl.plan.build import plan_solver
from hyperdsl.plan.model import Coefficient, Stage, StepPlan, Term, Weight

__all__ = ["Coefficient", "Stage", "StepPlan", "Term", "Weight", "plan_solver"]
