"""Backward differentiation of variable order and step, each step solved by Newton's method."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .field import Counted
from .gradients import Kept
from .newton import Scale, Solvable
from .nordsieck import scaled
from .varying import Allowed, Corrected, VaryingSteps


class BackwardSteps(VaryingSteps):
    """z[n+1] − P_0 = e = ∇^(q+1) z with h f[n+1] = P_1 + l_1 e, solved by Newton's method from the prediction P_0 on.

    Newton's iterations end at κ = min(0.03, √rtol) of what the control allows, as in Shampine & Reichelt (1997).
    """

    def correct(
        self, f: Solvable, s: Any, predicted: Tensor, eps: Tensor, row: Tensor, allowed: Allowed
    ) -> Corrected:
        """The formula, solved: z = P_0 − P_1/l_1 + c f(s + ε, z) with c = ε/l_1."""
        z, slope, leading = predicted[..., 0].contiguous(), predicted[..., 1], row[..., 1]
        psi, c = slope / scaled(leading, z), eps / leading
        now = s + eps
        f.begin(now, z)
        allowance, kappa = allowed(z)
        rows = f.jacobian.rows(now, z)
        f.scale, f.guess = Scale(rows.flat(allowance.expand(z.shape)), kappa), lambda _: z.detach()
        f._etas.clear()
        with torch.set_grad_enabled(predicted.requires_grad):  # f at the start is in what was predicted
            (increment,) = f.increments(c, (now, z - psi, (1.0,)))
        e = increment - psi
        safe = torch.where(eps == 0, 1, eps)
        following = (slope + scaled(leading, z) * e) / scaled(safe, z)
        most = f.rule.iterations or 7
        caution = (2 * most + 1) / (2 * most + f.iterations)
        return Corrected(z + e, e, following, ~f.unsolved, caution)

    def _tried(self, f: Counted, x: Tensor | None, handed: dict[str, Tensor], kept: Kept) -> Callable[..., Any]:
        return kept(partial(self.correct, f))
