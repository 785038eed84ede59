"""Linear equations of implicit steps: (I − ε A ⊗ J) w = r, by LU factors or Krylov subspaces, for all rows at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

Square = tuple[tuple[float, ...], ...]
"""A matrix of the method, row by row."""


class Factored:
    """LU factors of M − factor·J, [rows, n, n]; the factor is real or complex, 0-d or one for each row.

    M is the identity where `mass` is None. Where a matrix is `singular` ([rows]), solutions are not finite.
    """

    def __init__(self, jacobian: Tensor, factor: Tensor, mass: Tensor | None = None) -> None:
        factor = factor.reshape(-1, 1, 1) if factor.ndim else factor
        n = jacobian.shape[-1]
        matrix = -factor * jacobian
        if mass is not None:
            matrix = matrix + mass
        else:
            matrix.diagonal(dim1=-2, dim2=-1).add_(1)
        self.single = n == 1
        if self.single:
            self.inverse = 1 / matrix[..., 0]
            self.singular = matrix[..., 0, 0] == 0
            return
        self.lu, self.pivots, info = torch.linalg.lu_factor_ex(matrix)
        self.singular = info != 0

    def solve(self, r: Tensor, *, transposed: bool = False) -> Tensor:
        """(M − factor·J)⁻¹ r for r [rows, n]; with the (conjugate) transpose where that is wanted."""
        if self.single:
            found: Tensor = (self.inverse.conj() if transposed else self.inverse) * r
            return found
        found = torch.linalg.lu_solve(self.lu, self.pivots, r.to(self.lu.dtype)[..., None], adjoint=transposed)
        return found[..., 0]


@dataclass(frozen=True)
class Spectrum:
    """A matrix A = V Λ V⁻¹: its real eigenvalues, one of each pair of complex ones, and the parts of V and V⁻¹.

    `right` [s, m] are the columns of V for `values` [m], `left` [m, s] the rows of V⁻¹; of pairs the columns are twice
    as long, so that Re(right · left) is the whole sum.
    """

    values: tuple[complex, ...]
    right: Tensor
    left: Tensor


WORST = 1e6
"""The condition of V beyond which the equations of all stages are solved as one."""


@cache
def spectrum(a: Square) -> Spectrum | None:
    """The eigenvalues and vectors of A; None where it has too few vectors that are well apart."""
    matrix = torch.tensor(a, dtype=torch.float64)
    values, vectors = torch.linalg.eig(matrix)
    if float(torch.linalg.cond(vectors)) > WORST:
        return None
    left = torch.linalg.inv(vectors)
    real = values.imag.abs() <= 1e-12 * values.abs().max()
    kept = [i for i in range(len(a)) if real[i] or values[i].imag > 0]
    twice = torch.where(real, 1.0, 2.0)
    numbers = tuple(complex(values[i]) if not real[i] else complex(values[i].real) for i in kept)
    return Spectrum(numbers, (vectors * twice)[:, kept], left[kept])


class Coupled:
    """(I − ε A ⊗ J)⁻¹ for the equations of several stages, by the eigenvalues of A (Hairer & Wanner II, §IV.8).

    ε is 0-d or one for each row. `factorisations` counts the matrices of size n.
    """

    def __init__(self, a: Square, jacobian: Tensor, eps: Tensor) -> None:
        self.jacobian, self.eps, self.stages = jacobian, eps, len(a)
        self.spectrum = spectrum(a) if len(a) > 1 else Spectrum((complex(a[0][0]),), torch.ones(1, 1), torch.ones(1, 1))
        self.parts: list[Factored] = []
        self._aside: tuple[float, Factored] | None = None
        if self.spectrum is None:
            self.parts = [Factored(_blocks(a, jacobian.expand(len(a), *jacobian.shape)), eps)]
        else:
            for value in self.spectrum.values:
                self.parts.append(Factored(jacobian, eps * (value if value.imag else value.real)))
            self.right, self.left = (self._like(part) for part in (self.spectrum.right, self.spectrum.left))

    @property
    def factorisations(self) -> int:
        return len(self.parts)

    @property
    def singular(self) -> Tensor:
        """The rows that have no solution."""
        return torch.stack([part.singular for part in self.parts]).any(0)

    def solve(self, r: Tensor) -> Tensor:
        """The solution for r [stages, rows, n]."""
        if self.stages == 1:
            return self.parts[0].solve(r[0])[None]
        if self.spectrum is None:
            return _as_one(self.parts[0], r)
        found = torch.zeros_like(r)
        for k, value in enumerate(self.spectrum.values):
            left, right = self.left[k], self.right[:, k]
            if not value.imag:
                left, right = left.real, right.real
            part = self.parts[k].solve(torch.tensordot(left, r.to(left.dtype), 1))
            found = found + (right[:, None, None] * part).real if value.imag else found + right[:, None, None] * part
        return found

    def filtered(self, gamma: float, v: Tensor) -> tuple[Tensor, int]:
        """(I − ε γ J)⁻¹ v for v [rows, n], and how many matrices were factorised for it: none where γ is in A, or was
        that of the last such v."""
        for value, part in zip(self.spectrum.values if self.spectrum else (), self.parts, strict=False):
            if not value.imag and abs(value.real - gamma) <= 1e-9 * abs(gamma):
                return part.solve(v), 0
        made = self._aside is None or self._aside[0] != gamma
        if self._aside is None or made:
            self._aside = gamma, Factored(self.jacobian, self.eps * gamma)
        return self._aside[1].solve(v), int(made)

    damped = filtered

    def _like(self, part: Tensor) -> Tensor:
        dtype = self.jacobian.dtype.to_complex() if part.is_complex() else self.jacobian.dtype
        return part.to(self.jacobian.device, dtype)


@dataclass(frozen=True)
class Nearby:
    """(I − ε A ⊗ J)⁻¹, about, by the solver of an ε' that ε is `ratio` times, 0-d or one for each row.

    It takes what is stiff ε/ε' times as far as it should and what is not as far as that: 2 / (1 + ε/ε') times its
    solutions leave |1 − ε/ε'| / (1 + ε/ε') of either at most (Krogh & Stewart, ACM TOMS 10, 1984).
    """

    solver: Coupled
    ratio: Tensor

    def solve(self, r: Tensor) -> Tensor:
        """The solution for r [stages, rows, n]."""
        part = torch.where(self.ratio.isnan(), 1.0, 2 / (1 + self.ratio)).to(r.dtype)  # 0/0: a sample that stays
        return (part[:, None] if part.ndim else part) * self.solver.solve(r)


class Stagewise:
    """(I − ε [a_ij J_j])⁻¹ for the equations of several stages, each with its own of `jacobians` [s, rows, n, n].

    It is Newton's own matrix, where `Coupled` takes one Jacobian for all stages, and costs the factors of all as one.
    """

    def __init__(self, a: Square, jacobians: Tensor, eps: Tensor) -> None:
        self.factors = Factored(_blocks(a, jacobians), eps)

    def solve(self, r: Tensor) -> Tensor:
        """The solution for r [stages, rows, n]."""
        return _as_one(self.factors, r)


def _blocks(a: Square, jacobians: Tensor) -> Tensor:
    """[a_ij J_j] as matrices [rows, s·n, s·n]."""
    s, rows, n, _ = jacobians.shape
    weights = torch.tensor(a, dtype=jacobians.dtype, device=jacobians.device)
    return torch.einsum("ij,jrkl->rikjl", weights, jacobians).reshape(rows, s * n, s * n)


def _as_one(factors: Factored, r: Tensor) -> Tensor:
    whole = factors.solve(r.transpose(0, 1).flatten(1))
    return whole.reshape(r.shape[1], len(r), -1).transpose(0, 1)


Operator = Callable[[Tensor], Tensor]


class Krylov:
    """(I − ε A ⊗ J)⁻¹ by GMRES with products J v, in memory of a few vectors; the rest as in `Coupled`.

    Solutions have residuals of `tolerance` times the right side.
    """

    factorisations = 0

    def __init__(self, a: Square, product: Operator, eps: Tensor, tolerance: float = 1e-2) -> None:
        self.a, self.product, self.tolerance = a, product, tolerance
        self.eps = eps.reshape(-1, 1) if eps.ndim else eps
        self.singular = torch.zeros((), dtype=torch.bool, device=eps.device)

    def solve(self, r: Tensor) -> Tensor:
        """The solution for r [stages, rows, n]."""
        stages, rows, n = r.shape
        a = torch.tensor(self.a, dtype=r.dtype, device=r.device)

        def operator(v: Tensor) -> Tensor:
            parts = v.reshape(rows, stages, n).transpose(0, 1)
            pushed = torch.stack([self.product(part) for part in parts])
            found: Tensor = parts - self.eps * torch.tensordot(a, pushed, 1)
            return found.transpose(0, 1).reshape(rows, stages * n)

        found = gmres(operator, r.transpose(0, 1).reshape(rows, stages * n), self.tolerance)
        return found.reshape(rows, stages, n).transpose(0, 1)

    def filtered(self, gamma: float, v: Tensor) -> tuple[Tensor, int]:
        """(I − ε γ J)⁻¹ v."""
        return self._filtered(gamma, v, self.tolerance), 0

    def damped(self, gamma: float, v: Tensor) -> tuple[Tensor, int]:
        """The same of v that is large in directions of which nearly nothing is left."""
        return self._filtered(gamma, v, SHARP), 0

    def _filtered(self, gamma: float, v: Tensor, tolerance: float) -> Tensor:
        return gmres(lambda w: w - self.eps * gamma * self.product(w), v, tolerance)


SHARP = 1e-6
"""The residual of what is damped, as a part of it."""
BASIS, RESTARTS, LOOKS = 60, 5, 4
"""Vectors that GMRES keeps, how often it starts again, and after how many products it looks at what is left."""


def gmres(operator: Operator, r: Tensor, tolerance: float) -> Tensor:
    """The solution of operator(x) = r for each row of r [rows, m], until residuals are `tolerance` of r (Saad 2003).

    After `RESTARTS` times `BASIS` products it is what there is. Rows are scaled, for squares of their sizes may be
    beyond what the dtype holds.
    """
    tiny = torch.finfo(r.dtype).tiny
    scale = r.abs().amax(-1, keepdim=True).clamp_min(tiny) if r.numel() else r.new_ones(len(r), 1)
    return scale * _of_size_one(operator, r / scale, tolerance)


def _of_size_one(operator: Operator, r: Tensor, tolerance: float) -> Tensor:
    x, left = torch.zeros_like(r), r
    goal = tolerance * torch.linalg.vector_norm(r, dim=-1)
    for _ in range(RESTARTS):
        x = x + _searched(operator, left, goal)
        left = r - operator(x)
        if bool((torch.linalg.vector_norm(left, dim=-1) <= 1.1 * goal).all()):
            break
    return x


def _searched(operator: Operator, r: Tensor, goal: Tensor) -> Tensor:
    """What is best among r, Ar, A²r, …, by Arnoldi's process with two passes of Gram and Schmidt."""
    size, most = torch.linalg.vector_norm(r, dim=-1), min(BASIS, r.shape[-1])
    tiny = torch.finfo(r.dtype).tiny
    basis, matrix = r.new_zeros(len(r), most + 1, r.shape[-1]), r.new_zeros(len(r), most + 1, most)
    basis[:, 0] = r / size.clamp_min(tiny)[:, None]
    best = r.new_zeros(len(r), 0, 1)
    for count in range(1, most + 1):
        v, known = operator(basis[:, count - 1]), basis[:, :count]
        for _ in range(2):
            entries = (known @ v[..., None])[..., 0]
            v = v - (entries[:, None] @ known)[:, 0]
            matrix[:, :count, count - 1] += entries
        norm = torch.linalg.vector_norm(v, dim=-1)
        matrix[:, count, count - 1] = norm
        basis[:, count] = v / norm.clamp_min(tiny)[:, None]
        if count % LOOKS and count < most:
            continue
        best, apart = _least(matrix[:, : count + 1, :count], size)
        if bool((apart <= goal).all()):
            break
    found: Tensor = best.mT @ basis[:, : best.shape[-2]]
    return found[:, 0]


def _least(matrix: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """The least squares of matrix y = (size, 0, …), [rows, columns, 1], and what is left of each."""
    right = matrix.new_zeros(*matrix.shape[:2], 1)
    right[:, 0, 0] = size
    q, upper = torch.linalg.qr(matrix)
    diagonal, tiny = upper.diagonal(dim1=-2, dim2=-1), torch.finfo(matrix.dtype).tiny
    diagonal.copy_(torch.where(diagonal.abs() > tiny, diagonal, 1))
    best = torch.linalg.solve_triangular(upper, q.mT @ right, upper=True)
    return best, torch.linalg.vector_norm(right - matrix @ best, dim=(-2, -1))
