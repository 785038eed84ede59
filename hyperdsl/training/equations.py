"""What references by implicit methods solve their equations with."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hyperdsl.runtime import newton
from hyperdsl.runtime.state import is_eager


class UnseenError(RuntimeError):
    """Equations whose numbers cannot be looked at."""


def solved(f: Any, h: Tensor, *equations: newton.Equation) -> tuple[Tensor, ...]:
    """The slopes of equations as `runtime.newton.solved` has them, to the last digits.

    Raises UnseenError under function transforms: what would be solved there is one system of all rows, whose matrix
    grows with their square; targets of several groups are made one group at a time then.
    """
    if not is_eager(equations[0][1]):
        raise UnseenError("references by implicit methods are not transformed")
    return newton.solved(f, h, *equations)
