"""Gradients of equations' solutions: by the implicit function theorem, or through iterations that transforms follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .gradients import refused
from .linear import Factored, gmres
from .state import VectorField, beside
from .stops import as_now
from .transforms import unmixed

ROUNDS = 8
"""Newton's iterations where numbers cannot be looked at."""


def attached(f: Any, eps: Tensor, equations: Sequence[Any], found: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The solutions ε k that were `found`, with the gradients of what the equations hang on.

    Of M w_i = R_i(w) = ε f(s_i, known_i + Σ a_ij w_j) it is (M − ∂R/∂w) dw = dR, whose transpose is solved once.
    """
    size = beside(eps, found[0]) if eps.ndim else eps
    with torch.enable_grad():
        states = [_state(known, weights, found) for _, known, weights in equations]
        right = torch.stack([size * f(s, z) for (s, _, _), z in zip(equations, states, strict=True)])
    if not right.requires_grad:
        return tuple(found)
    places = [(_alone(s), z.detach()) for (s, _, _), z in zip(equations, states, strict=True)]
    pulled = _Transposed(f, tuple(one[2] for one in equations), eps.detach(), places)
    return tuple(implicit(pulled, right, torch.stack(list(found))).unbind())


def implicit(pulled: Callable[[Tensor], Tensor], right: Tensor, w: Tensor) -> Tensor:
    """The solution w of equations with this right side, whose gradient by that is what `pulled` makes of w's own."""
    found: Tensor = _Implicit.apply(pulled, right, w)  # type: ignore[no-untyped-call]
    return found


def unrolled(f: VectorField, eps: Tensor, equations: Sequence[Any]) -> tuple[Tensor, ...]:
    """Solutions by a fixed number of Newton's iterations that are not judged, for compilers and transforms.

    Each has the whole matrix of all components anew.
    """
    known = torch.stack([one[1] for one in equations])
    size = beside(eps, equations[0][1]) if eps.ndim else eps

    def right(w: Tensor) -> Tensor:
        rows = w.unbind()
        return torch.stack([size * f(s, _state(z, weights, rows)) for s, z, weights in equations])

    w = torch.zeros_like(known)
    real = torch.view_as_real(w) if w.is_complex() else w

    def residual(flat: Tensor) -> Tensor:
        shaped = flat.reshape(real.shape)
        found = right(torch.view_as_complex(shaped) if w.is_complex() else shaped)
        return flat - (torch.view_as_real(found) if w.is_complex() else found).reshape(-1)

    flat = real.reshape(-1)
    for _ in range(ROUNDS):
        flat = flat - torch.linalg.solve(torch.func.jacrev(residual)(flat), residual(flat))
    shaped = flat.reshape(real.shape)
    return tuple((torch.view_as_complex(shaped) if w.is_complex() else shaped).unbind())


def _state(known: Tensor, weights: Sequence[float | Tensor], w: Sequence[Tensor]) -> Tensor:
    """known + Σ weight·w; only numbers are looked at, which compilers may do."""
    for weight, one in zip(weights, w, strict=True):
        known = known + weight * one if isinstance(weight, Tensor) or weight else known
    return known


def _alone(s: Any) -> Any:
    return s.detach() if isinstance(s, Tensor) else s


class _Transposed:
    """λ of (I − ε A ⊗ J)ᵀ λ = g, with the matrix J_i of each stage where it was solved."""

    def __init__(self, f: Any, a: Sequence[Sequence[float]], eps: Tensor, places: Sequence[tuple[Any, Tensor]]) -> None:
        self.f, self.a, self.eps, self.places = f, a, eps, places
        self.as_then = as_now(f)

    def __call__(self, g: Tensor) -> Tensor:
        with unmixed(g), self.as_then():
            return self._solved(g)

    def _solved(self, g: Tensor) -> Tensor:
        rows = self.f.jacobian.rows(*self.places[0])
        work = self.f._work(g)
        flat = torch.stack([rows.flat(one.resolve_conj()) for one in g]).to(work)
        a = torch.tensor(self.a, dtype=work, device=g.device)
        eps = self.eps.to(work)
        if self.f.rule.by == "krylov":
            found, left = self._krylov(flat, a, eps)
            if bool((left > torch.finfo(g.dtype).eps ** 0.5).any()):
                if not self.f.jacobian.joined():
                    raise RuntimeError(_KRYLOV)
                return self._solved(g)
        else:
            matrices = [self.f.jacobian.exactly_at(s, z) for s, z in self.places]
            if self.f.jacobian.rows(*self.places[0]) is not rows:
                return self._solved(g)
            found = self._direct(flat, a, eps, torch.stack(matrices).to(work))
        real = g.real.dtype if g.is_complex() else g.dtype
        return torch.stack([rows.back(one.to(real)) for one in found])

    def _direct(self, g: Tensor, a: Tensor, eps: Tensor, matrices: Tensor) -> Tensor:
        stages, rows, n = g.shape
        whole = torch.einsum("ij,irkl->rjlik", a, matrices).reshape(rows, stages * n, stages * n)
        found = Factored(whole, eps).solve(g.transpose(0, 1).reshape(rows, stages * n))
        return found.reshape(rows, stages, n).transpose(0, 1)

    def _krylov(self, g: Tensor, a: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        """The solution, and what it leaves of each row as a part of g."""
        stages, rows, n = g.shape
        pulls = [self.f.jacobian.transposed(s, z) for s, z in self.places]
        size = eps[:, None] if eps.ndim else eps

        def operator(v: Tensor) -> Tensor:
            parts = v.reshape(rows, stages, n).transpose(0, 1)
            pulled = torch.stack([pull(part.contiguous()) for pull, part in zip(pulls, parts, strict=True)])
            found: Tensor = parts - size * torch.tensordot(a.T, pulled, 1)
            return found.transpose(0, 1).reshape(rows, stages * n)

        tolerance = 10 * torch.finfo(g.dtype).eps
        right = g.transpose(0, 1).reshape(rows, stages * n)
        found = gmres(operator, right, tolerance)
        largest = right.abs().amax(-1, keepdim=True).clamp_min(torch.finfo(g.dtype).tiny)
        left = torch.linalg.vector_norm((right - operator(found)) / largest, dim=-1)
        return found.reshape(rows, stages, n).transpose(0, 1), left


_KRYLOV = (
    "the equations of the gradients of implicit steps were not solved: Krylov's method does not converge; take more "
    "steps, or `solve newton`"
)
_TWICE = (
    "gradients of implicit steps cannot be differentiated again: take an explicit solver, or one step at a time under "
    "torch.func, which goes through the iterations"
)


class _Implicit(torch.autograd.Function):
    """The solution w, whose gradient by the right side is what `pulled` gives."""

    @staticmethod
    def forward(ctx: Any, pulled: Callable[[Tensor], Tensor], right: Tensor, w: Tensor) -> Tensor:
        ctx.pulled = pulled
        ctx.save_for_backward(right)
        return w.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        with torch.no_grad():
            found = ctx.pulled(gradient)
        return None, refused(_TWICE, found, gradient, *ctx.saved_tensors) if torch.is_grad_enabled() else found, None
