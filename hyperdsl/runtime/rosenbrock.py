"""What Rosenbrock steps need of f: I − γε ∂f/∂z, factorised once a step, and ∂f/∂s (Hairer & Wanner II, §IV.7).

The matrix decides where a step ends, unlike that of Newton's method: a wrong one gives a wrong solution. So a user's
Jacobian is held against f's own gradient, and gradients of steps are exact.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from .derivatives import implicit
from .field import Counted
from .implicit import Differentiated, given_of
from .jacobian import Given, Rows, unhooked
from .linear import Factored
from .rates import Rates
from .state import VectorField, beside
from .transforms import is_plain


class Linearisable(Counted):
    """f with its Jacobian, kept for a whole solve; `given` is the user's, `each`: the first axis counts samples."""

    is_linearisable: ClassVar[bool] = True
    """Tells it of other copies of this module too."""
    is_field: ClassVar[bool] = True

    def __init__(self, f: VectorField, z: Tensor, given: Given | None = None, each: bool = False) -> None:
        super().__init__(f)
        self.jacobian = Rates(f, z, given, each)
        self.last: Linearised | None = None

    def at(self, s: Any, z: Tensor, size: Tensor) -> tuple[Linearised, Tensor]:
        """As `linearised`."""
        self.jacobians, self.factorisations = self.jacobians + 1, self.factorisations + 1
        with unhooked():
            rows = self.jacobian.rows(s, z)
            _, matrix, rate = self.jacobian.all(s, z, size)
            drift = rows.back(rate)
        tracked = _Tracked.of(self.f, s, z, size) if torch.is_grad_enabled() else None
        if tracked is not None:
            drift = tracked.drift(drift)
        work = matrix if matrix.dtype.itemsize >= 4 else matrix.float()
        self.last = Linearised(Factored(work, size.detach().to(work.dtype)), rows, tracked)
        return self.last, drift

    def damped(self, slope: Tensor) -> Tensor:
        """(I − γε ∂f/∂z)⁻¹ slope, with the last step's matrix (`Ends`)."""
        return slope if self.last is None else self.last.damped(slope)


class Linearised:
    """I − γε ∂f/∂z at one place, factorised; with the gradients of its parts where there are some."""

    def __init__(self, factors: Factored, rows: Rows, tracked: _Tracked | None) -> None:
        self.factors, self.rows, self.tracked = factors, rows, tracked

    def solve(self, r: Tensor) -> Tensor:
        """The k with (I − γε ∂f/∂z) k = r; not finite where the matrix is singular."""
        found = self._solved(r.detach(), transposed=False)
        if not torch.is_grad_enabled() or (self.tracked is None and not r.requires_grad):
            return found
        moved = r if self.tracked is None else r + self.tracked.moved(found)  # d(γε ∂f/∂z) k, with k as it is
        return implicit(lambda g: self._solved(g, transposed=True), moved, found)

    def damped(self, r: Tensor) -> Tensor:
        """The same of a matrix that is taken for constant."""
        return self._solved(r, transposed=False)

    def _solved(self, r: Tensor, *, transposed: bool) -> Tensor:
        flat = self.rows.flat(r.resolve_conj())
        work = flat if flat.dtype.itemsize >= 4 else flat.float()
        return self.rows.back(self.factors.solve(work, transposed=transposed).to(flat.dtype))


class _Tracked:
    """∂f/∂z k and ∂f/∂s with their gradients by z, s and what else f hangs on."""

    def __init__(self, slope: Tensor, place: Tensor, now: Tensor, size: Tensor, complex_: bool) -> None:
        self.size, self.complex = size, complex_
        self.probe = torch.zeros_like(slope, requires_grad=True)
        pulled = torch.autograd.grad(slope, (place, now), self.probe, create_graph=True, allow_unused=True)
        self.by_place, self.by_time = pulled

    @staticmethod
    def of(f: VectorField, s: Any, z: Tensor, size: Tensor) -> _Tracked | None:
        """None where f has no gradient but by z and s, and these and ε want none."""
        now = s if isinstance(s, Tensor) else torch.full((), s, dtype=torch.float64)
        wanted = z.requires_grad or now.requires_grad or size.requires_grad
        if not wanted:
            with torch.enable_grad():
                wanted = f(now, z).requires_grad
        if not wanted:
            return None
        real = torch.view_as_real(z) if z.is_complex() else z
        place = real if real.requires_grad else real.detach().requires_grad_()
        now = now if now.requires_grad else now.detach().requires_grad_()
        slope = f(now, torch.view_as_complex(place) if z.is_complex() else place)
        slope = torch.view_as_real(slope) if slope.is_complex() else slope
        return _Tracked(slope, place, now, size, z.is_complex()) if slope.requires_grad else None

    def drift(self, value: Tensor) -> Tensor:
        """∂f/∂s, as this is its value."""
        if self.by_time is None or not self.by_time.requires_grad:
            return value
        (found,) = torch.autograd.grad(self.by_time.sum(), self.probe, create_graph=True, materialize_grads=True)
        return torch.view_as_complex(found) if self.complex else found

    def moved(self, k: Tensor) -> Tensor:
        """γε ∂f/∂z k less its value: its gradient alone, k taken as a constant."""
        if self.by_place is None or not self.by_place.requires_grad:
            return torch.zeros_like(k)
        v = torch.view_as_real(k) if self.complex else k
        (found,) = torch.autograd.grad(self.by_place, self.probe, v, create_graph=True, materialize_grads=True)
        product = torch.view_as_complex(found) if self.complex else found
        scaled = (beside(self.size, k) if self.size.ndim else self.size) * product
        return scaled - scaled.detach()


def linearised(f: Any, s: Any, z: Tensor, size: Tensor) -> tuple[Any, Tensor]:
    """What solves (I − size ∂f/∂z) k = r by its `solve`, and ∂f/∂s, both at (s, z).

    size: γε, 0-d or [batch]. Compilers and transforms get the matrix of all components of the state, whose derivatives
    they follow. RuntimeError where they meet steps of its own for each sample.
    """
    if not is_plain(z):
        return _whole(f, s, z, size)
    owner: Linearisable = f if getattr(type(f), "is_linearisable", False) else Linearisable(f, z, each=size.ndim > 0)
    return owner.at(s, z, size)


class RosenbrockSteps(Differentiated):
    """Put before a class of steps: f has what Rosenbrock steps need of it, kept for a whole solve.

    ValueError where the `jacobian=` of a call is not that of f.
    """

    linearises: ClassVar[bool] = True

    def _prepared(self, f: VectorField, z: Tensor) -> VectorField:
        if getattr(type(f), "is_linearisable", False) or not is_plain(z):
            return f
        return Linearisable(f, z, given_of(f), getattr(self, "each", False))


class _Whole:
    """I − γε ∂f/∂z for the state as one vector."""

    def __init__(self, matrix: Tensor, complex_: bool) -> None:
        self.matrix, self.complex = matrix, complex_

    def solve(self, r: Tensor) -> Tensor:
        """As of `Linearised`."""
        flat = (torch.view_as_real(r) if self.complex else r).reshape(-1)
        found = torch.linalg.solve(self.matrix, flat)
        return torch.view_as_complex(found.reshape(*r.shape, 2)) if self.complex else found.reshape(r.shape)


def _whole(f: VectorField, s: Any, z: Tensor, size: Tensor) -> tuple[_Whole, Tensor]:
    if size.ndim:
        raise RuntimeError("Rosenbrock steps of its own for each sample are neither compiled nor transformed")
    if torch.compiler.is_exporting():
        raise RuntimeError(
            "Rosenbrock steps take derivatives of f, which torch.export keeps as constants: export an explicit solver"
        )
    complex_ = z.is_complex()

    def real(slope: Tensor) -> Tensor:
        return (torch.view_as_real(slope) if complex_ else slope).reshape(-1)

    def slope(now: Tensor, flat: Tensor) -> Tensor:
        return real(f(now, torch.view_as_complex(flat.reshape(*z.shape, 2)) if complex_ else flat.reshape(z.shape)))

    drift, matrix = torch.func.jacrev(slope, argnums=(0, 1))(s, real(z))
    unit = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    shaped = torch.view_as_complex(drift.reshape(*z.shape, 2)) if complex_ else drift.reshape(z.shape)
    return _Whole(unit - size * matrix, complex_), shaped.to(z.dtype)
