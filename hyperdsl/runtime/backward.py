"""Backward differentiation of variable order and step, each step solved by Newton's method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .implicit import ImplicitSteps
from .newton import Ahead
from .nordsieck import scaled
from .state import VectorField
from .transforms import require_followed
from .varying import Allowed, Corrected, VaryingSteps

ITERATIONS = 4
"""Of Newton's method with old matrices, at most: then they are taken anew (Shampine & Reichelt 1997)."""


class BackwardSteps(ImplicitSteps, VaryingSteps):
    """z[n+1] − P_0 = e = ∇^(q+1) z with h f[n+1] = P_1 + l_1 e, solved by Newton's method, from the prediction P_0."""

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
