"""Vector fields in the form f(s, z) in which solvers call them; f(t, y) of other libraries is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


class Autonomous(nn.Module):
    """f(s, z) from a module f(z), whose parameters it has."""

    def __init__(self, f: nn.Module) -> None:
        super().__init__()
        self.f = f

    def forward(self, s: Any, *rest: Any) -> Any:
        """f(z), or f(x, z) where there is an input."""
        return self.f(*rest)


def autonomous(f: Callable[..., Any]) -> Callable[..., Any]:
    """f(s, z) from f(z), and f(s, x, z) from f(x, z); a module where f is one, so that its parameters are found.

    TypeError where f cannot be called.
    """
    if not callable(f):
        raise TypeError(f"the vector field must be a function f(z), not {type(f).__name__}")
    return Autonomous(f) if isinstance(f, nn.Module) else lambda s, *rest: f(*rest)
