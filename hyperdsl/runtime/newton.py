"""Equations of implicit steps, k_i = f(s_i, known_i + ε Σ a_ij k_j), by simplified Newton iterations.

The unknowns are ε k_i and not slopes that are evaluated in the end: stiffness would multiply their errors (Hairer &
Wanner, Solving Ordinary Differential Equations II, §IV.8). Matrices and their factors are kept from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from .derivatives import attached, unrolled
from .equations import SLOW, Equations
from .field import Counted
from .jacobian import Given, Jacobian, unhooked
from .linear import Coupled, Krylov, Operator, Square
from .state import VectorField, beside
from .transforms import is_plain, unmixed

Equation = tuple[Any, Tensor, tuple[float, ...]]
"""(s_i, known_i, (a_i1, a_i2, …)), of as many slopes as there are equations."""


@dataclass(frozen=True)
class Rule:
    """How equations are solved: by "newton" (LU factors), "krylov" (GMRES), or "iteration" (functional).

    `tolerance` is κ of Hairer & Wanner: how far from the solution, in parts of what the control allows as error; None
    for √rtol and at most 0.03. Fixed steps have no control and solve to the last digits. `iterations` is how many there
    are at most; None for 6 where a control can take shorter steps, otherwise 25, or 100 functional ones.
    """

    by: str = "newton"
    tolerance: float | None = None
    iterations: int | None = None


NEWTON = Rule()
KEPT = 1e-3
"""By how much of ε factors may be off that are used again."""


class Linear:
    """`Coupled` without a matrix, for functional iteration."""

    factorisations = 0

    def solve(self, r: Tensor) -> Tensor:
        return r

    def filtered(self, gamma: float, v: Tensor) -> tuple[Tensor, int]:
        """v as it is: what is not stiff needs no filter."""
        return v, 0

    damped = filtered


@dataclass(frozen=True)
class Ahead:
    """What a control says of a step: from where on, how large errors [*z.shape] may be, κ, and what else is known.

    `guess` gives a state near the solution at a time, `doubted` says for which samples the error is looked at twice.
    """

    z: Tensor
    allowed: Tensor
    kappa: float
    guess: Callable[[Any], Tensor] | None = None
    doubted: Tensor | None = None


class Solvable(Counted):
    """f with what solves equations of it, kept for a whole solve.

    each: the first axis counts samples with steps of their own, which converge by themselves. `given` is the user's
    Jacobian. Where a control has said what lies `ahead`, equations that were not
    solved are marked in `unsolved` ([] or [batch]), or `broken` where numbers are not finite, instead of raising a
    SolveError; `iterations` and `rates` tell how it went.
    """

    is_solvable: ClassVar[bool] = True
    is_field: ClassVar[bool] = True

    def __init__(
        self,
        f: VectorField,
        z: Tensor,
        rule: Rule = NEWTON,
        given: Given | None = None,
        each: bool = False,
    ) -> None:
        super().__init__(f)
        self.rule, self.each = rule, each
        self.jacobian = Jacobian(f, z, given, each)
        self.lanes = torch.zeros(z.shape[:1] if each else (), dtype=torch.bool, device=z.device)
        self.unsolved = self.broken = self.fresh = self.lanes
        self.rates = self.iterations = torch.zeros_like(self.lanes, dtype=torch.float64)
        self.stale = ~self.lanes
        self.ahead: Ahead | None = None
        self.start: tuple[Any, Tensor] | None = None
        self._judged = False
        self._weighted: bool | None = None
        self._matrix: Any = None
        self._solvers: dict[Square, list[tuple[Any, Tensor]]] = {}
        self._etas: dict[Square, Tensor] = {}

    def begin(self, s: Any, z: Tensor) -> None:
        """A step from z at s on, which is where new matrices are taken."""
        self.start, self._judged = (s, z.detach()), self.ahead is not None
        if self.ahead is not None and self.ahead.z is not z:  # a step that is computed again
            self.ahead = Ahead(z, self.ahead.allowed, self.ahead.kappa)
            self.stale = torch.ones_like(self.stale)
        self.unsolved = self.broken = self.lanes
        self.iterations, self.rates = torch.zeros_like(self.iterations), torch.zeros_like(self.rates)

    def went(self, accept: Tensor) -> None:
        """Steps were accepted: their matrices are taken anew where convergence was slow."""
        slow = (self.iterations > 2) & (self.rates > SLOW)
        self.stale = self.stale | (accept & slow)
        self.fresh = self.fresh & ~accept

    def doubt(self) -> None:
        """Take what is kept for old: how fast equations converge is seen anew, and new matrices where they do not."""
        self.fresh, self._etas = self.lanes, {}

    def forget(self) -> None:
        """Take new matrices for the next equations."""
        self.stale = torch.ones_like(self.stale)

    def increments(self, eps: Tensor, *equations: Equation) -> tuple[Tensor, ...]:
        """ε k_i of each equation; ε is 0-d, or [batch] where each sample has its own step."""
        if nothing_to_solve(eps, equations[0][1]):
            size = eps.to(equations[0][1].real.dtype)
            return tuple(size * self(s, known) for s, known, _ in equations)
        with torch.no_grad(), unhooked(), unmixed(eps):
            found = self._found(eps.detach(), equations)
        with unhooked():
            hangs = torch.is_grad_enabled() and self._hangs(eps, equations)
        if hangs:
            found = attached(self, eps, equations, found)
        return found

    def _hangs(self, eps: Tensor, equations: Sequence[Equation]) -> bool:
        """Whether gradients are wanted of the equations: of what they are given, or of f's own weights."""
        given = [eps, *(part for s, known, weights in equations for part in (s, known, *weights))]
        if any(isinstance(one, Tensor) and one.requires_grad for one in given):
            return True
        if self._weighted is None:
            with unhooked():
                self._weighted = self.f(equations[0][0], equations[0][1]).requires_grad
        return self._weighted

    def filtered(self, eps: Tensor, gamma: float, error: Tensor, slope: Tensor | None) -> Tensor:
        """(I − ε γ J)⁻¹ error, which takes what stiffness adds out of it.

        slope: ε f(s, z), of which the error has γ; where it is doubted, f is evaluated at z + error in place of that
        (Hairer & Wanner II, IV.8.20).
        """
        with torch.no_grad(), unmixed(eps):
            eps, error = eps.detach(), error.detach()
            found = self._filtered(eps, gamma, error)
            ahead, start = self.ahead, self.start
            if slope is None or ahead is None or ahead.doubted is None or start is None:
                return found
            doubted = ahead.doubted & ~self.unsolved & (self.norm(found / ahead.allowed) > 1)
            if not bool(doubted.any()):
                return found
            size = beside(eps, error) if eps.ndim else eps
            again = error + gamma * (size * self(start[0], start[1] + found) - slope.detach())
            return torch.where(
                beside(doubted, found) if self.each else doubted, self._filtered(eps, gamma, again), found
            )

    def damped(self, slope: Tensor) -> Tensor:
        """(I − γε ∂f/∂z)⁻¹ slope, with what solved the last step's equations (`Ends`)."""
        known = next(iter(self._solvers.items()), None)
        if known is None or self.start is None:
            return slope
        rows, (a, solvers) = self.jacobian.rows(*self.start), known
        flat = rows.flat(slope.detach() if self.rule.by == "krylov" else slope)  # products have no gradients
        found, made = solvers[-1][0].damped(abs(a[0][0]), flat.to(self._work(slope)))
        self.factorisations += made
        return rows.back(found.to(flat.dtype))

    def norm(self, ratio: Tensor) -> Tensor:
        """Root mean squares over all of a state, or of each sample."""
        square = ratio.abs() ** 2
        return (square.reshape(len(square), -1).mean(1) if self.each else square.mean()).sqrt()

    def _filtered(self, eps: Tensor, gamma: float, error: Tensor) -> Tensor:
        assert self.start is not None
        rows = self.jacobian.rows(*self.start)
        known = next(iter(self._solvers.values()), None)
        solver = known[-1][0] if known else self._solver(((gamma,),), eps)
        found, made = solver.filtered(gamma, rows.flat(error).to(self._work(error)))
        self.factorisations += made
        return rows.back(found.to(rows.flat(error).dtype))

    def _found(self, eps: Tensor, equations: Sequence[Equation]) -> tuple[Tensor, ...]:
        times, known = [one[0] for one in equations], [one[1].detach() for one in equations]
        a = tuple(tuple(map(float, one[2])) for one in equations)
        if not self._judged:
            self.start, self.fresh = (times[0], known[0]), self.lanes
        assert self.start is not None
        rows, work = self.jacobian.rows(*self.start), self._work(known[0])
        base = torch.stack([rows.flat(one).to(work) for one in known])
        problem = Equations(self, times, rows, a, base, eps, known[0].dtype)
        w = self._tried(problem) if self._judged else problem.exact()
        real = known[0].real.dtype if known[0].is_complex() else known[0].dtype
        return tuple(rows.back(one.to(real)) for one in w)

    def _tried(self, problem: Equations) -> Tensor:
        """To the control's tolerance; once more with matrices of this step where that fails with older ones."""
        w, failed = problem.solved(~self.unsolved)
        older = failed & ~self.fresh
        if self.rule.by != "iteration" and bool(older.any()):
            self.stale = older
            again, unsolved = problem.solved(older)
            w = torch.where(problem.along(older), again, w)
            failed = torch.where(older, unsolved, failed)
        self.unsolved = self.unsolved | failed
        return w

    def _solver(self, a: Square, eps: Tensor) -> Any:
        """The linear solver of equations with these weights, as it is kept or made anew."""
        if self.rule.by == "iteration":
            return Linear()
        if bool(self.stale.any()):
            self._renew()
        assert self.start is not None
        kept = self._solvers.setdefault(a, [])
        for solver, size in kept:
            if not bool(((size - eps).abs() > KEPT * eps.abs()).any()):
                return solver
        kind: Any = Krylov if self.rule.by == "krylov" else Coupled
        solver = kind(a, self._matrix, eps.to(self._work(self.start[1])))
        self.factorisations += solver.factorisations
        kept[:] = [*kept[-1:], (solver, eps)]
        self._etas.pop(a, None)
        return solver

    def _renew(self) -> None:
        """Take new matrices where they are stale."""
        assert self.start is not None
        self.jacobians += 1
        asked = self._product if self.rule.by == "krylov" else self.jacobian.at
        found = asked(*self.start)
        if isinstance(found, Tensor):
            found = found.to(self._work(self.start[1]))
            if self.each and self._matrix is not None:
                found = torch.where(self.stale[:, None, None], found, self._matrix)
        self._matrix, self._solvers = found, {}
        self.fresh, self.stale = self.fresh | self.stale, self.lanes

    def _product(self, s: Any, z: Tensor) -> Operator:
        product = self.jacobian.product(s, z)

        def counted(v: Tensor) -> Tensor:
            self.products += 1
            return product(v)

        return counted

    def _work(self, z: Tensor) -> torch.dtype:
        """The real dtype of the linear algebra: no less than single precision."""
        real = z.real.dtype if z.is_complex() else z.dtype
        return torch.float32 if real.itemsize < 4 else real


def increments(f: Any, eps: Tensor, *equations: Equation) -> tuple[Tensor, ...]:
    """ε k_i of the equations k_i = f(s_i, known_i + ε Σ a_ij k_j), each of which is (s_i, known_i, (a_i1, …)).

    SolveError where they were not solved, unless f's solve has a control that goes on from there.
    """
    known = equations[0][1]
    if not is_plain(known):
        return unrolled(f, eps, equations)
    owner: Solvable = f if getattr(type(f), "is_solvable", False) else Solvable(f, known)
    return owner.increments(eps, *equations)


def filtered(f: Any, eps: Tensor, gamma: float, error: Tensor, slope: Tensor | None = None) -> Tensor:
    """(I − ε γ ∂f/∂z)⁻¹ error, with the matrix of the step's equations; slope: ε f(s, z), of which it has γ."""
    owner: Solvable = f
    return owner.filtered(eps, gamma, error, slope)


def nothing_to_solve(eps: Tensor, z: Tensor) -> bool:
    """Whether no slope stands in its own equation: a step of no length, or of an empty batch."""
    return not z.numel() or (not eps.ndim and not eps.item())


def solved(f: Any, eps: Tensor, *equations: Equation) -> tuple[Tensor, ...]:
    """The slopes k_i of the same equations."""
    if is_plain(equations[0][1]) and nothing_to_solve(eps, equations[0][1]):
        return tuple(f(s, known) for s, known, _ in equations)
    size = beside(eps, equations[0][1]) if eps.ndim else eps
    return tuple(one / size for one in increments(f, eps, *equations))
