"""M z' = f(s, z) with a constant matrix M, possibly singular, as an equation z' = F(s, z) for the steps of any method.

Where M is regular, F = M⁻¹ f. Where it is not, z has algebraic variables, whose columns of M are zero, and f as many
equations 0 = g (index 1: these determine those). They are taken as δ z' = g in the limit δ → 0 (Hairer & Wanner II,
§VI.1, the direct approach): δ is so small that M + δ is M in the arithmetic of the steps' linear equations.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor

from .jacobian import Rows
from .rates import Rates
from .state import VectorField, is_eager

WEIGHTS = {torch.float64: 1e30, torch.float32: 1e14}
"""1/δ: above a residual that is zero but for rounding it leaves nothing of what is not f."""
EXACT = 1e-12
"""Singular values of M's differential columns below this, relative to the largest, are zero."""


class Massed:
    """F(s, z) of M z' = f: M is [n, n], or [*batch, n, n], for states [*batch, n], or [*batch, *shape] of n numbers.

    ValueError where M is no such matrix, is not finite, or has more zeros than its zero columns tell.
    """

    is_massed: ClassVar[bool] = True

    def __init__(self, f: VectorField, mass: Any) -> None:
        self.f, self.mass = f, _matrix_of(mass)
        self.consistent = self.determined = False
        """Whether a start was held against the algebraic equations, and those against the algebraic variables."""
        _require_square(self.mass)
        matrix = self.mass.detach().to("cpu", torch.float64)
        zero = (matrix == 0).flatten(0, -2).all(0)
        self.algebraic = zero.nonzero().flatten()
        self.differential = (~zero).nonzero().flatten()
        self.singular = bool(zero.any())
        self.inverse, self.residual = _parts(matrix, self.differential, self.algebraic)
        if self.singular and self.mass.requires_grad:
            raise ValueError("a singular mass has no gradients: detach it")
        self._like: dict[tuple[torch.dtype, torch.device], Tensor] = {}
        self._rates: Rates | None = None

    def of(self, f: VectorField) -> Massed:
        """The same matrix with another f."""
        return Massed(f, self.mass)

    def __call__(self, *arguments: Any) -> Any:
        z = arguments[-1]
        slope = self.f(*arguments)
        if self.singular and not self.determined and isinstance(z, Tensor) and is_eager(z):
            self.determined = True
            s, *x = arguments[:-1]
            self._linear(lambda s, z: self(s, *x, z), s, z.detach())
            self._rates = None  # of which f is not that of steps
        if not isinstance(slope, Tensor) or slope.shape != z.shape:
            return slope  # which whoever called says
        return self._times(self.weighted(z), slope)

    def jacobian(self, given: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """∂F/∂z of a user's ∂f/∂z, [*batch, n, n]; another shape is handed on, to be refused as it is."""

        def evaluate(*arguments: Any) -> Any:
            found, matrix = given(*arguments), self.weighted(arguments[-1])
            fits = isinstance(found, Tensor) and found.shape[-2:] == matrix.shape[-2:]
            return matrix.to(found.dtype) @ found if fits else found

        return evaluate

    def weighted(self, z: Tensor) -> Tensor:
        """The matrix that F is f times, [n, n] or [*batch, n, n]: algebraic variables have the weight 1/δ."""
        real = z.real.dtype if z.is_complex() else z.dtype
        key = real, z.device
        if key not in self._like:
            require_state(self.mass, z)
            if self.mass.requires_grad:
                found = torch.linalg.inv(self.mass.to(torch.float64))
            else:
                found = self.inverse.clone()
                found[..., self.algebraic, :] = self.residual * WEIGHTS.get(real, 1e14)
            self._like[key] = found.to(z.device, real)
        return self._like[key]

    def slope(self, f: Callable[[Any, Tensor], Tensor], s: Any, z: Tensor) -> Tensor:
        """z' at a state where the algebraic equations hold, as they go on to do.

        f(s, z) is this field, perhaps with its input put in. ValueError where they do not hold at the first such state,
        or do not determine the algebraic variables (an index above 1).
        """
        if not self.singular:
            return f(s, z)
        value, by_state, by_time = self._linear(f, s, z)
        differential, algebraic = self._numbers(z, self.differential), self._numbers(z, self.algebraic)
        by_state, by_time = by_state[:, algebraic], by_time[:, algebraic]
        if not self.consistent:
            _require_consistent(value[:, algebraic], by_state, self._rows(z).flat(z.detach()))
            self.consistent = True
        flat = torch.zeros_like(value)
        flat[:, differential] = value[:, differential]
        moved = (by_state @ flat[..., None])[..., 0] + by_time
        flat[:, algebraic] = torch.linalg.solve_ex(by_state[:, :, algebraic], -moved[..., None])[0][..., 0]
        found = self._rows(z).back(flat)
        if not torch.is_grad_enabled():
            return found
        raw = f(s, z)  # whose gradients are what a step that begins with f needs
        return found + (raw - raw.detach())

    def _linear(self, f: VectorField, s: Any, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """f, ∂f/∂z and ∂f/∂s of real numbers [count, size]; ValueError where the index is above 1."""
        if self._rates is None:
            self._rates = Rates(f, z, rows=self._rows(z))
        near = 1e-3 * (1 + torch.as_tensor(s, dtype=torch.float64).detach().abs())
        value, by_state, by_time = self._rates.all(s, z, near)
        algebraic = self._numbers(z, self.algebraic)
        _require_determined(by_state[:, algebraic][:, :, algebraic])
        self.determined = True
        return value, by_state, by_time

    def _rows(self, z: Tensor) -> Rows:
        return Rows(z.shape, len(_lead(self.mass, z)), z.is_complex())

    @staticmethod
    def _numbers(z: Tensor, variables: Tensor) -> Tensor:
        """Where these variables stand among real numbers, of which a complex variable is two."""
        return torch.stack((2 * variables, 2 * variables + 1), -1).flatten() if z.is_complex() else variables

    def _times(self, matrix: Tensor, slope: Tensor) -> Tensor:
        flat = slope.reshape(*_lead(self.mass, slope), matrix.shape[-1], 1)
        return (matrix.to(slope.dtype) @ flat).reshape(slope.shape)


def require_algebraic(solver: object, algebraic: bool, by: str = "newton") -> None:
    """ValueError where a solver does not solve the algebraic equations of a singular matrix."""
    if not algebraic:
        raise ValueError(
            f"mass is singular, and steps of {type(solver).__name__} do not end where the algebraic equations hold: "
            "that takes a method that solves for all of its stages and ends in the last one, such as radau_iia5, "
            "sdirk2, lobatto_iiic4, or rodas4"
        )
    if by != "newton":
        raise ValueError(f"mass is singular, and `solve {by}` does not solve algebraic equations: take `solve newton`")


def require_state(mass: Tensor, z: Tensor) -> None:
    """ValueError where the matrix does not belong to states like z."""
    n = mass.shape[-1]
    try:
        mass[..., 0, 0].expand(_lead(mass, z))
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"mass has the shape {tuple(mass.shape)}: [n, n], or [*batch, n, n], is wanted for states [*batch, n], and "
            f"z has the shape {tuple(z.shape)}, whose last axes do not hold {n} numbers for each matrix"
        ) from error


def _matrix_of(mass: Any) -> Tensor:
    try:
        return mass if isinstance(mass, Tensor) else torch.as_tensor(mass)
    except (TypeError, ValueError, RuntimeError) as error:
        told = f"{type(mass).__name__}: {error}" if isinstance(mass, list | tuple) else type(mass).__name__
        raise TypeError(f"mass is a real square matrix [n, n], or [*batch, n, n], not {told}") from error


def _require_square(mass: Tensor) -> None:
    if mass.ndim < 2 or mass.shape[-1] != mass.shape[-2] or mass.is_complex():
        raise ValueError(
            f"mass is a real square matrix [n, n], or [*batch, n, n], not one of shape {tuple(mass.shape)}"
        )
    if not bool(mass.isfinite().all()):
        raise ValueError("mass has entries that are not finite")


def _lead(mass: Tensor, z: Tensor) -> tuple[int, ...]:
    """The axes of z before those that the matrix's n numbers fill. ValueError where there are no such."""
    n = mass.shape[-1]
    for axes in range(z.ndim - 1, -1, -1):
        if prod(z.shape[axes:]) == n and axes >= mass.ndim - 2:
            return tuple(z.shape[:axes])
    raise ValueError


def _parts(matrix: Tensor, differential: Tensor, algebraic: Tensor) -> tuple[Tensor, Tensor]:
    """z' of the differential variables as a matrix times f, and what of f has to vanish: [.., n, n] and [.., m, n]."""
    columns = matrix[..., differential]
    left, sizes, _ = torch.linalg.svd(columns, full_matrices=True)
    if sizes.numel() and bool((sizes[..., -1] <= EXACT * sizes[..., 0]).any()):
        raise ValueError(
            f"mass has {len(algebraic)} columns of zeros and a rank below {len(differential)}: write the state in "
            "variables of which some, the algebraic ones, do not appear in M z' at all, and the others independently"
        )
    inverse = torch.zeros_like(matrix)
    inverse[..., differential, :] = torch.linalg.pinv(columns)
    zero_rows = (matrix == 0).reshape(-1, *matrix.shape[-2:]).all(0).all(-1).nonzero().flatten()
    if len(zero_rows) == len(algebraic):  # equations as they were written, without rounding
        return inverse, torch.eye(matrix.shape[-1], dtype=matrix.dtype)[zero_rows]
    return inverse, left[..., len(differential) :].mT


def _require_consistent(held: Tensor, by_state: Tensor, z: Tensor) -> None:
    """ValueError where g is not zero, against the size of what it is the difference of."""
    size = (by_state.abs() @ z.abs()[..., None])[..., 0]
    apart = held.abs() > 100 * torch.finfo(z.real.dtype).eps ** 0.5 * size
    if bool(apart.any()):
        worst = float((held.abs() / size.clamp_min(torch.finfo(size.dtype).tiny)).max())
        raise ValueError(
            f"the start is inconsistent: the algebraic equations 0 = g(s, z) of the singular mass matrix miss zero by "
            f"{worst:.2g} times the size of their terms; solve them for the algebraic variables first"
        )


def _require_determined(matrix: Tensor) -> None:
    """ValueError where equations of the matrices [count, m, m] do not determine as many variables."""
    if not matrix.numel() or not bool(matrix.isfinite().all()):  # of what is not finite the steps tell
        return
    sizes = torch.linalg.svdvals(matrix)
    if bool((sizes[:, -1] <= 10 * torch.finfo(matrix.dtype).eps * sizes[:, 0]).any()):
        raise ValueError(
            "the algebraic equations do not determine the algebraic variables: ∂g/∂z is singular there, so that the "
            "index is above 1; differentiate the equations until it is 1"
        )
