"""Solvers whose steps have equations to solve: how, and with which Jacobian."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from .field import massed_of, within
from .jacobian import Given
from .mass import Massed, require_algebraic
from .newton import NEWTON, Rule, Solvable
from .solver import Solver
from .state import Restore, VectorField
from .transforms import is_plain

_CALLS = ("forward", "solve", "odeint", "adjoint", "step", "base_step")


class Differentiated(Solver):
    """Put before a class of steps that take ∂f/∂z.

    Calls take `jacobian=` besides: jacobian(s, z), or jacobian(s, x, z) where there is an input, gives ∂f/∂z as
    [*batch, n, n] for states [*batch, n], or as [N, N] of the whole state. Without it f is differentiated. `mass=` is
    the matrix M of M z' = f, [n, n] or [*batch, n, n]; it may be singular where the solver is `algebraic`.
    """

    algebraic: ClassVar[bool] = False
    """Whether its steps end where the algebraic equations of a singular mass matrix hold."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name in _CALLS:
            call = getattr(cls, name, None)
            if call not in (None, nn.Module.forward):
                setattr(cls, name, _taking(call))

    def _given(self, f: VectorField, jacobian: Given | None, mass: Any) -> VectorField:
        """f with what was given beside it."""
        if mass is None:
            return with_jacobian(f, jacobian)
        massed = Massed(f, mass)
        if massed.singular:
            require_algebraic(self, self.algebraic, getattr(self, "rule", NEWTON).by)
        return with_jacobian(massed, jacobian and massed.jacobian(jacobian))

    def _one_tensor(self, f: Any, z: Any, *, learned: bool = True) -> tuple[VectorField, Tensor, Restore]:
        massed = massed_of(f)
        if massed is None or not isinstance(z, tuple):
            return super()._one_tensor(f, z, learned=learned)
        joined, flat, restore = super()._one_tensor(massed.f, z, learned=learned)  # the matrix is of all parts
        return with_jacobian(massed.of(joined), given_of(f)), flat, restore

    @property
    def _above(self) -> Any:
        """The class of steps that this is put before."""
        return super()


class ImplicitSteps(Differentiated):
    """Put before a class of steps, it solves their equations by its `rule`."""

    rule: ClassVar[Rule] = NEWTON
    equations: ClassVar[type[Solvable]] = Solvable

    def _prepared(self, f: VectorField, z: Tensor) -> VectorField:
        if getattr(type(f), "is_solvable", False) or not is_plain(z):
            return f
        return self.equations(f, z, self.rule, given_of(f), getattr(self, "each", False))


def _taking(call: Callable[..., Any]) -> Callable[..., Any]:
    """A method of solvers, with `jacobian=` and `mass=` besides."""

    @functools.wraps(call)
    def taking(
        self: Any, f: VectorField, *arguments: Any, jacobian: Given | None = None, mass: Any = None, **settings: Any
    ) -> Any:
        return call(self, self._given(f, jacobian, mass), *arguments, **settings)

    signature = inspect.signature(call)
    *named, last = signature.parameters.values()
    end = [last] if last.kind is last.VAR_KEYWORD else []
    added = [inspect.Parameter(name, last.KEYWORD_ONLY, default=None) for name in ("jacobian", "mass")]
    own = [one for one in [*named, *([] if end else [last])] if one.name not in ("jacobian", "mass")]
    taking.__signature__ = signature.replace(parameters=[*own, *added, *end])  # type: ignore[attr-defined]
    return taking


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


def given_of(f: Any) -> Given | None:
    """The Jacobian that was given with f, which others may have wrapped."""
    found: Given | None = getattr(within(f, lambda one: hasattr(one, "given_jacobian")), "given_jacobian", None)
    return found
