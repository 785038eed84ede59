"""The step language: what a checked solver lowers to, and all that a back end reads of it."""

from hyperdsl.plan.lowering import Plan, method_step, plan
from hyperdsl.plan.step import (
    Coefficient,
    Combine,
    Dense,
    Estimate,
    Evaluate,
    Learn,
    Linear,
    Linearise,
    Resolve,
    Solve,
    Start,
    Statement,
    Step,
    Term,
    Weight,
)

__all__ = [
    "Coefficient",
    "Combine",
    "Dense",
    "Estimate",
    "Evaluate",
    "Learn",
    "Linear",
    "Linearise",
    "Plan",
    "Resolve",
    "Solve",
    "Start",
    "Statement",
    "Step",
    "Term",
    "Weight",
    "method_step",
    "plan",
]
