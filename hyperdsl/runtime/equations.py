"""The equations of one step, and the iterations that solve them (Hairer & Wanner II, §IV.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .jacobian import Rows
from .linear import Square, Stagewise
from .outcome import SolveError, Status

SLOW = 1e-3
"""The rate of convergence above which a step of three or more iterations asks for a new matrix."""


NOISE = 16
"""Changes of so many units of rounding may be nothing else."""
LEAST = 2.0**-12
"""The least part of a change that is a move of Newton's method."""


@dataclass(frozen=True)
class Move:
    """`part` of a change of ε k, from `origin` on; `near`: by the matrix of where it begins.

    lengths: of the whole change as one of states [rows]; `noise` is how much of it may be rounding. `size` is relative
    to the states, in units of rounding, `rate` over that of the move before.
    """

    origin: Tensor
    change: Tensor
    part: float
    near: bool
    lengths: Tensor
    noise: Tensor
    size: float
    rate: float

    def end(self) -> Tensor:
        return self.origin + self.part * self.change

    def is_last(self) -> bool:
        """Whether what is left after it is rounding."""
        left = self.rate / (1 - self.rate) * self.size if 0 < self.rate < 1 else torch.inf
        return self.size <= 1 or left <= 0.05 or (self.rate > 0.5 and self.size <= NOISE)

    def is_undone_by(self, following: Move) -> bool:
        """Whether the following change, by the same matrix, says that this one led away."""
        gained = 1 - self.part / 4 if self.near else 1.0
        longer = ~(following.lengths <= gained * self.lengths)
        return bool((longer & ~(following.lengths <= following.noise)).any())


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
    stagewise: bool = False
    own: Stagewise | None = None

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
            change = solver.solve(self._left(w))
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

        A move that the next change by the same matrix more than undoes leads away, to a solution that is not the step's
        if to any: the matrix is then taken where it began, of each stage if need be, and the move shortened until it
        gains something (the natural monotonicity test: Deuflhard, Newton Methods for Nonlinear Problems, §3.3).

        A small change says that the equations hold only if the matrix is that of a state near by: iterates that strayed
        may have had one of a state where every change is small. They are looked at again with the matrix of where they
        ended.
        """
        f, start, functional = self.f, self.f.start, self.f.rule.by == "iteration"
        last: Move | None = None
        strayed = again = near = False
        self.own, self.stagewise = None, False
        moves, most = 0, f.rule.iterations or (100 if functional else 25)
        while moves < most:
            left = self._left(w)
            move = self._move(w, left, last, near)
            done = move.is_last()
            if (done and not strayed) or (again and move.size <= NOISE):
                if move.rate > SLOW and moves > 2:
                    f.forget()
                return w + move.change
            if last is not None and not functional and not done and last.is_undone_by(move):
                strayed = True
                if not last.near:
                    w, last, near = last.origin, None, True
                    self._take_matrix(w)
                elif self._can_part():
                    w, last, near = last.origin, None, True
                    self.stagewise = True
                    self._take_matrix(w)
                elif last.part > LEAST:
                    last = replace(last, part=last.part / 2)
                    w = last.end()
                else:
                    break
                continue
            if not move.size < torch.inf:
                break
            if (done or move.rate > 0.2) and not functional:
                strayed = True
                self._take_matrix(w + move.change if done else w)
                if not done:
                    move = self._move(w, left, None, True, min(1.0, 2 * last.part) if last else 1.0)
            w, last, again, near = move.end(), None if done else move, done, done
            moves += 1
        f.start = start
        f.forget()
        return None

    def _move(self, w: Tensor, left: Tensor, last: Move | None, near: bool, part: float = 1.0) -> Move:
        """Newton's move from w, where the equations leave `left`; `near`: by the matrix of w."""
        change: Tensor = (self.own or self.f._solver(self.a, self.eps)).solve(left)
        matrix = self._matrix()
        state = self.base + torch.tensordot(matrix, w + change, 1)
        around = torch.maximum(state.abs(), self.base.abs()).amax((0, 2)).clamp_min(1e-30)
        unit = torch.finfo(self._given() if self._given().itemsize < self.base.dtype.itemsize else self.base.dtype).eps
        lengths = torch.tensordot(matrix, change, 1).abs().amax((0, 2))
        size = float((lengths / around).amax()) / unit if lengths.numel() else 0.0
        return Move(w, change, part, near, lengths, NOISE * unit * around, size, size / last.size if last else 0.0)

    def _can_part(self) -> bool:
        """Whether stages may have matrices of their own that have not yet."""
        return len(self.a) > 1 and self.f.rule.by == "newton" and not self.stagewise

    def _take_matrix(self, w: Tensor) -> None:
        """Take the next matrix at w: that of its last stage, or one for each stage."""
        f = self.f
        states = self.base + torch.tensordot(self._matrix(), w, 1)
        at = [(s, self.rows.back(z.to(self._given()))) for s, z in zip(self.times, states, strict=True)]
        f.start = at[-1]
        f.forget()
        if self.stagewise:
            jacobians = torch.stack([f.jacobian.at(*one) for one in at]).to(self.base.dtype)
            self.own = Stagewise(self.a, jacobians, self.eps.to(self.base.dtype))
            f.jacobians, f.factorisations = f.jacobians + len(at), f.factorisations + len(at)

    def _unsolved(self) -> SolveError:
        s, eps = float(self.times[-1]), float(self.eps.reshape(-1)[0])
        state = self.rows.back(self.base[-1].to(self._given()))
        how = {"newton": "Newton", "krylov": "Newton–Krylov", "iteration": "functional"}[self.f.rule.by]
        advice = "`solve newton`, " if self.f.rule.by == "iteration" else "a `jacobian=` if f's derivatives are wrong, "
        step = f"(steps of {eps:.3g}, {self.f.evaluations} evaluations of f)"
        if bool(self._left(torch.zeros_like(self.base)).isfinite().all()):
            text = f"{how} iterations do not converge {step}: take more steps, {advice}or a solver with a `control`"
        else:
            text = f"f or the state is not finite there {step}: check z0, and f near that time"
        text = f"the implicit equations were not solved at s = {s:.6g}: {text}"
        return SolveError(Status.NOT_CONVERGED, s, eps, self.f.evaluations, state, text)

    def _left(self, w: Tensor) -> Tensor:
        """ε f − w at the states of w: what the equations leave."""
        state, given = self.base + torch.tensordot(self._matrix(), w, 1), self._given()
        slopes = [self.f(s, self.rows.back(z.to(given))) for s, z in zip(self.times, state, strict=True)]
        return self._eps() * torch.stack([self.rows.flat(one) for one in slopes]).to(w.dtype) - w

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
