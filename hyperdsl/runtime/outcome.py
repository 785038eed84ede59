"""How solves end."""

from __future__ import annotations

from enum import Enum
from typing import Any

import torch
from torch import Tensor


class Status(Enum):
    """How a solve ended."""

    SUCCESS = "success"
    MAX_STEPS = "max_steps"
    STEP_TOO_SMALL = "step_too_small"
    NONFINITE = "nonfinite"
    NOT_CONVERGED = "not_converged"


class SolveError(RuntimeError):
    """A solve that failed.

    `status` says how, `s` at which time; `step` is the last step's size, `evaluations` counts those of f, and
    `solution` is what there is.
    """

    def __init__(self, status: Status, s: float, step: float, evaluations: int, solution: Any, text: str) -> None:
        super().__init__(text)
        self.status, self.s, self.step, self.evaluations, self.solution = status, s, step, evaluations, solution

    def __reduce__(self) -> tuple[Any, ...]:
        """What it is made of again in another process, as numbers without gradients."""
        solution = detached(self.solution)
        return type(self), (self.status, self.s, self.step, self.evaluations, solution, str(self))


def detached(value: Any) -> Any:
    """The value with its tensors as numbers alone, which can be copied, pickled and sent; as it is where it has none.

    Tensors that hang on a graph can be neither deep-copied nor sent to another process.
    """
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple):
        found = [detached(one) for one in value]
        return type(value)(*found) if hasattr(value, "_fields") else tuple(found)
    if isinstance(value, dict):
        return {name: detached(one) for name, one in value.items()}
    return value


def require_finite(z: Tensor, solution: Tensor, s: Tensor, eps: Tensor, evaluations: int) -> None:
    """SolveError where the state z at s, the end of `solution`, is not finite."""
    if not bool(torch.isfinite(z).all()):
        text = (
            f"the state is not finite at s = {float(s):.6g} (steps of {float(eps):.3g}, "
            f"{evaluations} evaluations of f): take more steps, or check that f and the initial state are finite; "
            "check=False returns the state as it is"
        )
        raise SolveError(Status.NONFINITE, float(s), float(eps), evaluations, solution, text)
