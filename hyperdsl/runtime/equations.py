"""The equations of one step, and the iterations that solve them (Hairer & Wanner II, §IV.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .jacobian import Rows
from .linear import Square
from .outcome import SolveError, Status

SLOW = 1e-3
"""The rate of convergence above which a step of three or more iterations asks for a new matrix."""


@dataclass
class Equations:
    """The equations of one step, as vectors [stages, rows, n]."""

    f: Any
    times: Sequence[Any]
    rows: Rows
    a: Square
    base: Tensor
    eps: Tensor
    dtype: torch.dtype

    def solved(self, active: Tensor) -> tuple[Tensor, Tensor]:
        """To the control's tolerance: ε k, and for which samples not (Hairer & Wanner II, IV.8.10 and 11)."""
        f, ahead = self.f, self.f.ahead
        assert ahead is not None
        w, matrix, most = self._first(), self._matrix(), f.rule.iterations or 6
        allowed = self.rows.flat(torch.complex(*[ahead.allowed] * 2) if self.dtype.is_complex else ahead.allowed)
        solver, failed = f._solver(self.a, self.eps), torch.zeros_like(active)
        eta = f._etas.get(self.a, torch.full_like(f.rates, torch.inf)).clamp_min(1e-16) ** 0.8
        before = torch.full_like(f.rates, torch.inf)
        for count in range(1, most + 1):
            change = self._change(solver, w, matrix)
            size = self._norm(torch.tensordot(matrix, change, 1) / allowed)
            rate = size / before
            if count > 1:
                eta = rate / (1 - rate)
                bad = (rate >= 1) | (eta * rate ** (most - count) * size > ahead.kappa)
                f.rates = torch.where(active, torch.maximum(f.rates, rate), f.rates)
            else:
                bad = torch.zeros_like(failed)
            f.broken = f.broken | (active & ~size.isfinite())
            bad = active & (bad | ~size.isfinite())
            moved = active & ~bad
            w = torch.where(self.along(moved), w + change, w)
            f.iterations = torch.where(active, f.iterations.clamp_min(count), f.iterations)
            done = moved & ((size == 0) | (eta * size <= ahead.kappa))
            failed, active, before = failed | bad, moved & ~done, size
            if count > 1:
                f._etas[self.a] = torch.where(moved, eta, f._etas.get(self.a, torch.full_like(eta, torch.inf)))
            if not bool(active.any()):
                break
        return w, failed | active

    def exact(self) -> Tensor:
        """To the last digits; SolveError where that does not succeed.

        Where Newton's method goes astray, the solution is followed from ε = 0 on, in ever smaller parts of ε.
        """
        f, whole, start = self.f, self.eps, self.f.start
        found = self._newton(self._first())
        for parts in (4, 16, 64) if f.rule.by != "iteration" else ():
            if found is not None:
                break
            w: Tensor | None = torch.zeros_like(self.base)
            for part in range(1, parts + 1):
                if w is not None:
                    self.eps = whole * (part / parts)
                    w = self._newton(w * (part / max(1, part - 1)))
            self.eps, found = whole, w
        if found is None:
            f.start = start
            raise self._unsolved()
        return found

    def _newton(self, w: Tensor) -> Tensor | None:
        """To the last digits, with a new matrix wherever convergence is slow; None where there is none.

        A small change says that the equations hold only if the matrix is that of a state near by: iterates that strayed
        may have had one of a state where every change is small. They are looked at again with the matrix of where they
        ended.
        """
        f, matrix, before, strayed, again = self.f, self._matrix(), torch.inf, False, False
        start = f.start
        most = f.rule.iterations or (100 if f.rule.by == "iteration" else 25)
        unit = torch.finfo(self._given() if self._given().itemsize < self.base.dtype.itemsize else self.base.dtype).eps
        for count in range(1, most + 1):
            change = self._change(f._solver(self.a, self.eps), w, matrix)
            w = w + change
            state = self.base + torch.tensordot(matrix, w, 1)
            around = torch.maximum(state.abs(), self.base.abs()).amax((0, 2)).clamp_min(1e-30)
            ratio = torch.tensordot(matrix, change, 1).abs().amax((0, 2)) / around
            size = float(ratio.amax()) / unit if ratio.numel() else 0.0
            rate = size / before
            left = rate / (1 - rate) * size if 0 < rate < 1 else torch.inf
            done = size <= 1 or left <= 0.05 or (rate > 0.5 and size <= 16)
            if (done and not strayed) or (again and size <= 16):
                if rate > SLOW and count > 3:
                    f.forget()
                return w
            if not size < torch.inf:
                break
            again = done
            if (rate > 0.2 or done) and f.rule.by != "iteration":
                strayed = True
                f.start = self.times[-1], self.rows.back(state[-1].to(self._given()))
                f.forget()
            before = torch.inf if done else size
        f.start = start
        f.forget()
        return None

    def _unsolved(self) -> SolveError:
        s, eps = float(self.times[-1]), float(self.eps.reshape(-1)[0])
        state = self.rows.back(self.base[-1].to(self._given()))
        how = {"newton": "Newton", "krylov": "Newton–Krylov", "iteration": "functional"}[self.f.rule.by]
        advice = "`solve newton`, " if self.f.rule.by == "iteration" else "a `jacobian=` if f's derivatives are wrong, "
        text = (
            f"the implicit equations were not solved at s = {s:.6g}: {how} iterations do not converge (steps of "
            f"{eps:.3g}, {self.f.evaluations} evaluations of f): take more steps, {advice}or a solver with a `control`"
        )
        return SolveError(Status.NOT_CONVERGED, s, eps, self.f.evaluations, state, text)

    def _change(self, solver: Any, w: Tensor, matrix: Tensor) -> Tensor:
        """Newton's change of ε k."""
        state, given = self.base + torch.tensordot(matrix, w, 1), self._given()
        slopes = [self.f(s, self.rows.back(z.to(given))) for s, z in zip(self.times, state, strict=True)]
        slope = torch.stack([self.rows.flat(one) for one in slopes]).to(w.dtype)
        found: Tensor = solver.solve(self._eps() * slope - w)
        return found

    def _first(self) -> Tensor:
        """ε k to start from: of states that were guessed, or zero, where z is as it was."""
        guess = self.f.ahead.guess if self.f.ahead else None
        if guess is None:
            return torch.zeros_like(self.base)
        states = torch.stack([self.rows.flat(guess(s)) for s in self.times]).to(self.base.dtype)
        inverse = torch.linalg.pinv(torch.tensor(self.a, dtype=torch.float64)).to(self.base)
        found: Tensor = torch.tensordot(inverse, states - self.base, 1)
        return found

    def _matrix(self) -> Tensor:
        return torch.tensor(self.a, dtype=self.base.dtype, device=self.base.device)

    def _eps(self) -> Tensor:
        eps = self.eps.to(self.base.dtype)
        return eps[:, None] if eps.ndim else eps

    def _given(self) -> torch.dtype:
        return self.dtype.to_real()

    def _norm(self, ratio: Tensor) -> Tensor:
        """Root mean squares over all, or of each lane."""
        return (ratio**2).mean((0, 2)).sqrt() if self.f.each else (ratio**2).mean().sqrt()

    def along(self, lanes: Tensor) -> Tensor:
        return lanes[:, None] if lanes.ndim else lanes
