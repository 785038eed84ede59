"""Backward differentiation of variable order and step, each step solved by Newton's method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from .implicit import ImplicitSteps
from .linear import Nearby, Square
from .newton import Ahead, Solvable
from .nordsieck import scaled
from .state import VectorField
from .transforms import require_followed
from .varying import Allowed, Corrected, VaryingSteps

ITERATIONS = 4
"""Of Newton's method with old matrices, at most: then they are taken anew (Shampine & Reichelt 1997)."""


class NearbySolvable(Solvable):
    """As `Solvable`, for steps with one equation: factors serve steps of other sizes and orders near by.

    They do where one iteration less than there may be leaves κ of what a change of ε alone leaves in each (`Nearby`);
    the one is for the matrix's age. A sample keeps the ε of its factors for as long, whatever the others do.
    """

    _size: Tensor | None = None

    def _solver(self, a: Square, eps: Tensor) -> Any:
        ahead, most = self.ahead, self.rule.iterations
        if self.rule.by != "newton" or ahead is None or most is None:
            return super()._solver(a, eps)
        size = torch.zeros_like(eps) if self._size is None else self._size
        left = ahead.kappa ** (1 / max(1, most - 1))
        near = ~self.stale & ((size - eps).abs() <= left * (size + eps).abs())
        self._size = size = torch.where(near, size, eps)
        return Nearby(super()._solver(a, size), eps / size)


class BackwardSteps(ImplicitSteps, VaryingSteps):
    """z[n+1] − P_0 = e = ∇^(q+1) z with h f[n+1] = P_1 + l_1 e, solved by Newton's method, from the prediction P_0."""

    equations: ClassVar[type[Solvable]] = NearbySolvable

    def correct(self, f: Any, s: Any, predicted: Tensor, eps: Tensor, row: Tensor, allowed: Allowed) -> Corrected:
        """The formula, solved: z = P_0 − P_1/l_1 + c f(s + ε, z) with c = ε/l_1."""
        z, slope, leading = predicted[..., 0].contiguous(), predicted[..., 1], row[..., 1]
        psi, now = slope / scaled(leading, z), s + eps
        allowance, kappa, again = allowed(z)
        f.ahead = Ahead(z, allowance, kappa if f.rule.tolerance is None else f.rule.tolerance, lambda _: z.detach())
        f.begin(now, z)
        f.doubt()
        if again:
            f.forget()
        (increment,) = f.increments(eps / leading, (now, z - psi, (1.0,)))
        e = increment - psi
        size = torch.where(eps == 0, 1, eps)  # a sample that stays
        following = (slope + scaled(leading, z) * e) / scaled(size, z)
        most = f.rule.iterations
        caution = (2 * most + 1) / (2 * most + f.iterations)
        return Corrected(z + e, e, following, f.unsolved, f.broken, caution)

    def _prepared(self, f: VectorField, z: Tensor) -> VectorField:
        solvable: Any = super()._prepared(f, z)
        require_followed(getattr(type(solvable), "is_solvable", False))
        solvable.rule = replace(solvable.rule, iterations=solvable.rule.iterations or ITERATIONS)
        found: VectorField = solvable
        return found
