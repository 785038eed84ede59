"""∂f/∂z and ∂f/∂s of methods whose result hangs on them: what a user gives is held against f."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .jacobian import Jacobian, Rows, by_rows, unhooked, watched
from .state import beside


class Rates(Jacobian):
    """A Jacobian, and the derivative by time beside it."""

    def both(self, s: Any, z: Tensor) -> tuple[Tensor, Tensor]:
        """The matrices as `at` gives them, and ∂f/∂s as a state, of one evaluation of f.

        ValueError where a given matrix has another shape, or is not that of f: one random gradient tells.
        """
        rows = self.rows(s, z)
        now = s.detach().clone() if isinstance(s, Tensor) else torch.full((), s, dtype=torch.float64, device=z.device)
        leaf, slope = watched(self.f, now.requires_grad_(), z)
        if not slope.requires_grad:
            return self.at(s, z), self._difference_in_time(now.detach(), z, slope)
        drift = along_time(slope, now)
        matrix = by_rows(slope, leaf, rows) if self.given is None else self._expanded(self._asked(s, z), rows)
        if self.given is not None:
            _require_own(matrix, slope, leaf, rows)
        return matrix, torch.view_as_complex(drift) if rows.complex else drift

    def _difference_in_time(self, s: Tensor, z: Tensor, slope: Tensor) -> Tensor:
        before = torch.view_as_complex(slope) if z.is_complex() else slope
        aside = torch.finfo(z.real.dtype).eps ** 0.5 * (1 + s.abs())
        with torch.no_grad():
            moved = self.f(s + aside, z)
        size = aside.to(z.real.dtype)
        found: Tensor = (moved - before) / (beside(size, z) if size.ndim else size)
        return found


def along_time(slope: Tensor, now: Tensor) -> Tensor:
    """∂f/∂s by two reverse sweeps, of which the second is along one vector for all components."""
    with torch.inference_mode(False), torch.enable_grad(), unhooked():
        probe = torch.zeros_like(slope, requires_grad=True)
        (pulled,) = torch.autograd.grad(slope, now, probe, create_graph=True, allow_unused=True)
        if pulled is None or not pulled.requires_grad:
            return torch.zeros_like(slope)
        (found,) = torch.autograd.grad(pulled.sum(), probe, retain_graph=True, materialize_grads=True)
        return found.detach()


def _require_own(matrix: Tensor, slope: Tensor, leaf: Tensor, rows: Rows) -> None:
    """ValueError where vᵀJ is not what f's own gradient is, for one v."""
    shape, seed = (rows.count, rows.size), torch.Generator(device=slope.device).manual_seed(0)
    v = torch.rand(slope.shape, generator=seed, dtype=slope.dtype, device=slope.device) + 0.5
    (own,) = torch.autograd.grad(slope, leaf, v, retain_graph=True, materialize_grads=True)
    parts = v.reshape(*shape, 1) * matrix
    apart, size = parts.sum(-2) - own.reshape(shape), parts.abs().sum(-2) + own.reshape(shape).abs()
    if bool((apart.abs() > torch.finfo(slope.dtype).eps ** 0.5 * size.amax(-1, keepdim=True)).any()):
        raise ValueError(
            "jacobian is not the derivative of f: its product with a random vector differs from f's own gradient by "
            f"{float(apart.abs().max()):.3g}, and with another matrix a Rosenbrock method has another solution"
        )
