"""Implicit formulas, solved by functional iteration."""

from __future__ import annotations

import torch
from torch import Tensor

from .outcome import SolveError, Status
from .state import VectorField, is_eager

ITERATIONS = 100
"""Of an implicit formula, at most."""


def iterated(f: VectorField, s: Tensor, known: Tensor, weight: Tensor, guess: Tensor) -> Tensor:
    """The z with z = known + weight·f(s, z), by functional iteration to the last digits.

    SolveError where that does not converge, as where the step is too long for the stiffness of f. Compilers and
    transforms cannot look at numbers: there 16 iterations are made and not judged.
    """
    eager = is_eager(known)
    most = ITERATIONS if eager else 16
    for count in range(1, most + 1):
        z: Tensor = known + weight * f(s, guess)
        if eager:
            apart, size = (z - guess).abs().max(), z.abs().max()
            if bool(apart <= 8 * torch.finfo(known.dtype).eps * size):
                return z
            if count == most or not bool(torch.isfinite(apart)):
                raise _unsolved(float(s), float(weight), count, guess)
        guess = z
    return guess


def _unsolved(s: float, weight: float, count: int, guess: Tensor) -> SolveError:
    text = (
        f"the implicit formula was not solved at s = {s:.6g}: after {count} functional iterations the state "
        f"still changes (the weight of f is {weight:.3g}): take more steps, or an explicit method"
    )
    return SolveError(Status.NOT_CONVERGED, s, weight, count, guess, text)
