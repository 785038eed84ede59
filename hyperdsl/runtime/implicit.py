"""Solvers whose steps have equations to solve: how, and with which Jacobian."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from .jacobian import Given
from .newton import NEWTON, Rule, Solvable
from .solver import Solver
from .state import VectorField, is_eager


class Implicit(Solver):
    """Put before a class of steps, it solves their equations by its `rule`.

    Calls take `jacobian=` besides: jacobian(s, z), or jacobian(s, x, z) where there is an input, gives ∂f/∂z as
    [*batch, n, n] for states [*batch, n], or as [N, N] of the whole state. Without it f is differentiated.
    """

    rule: ClassVar[Rule] = NEWTON

    def forward(self, f: VectorField, *arguments: Any, jacobian: Given | None = None, **settings: Any) -> Any:
        """As without equations."""
        return super().forward(with_jacobian(f, jacobian), *arguments, **settings)

    def solve(self, f: VectorField, *arguments: Any, jacobian: Given | None = None, **settings: Any) -> Any:
        """As without equations; statistics count matrices and their factorisations too."""
        return self._above.solve(with_jacobian(f, jacobian), *arguments, **settings)

    def odeint(self, f: VectorField, *arguments: Any, jacobian: Given | None = None, **settings: Any) -> Any:
        """As without equations."""
        return self._above.odeint(with_jacobian(f, jacobian), *arguments, **settings)

    def adjoint(self, f: VectorField, *arguments: Any, jacobian: Given | None = None, **settings: Any) -> Any:
        """As without equations."""
        return self._above.adjoint(with_jacobian(f, jacobian), *arguments, **settings)

    def step(self, f: VectorField, *arguments: Any, jacobian: Given | None = None, **settings: Any) -> Any:
        """As without equations."""
        return self._above.step(with_jacobian(f, jacobian), *arguments, **settings)

    def base_step(self, f: VectorField, *arguments: Any, jacobian: Given | None = None, **settings: Any) -> Any:
        """As without equations."""
        return self._above.base_step(with_jacobian(f, jacobian), *arguments, **settings)

    @property
    def _above(self) -> Any:
        """The class of steps that this is put before."""
        return super()

    def _prepared(self, f: VectorField, z: Tensor) -> VectorField:
        if getattr(type(f), "is_solvable", False) or not is_eager(z):
            return f
        return Solvable(f, z, self.rule, _given_of(f), getattr(self, "each", False))


class _WithJacobian:
    """f, and its Jacobian."""

    def __init__(self, f: VectorField, given: Given) -> None:
        self.f, self.given_jacobian = f, given

    def __call__(self, *arguments: Any) -> Any:
        return self.f(*arguments)


def with_jacobian(f: VectorField, given: Given | None) -> VectorField:
    """f with the Jacobian that was given, if one was. TypeError where that is no function."""
    if given is None:
        return f
    if not callable(given):
        raise TypeError(f"jacobian is a function jacobian(s, z), not {type(given).__name__}")
    return _WithJacobian(f, given)


def _given_of(f: Any) -> Given | None:
    """The Jacobian that was given with f, which others may have wrapped."""
    while f is not None and not hasattr(f, "given_jacobian"):
        f = getattr(f, "f", None)
    found: Given | None = getattr(f, "given_jacobian", None)
    return found
