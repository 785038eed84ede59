"""A hypersolver kept in step with a vector field f that is being trained: a Neural ODE trained in few evaluations.

Every so many iterations g takes a few gradient steps on the residuals of the present f, at the states that the
hypersolver has just visited (Poli et al., Hypersolvers, NeurIPS 2020, §3, residual fitting). The ratio δ of its local
error to the base method's is watched on trajectories that g is not fitted to.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any, cast

import torch
from torch import Tensor, nn

from hyperdsl.runtime.state import VectorField
from hyperdsl.training.rows import Rows, norms, real
from hyperdsl.training.tracked_rows import TrackedRows, delta
from hyperdsl.training.weighing import Weighing

TARGETS = 0.1  # error of the targets, in terms of the bound on δ


class TrackingWarning(UserWarning):
    """The hypersolver does not follow f, and solves go by the reference meanwhile; the text has the numbers."""


@dataclass(frozen=True)
class Refresh:
    """What a refresh of g did.

    iteration: how many updates had been called, this one included.
    before, after: δ = median ‖z_hyper − z*‖ / median ‖z_base − z*‖ over single steps of held-out trajectories.
    steps: gradient steps that g took.
    refit: whether δ was beyond the bound, so that g took as many as it needed.
    trusted: whether δ is within the bound now, so that solves use the hypersolver.
    evaluations: of f, on the whole batch, for the targets.
    seconds: that it took.
    """

    iteration: int
    before: float
    after: float
    steps: int
    refit: bool
    trusted: bool
    evaluations: int
    seconds: float


class Tracked:
    """Solves z' = f(s, z), differentiably, by a hypersolver whose g follows f while f is trained.

        tracked = Tracked(HyperEuler(state_shape), f, span=(0.0, 1.0), steps=2)
        for z0, y in batches:
            loss = task(tracked(z0), y)  # in place of odeint(f, z0, span)[-1]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            tracked.update(z0)

    solver: a generated hypersolver of fixed steps; `steps` of it cover `span`. Its g starts from what it is.
    f: f(s, z), or f(s, x, z) where calls have an x; a module, or a function of modules. It is never changed.
    every: updates from one refresh of g to the next; a refresh is `iterations` gradient steps (AdamW at `rate`).
    bound: where δ is beyond it g is refitted, by up to `refit` gradient steps, until δ is half the bound. Where that
        does not bring it under the bound there is a TrackingWarning, and solves go by the reference, as they do before
        the first update, until a refresh brings it back.
    samples: how many trajectories of a batch g is fitted to at most, the first ones.
    parameters: values of the base method's free parameters, by name.

    The reference is classical RK4 in fixed substeps, as many as keep the targets' error under a tenth of the bound; an
    error that is left, such as a function's rounding in float32, counts as part of δ against the bound.
    The solver is the tracker's from now on: its weights take gradients inside `update` alone, so that those of the
    task reach f, z0 and x. No random numbers are drawn, and f's buffers and the global random state are put back: the
    same calls give the same bits on a CPU. What f costs in an update is in `history`; the memory it takes does not
    grow with the evaluations, for the targets need no gradients of f.

    Raises TypeError for a solver without a corrector, with a step-size control or with a history, and ValueError for
    a number out of range.
    """

    def __init__(
        self,
        solver: nn.Module,
        f: VectorField,
        span: tuple[float, float],
        steps: int,
        *,
        every: int = 20,
        iterations: int = 10,
        bound: float = 0.5,
        refit: int = 100,
        samples: int = 64,
        rate: float = 3e-3,
        parameters: Mapping[str, float] | None = None,
    ) -> None:
        _require_fixed_steps(solver)
        _require_positive(steps=steps, every=every, iterations=iterations, bound=bound, samples=samples, rate=rate)
        if not (isfinite(span[0]) and isfinite(span[1])) or span[0] == span[1]:
            raise ValueError(f"span needs two different finite ends, not {span}")
        self.solver: Any = solver.requires_grad_(False)
        self.f, self.span, self.steps = f, span, steps
        self.every, self.iterations, self.bound, self.refit, self.samples = every, iterations, bound, refit, samples
        self.trusted = False
        self.history: list[Refresh] = []
        self._parameters = dict(parameters or {})
        self._rows = TrackedRows(solver, f, span, steps, self._parameters, TARGETS * bound)
        self._g = cast(nn.Module, solver.corrector)
        self._normalise: Any = getattr(self._g, "normalise", None)
        self._optimizer = torch.optim.AdamW(self._g.parameters(), rate, weight_decay=1e-6, fused=True)
        self._updates = 0

    def __call__(self, z0: Tensor, x: Tensor | None = None) -> Tensor:
        """The states at the end of the span from z0 [batch, *state_shape]; gradients reach z0, x and f.

        By the hypersolver where δ is within the bound, else by the reference. SolveError of the solver's package where
        they are not finite.
        """
        if not self.trusted:
            return self._rows.solve(z0, x)
        given = self._parameters if x is None else {"x": x, **self._parameters}
        end: Tensor = self.solver(self.f, z0, self.span, self.steps, **given)
        return end

    def update(self, z0: Tensor, x: Tensor | None = None) -> Refresh | None:
        """To be called after each step of f's optimizer with the batch's z0; None where g is not due for a refresh."""
        self._updates += 1
        if (self._updates - 1) % self.every:
            return None
        start, evaluations = time.perf_counter(), self._rows.evaluations
        z0, x = z0.detach()[: self.samples], None if x is None else x.detach()[: self.samples]
        with _undisturbed(self.f, z0.device):
            rows, held = self._rows.rows(z0, x)
            before = delta(held, self._g)
            refit = not before <= self.bound  # nan is beyond it
            steps = self._refitted(rows, held) if refit else self._fitted(rows)
        after, evaluations = delta(held, self._g), self._rows.evaluations - evaluations
        self._judge(before, after, steps)
        seconds = time.perf_counter() - start
        self.history.append(Refresh(self._updates, before, after, steps, refit, self.trusted, evaluations, seconds))
        return self.history[-1]

    def _refitted(self, rows: Rows, held: Rows) -> int:
        """Fit g until δ is half the bound or `refit` gradient steps are taken; how many were."""
        if not len(held.target) or not len(rows.target):
            return 0
        if self._normalise is not None:
            rows.given(partial(self._normalise, rows.target))
        steps = 0
        while steps < self.refit and not delta(held, self._g) <= self.bound / 2:
            steps += self._fitted(rows)
        return steps

    def _fitted(self, rows: Rows) -> int:
        """`iterations` gradient steps on the loss of generated packages, `Weighing`'s; how many these are."""
        scale = rows.target.abs().square().mean(0).sqrt()
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        unit, weight = Weighing(self._g, scale, rows).terms(rows)
        self._g.requires_grad_(True)
        for _ in range(self.iterations):
            loss = (norms(real(rows.given(self._g) - rows.target) / unit) * weight).mean()
            self._optimizer.zero_grad()
            torch.autograd.backward(loss)
            if nn.utils.clip_grad_norm_(self._g.parameters(), 1.0).isfinite():
                self._optimizer.step()
        self._g.requires_grad_(False)
        return self.iterations

    def _judge(self, before: float, after: float, steps: int) -> None:
        """Trust the hypersolver or not; a warning where it is trusted no longer, or was not to begin with."""
        trusted = after + self._rows.error <= self.bound
        if not trusted and (self.trusted or not self.history):
            cost = 4 * self.steps * self._rows.substeps
            warnings.warn(
                f"update {self._updates}: δ is {after:.3g} (its targets are off by {self._rows.error:.1g}) after "
                f"{steps} gradient steps, {before:.3g} before, and the bound is {self.bound:.3g}; solves take {cost} "
                "evaluations of f by the reference until a refresh brings it back: take more steps, a larger "
                "corrector, a larger `refit` or a wider bound",
                TrackingWarning,
                stacklevel=3,
            )
        self.trusted = trusted


@contextmanager
def _undisturbed(f: VectorField, device: torch.device) -> Iterator[None]:
    """Puts the global random state and f's buffers back, which dropout and batch normalisation change."""
    buffers = list(f.buffers()) if isinstance(f, nn.Module) else []
    kept = [buffer.clone() for buffer in buffers]
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            for buffer, value in zip(buffers, kept, strict=True):
                buffer.copy_(value)


def _require_fixed_steps(solver: nn.Module) -> None:
    name = type(solver).__name__
    if getattr(solver, "residual_power", None) is None or not hasattr(solver, "corrector"):
        raise TypeError(f"{name} has no corrector to keep in step: take a generated hypersolver")
    if hasattr(solver, "control") or hasattr(solver, "past"):
        raise TypeError(f"{name} has a step-size control or a history; a hypersolver of fixed single steps is needed")


def _require_positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
