"""Problems, references, costs and comparisons: all that `train` and `evaluate` use.

Imports torch, so nothing on the way of `compile` imports this.
"""

from hyperdsl.evaluation.errors import EvaluationError
from hyperdsl.evaluation.problems import Problem

__all__ = ["EvaluationError", "Problem"]
