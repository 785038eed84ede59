"""The checked model of a solver's `solve` setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperdsl.theory.numbers.exact import Exact

Way = Literal["newton", "krylov", "iteration"]


@dataclass(frozen=True)
class Solving:
    """How the equations of implicit steps are solved; None stands for the runtime's own choice.

    `tolerance` is Hairer and Wanner's κ, the error that is left in parts of what the control allows.
    """

    by: Way = "newton"
    tolerance: Exact | None = None
    iterations: int | None = None
