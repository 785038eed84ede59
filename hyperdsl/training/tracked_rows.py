"""What a corrector should give at the states that its hypersolver visits, for the vector field as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hyperdsl.runtime.state import VectorField, with_input
from hyperdsl.training.rows import Rows, norms

HELD_OUT = 4  # one trajectory in so many is for δ alone
MOST_SUBSTEPS = 64  # of the reference in a step
ROOM = 64  # how far below the tolerance the error must be for half the substeps: halving them makes 16 times more of it


class TrackedRows:
    """Makes the rows: R = (z(s + ε) − base step)/ε^(p+1) at the states of the hypersolver's own trajectories.

    z(s + ε) is found by classical RK4 in `substeps`: as many as keep their error below `tolerance` times what g is to
    correct. Where rounding would be more than that and f is a module, targets are made in float64. `error` is what is
    left of both, as last measured, and `evaluations` counts those of f on a whole batch.
    """

    def __init__(
        self,
        solver: Any,
        f: VectorField,
        span: tuple[float, float],
        steps: int,
        parameters: Mapping[str, float],
        tolerance: float,
    ) -> None:
        self.solver, self.f, self.span, self.steps = solver, f, span, steps
        self.parameters, self.tolerance = parameters, tolerance
        self.substeps, self.double = 2, False
        self.error, self.evaluations = 0.0, 0

    def solve(self, z0: Tensor, x: Tensor | None) -> Tensor:
        """The states at the end of the span by the reference, differentiable."""
        eps = (self.span[1] - self.span[0]) / self.steps
        z, f = z0, with_input(self.f, x)
        for k in range(self.steps):
            z = advance(f, self.span[0] + k * eps, z, eps, self.substeps)
        return z

    @torch.no_grad()
    def rows(self, z0: Tensor, x: Tensor | None) -> tuple[Rows, Rows]:
        """The rows of the trajectories from z0 [batch, *state_shape] to fit g to, and those of others to judge it by.

        Rows that are not finite are left out. A batch of fewer than HELD_OUT is used for both.
        """
        states, inputs, named = self._visited(z0, x)
        target = self._checked_targets(states, x)
        finite = torch.stack([_finite(value) for value in (target, *inputs) if value is not None]).all(0)
        held = (torch.arange(len(z0), device=z0.device) % HELD_OUT == 0).repeat(self.steps)
        fitted = ~held if len(z0) >= HELD_OUT else held
        rows = Rows((*inputs, *named.values()), target, tuple(named))
        return rows.take(fitted & finite), rows.take(held & finite)

    def _visited(
        self, z: Tensor, x: Tensor | None
    ) -> tuple[list[Tensor], tuple[Tensor | None, ...], dict[str, Tensor]]:
        """The states before each step, and what g reads there: a row for each of the steps' states."""
        calls: list[tuple[tuple[Tensor | None, ...], dict[str, Tensor]]] = []
        watch = self.solver.corrector.register_forward_hook(
            lambda _, inputs, named, __: calls.append((inputs, named)), with_kwargs=True
        )
        eps, states = (self.span[1] - self.span[0]) / self.steps, [z]
        try:
            for k in range(self.steps):
                given = self.parameters if x is None else {"x": x, **self.parameters}
                states.append(self.solver.step(self.f, self.span[0] + k * eps, states[-1], eps, **given))
        finally:
            watch.remove()
        self.evaluations += self.steps * self.solver.evaluations_per_step
        inputs = tuple(_column(values, len(z)) for values in zip(*(call[0] for call in calls), strict=True))
        named = {name: _column([call[1][name] for call in calls], len(z)) for name in calls[0][1]}
        return states[:-1], inputs, named

    def _checked_targets(self, states: list[Tensor], x: Tensor | None) -> Tensor:
        """R at the states, by as many substeps and in such a precision as they need."""
        while True:
            target, rounding, error = self._targets(states, x)
            double = rounding > self.tolerance and isinstance(self.f, nn.Module)
            if double and not self.double:
                self.double = True
            elif error > self.tolerance and 2 * self.substeps <= MOST_SUBSTEPS:
                self.substeps *= 2
            else:
                break
        self.error = max(error, 0.0 if double else rounding)
        self.double = double
        if error < self.tolerance / ROOM and self.substeps > 2:
            self.substeps //= 2
        return target.to(states[0].dtype)

    def _targets(self, states: list[Tensor], x: Tensor | None) -> tuple[Tensor, float, float]:
        """R at the states, and its relative errors: by rounding in the states' dtype, and by the reference's steps."""
        f, dtype = self.f, states[0].dtype
        if self.double and isinstance(f, nn.Module):
            f, dtype = _in_double(f), torch.promote_types(dtype, torch.float64)
            x = None if x is None else _double(x)
        given = self.parameters if x is None else {"x": x, **self.parameters}
        eps, corrections, errors = (self.span[1] - self.span[0]) / self.steps, [], []
        for k, state in enumerate(states):
            s, z = self.span[0] + k * eps, state.to(dtype)
            end = advance(with_input(f, x), s, z, eps, self.substeps)
            corrections.append(end - self.solver.base_step(f, s, z, eps, **given))
            part = None if x is None else x[::HELD_OUT]
            coarse = advance(with_input(f, part), s, z[::HELD_OUT], eps, self.substeps // 2)
            errors.append((coarse - end[::HELD_OUT]) / 3)  # by extrapolation at order 2, for f may have kinks
        self.evaluations += len(states) * (4 * self.substeps + self.solver.evaluations_per_step)
        size = _rms(corrections)
        rounding = torch.finfo(states[0].dtype).eps * _rms(states)  # twice the unit round-off, relative to the state
        target = torch.cat(corrections) / eps ** (self.solver.order + 1)
        return (target, rounding / size, _rms(errors) / size) if size else (target, 0.0, 0.0)


def advance(f: VectorField, s: float, z: Tensor, length: float, substeps: int) -> Tensor:
    """The state at s + `length` by equal steps of classical RK4 (Kutta 1901)."""
    h = length / substeps
    for k in range(substeps):
        start, middle, end = (
            torch.as_tensor(s + (k + c) * h, dtype=z.real.dtype, device=z.device) for c in (0, 0.5, 1)
        )
        k1 = f(start, z)
        k2 = f(middle, z + h / 2 * k1)
        k3 = f(middle, z + h / 2 * k2)
        k4 = f(end, z + h * k3)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return z


@torch.no_grad()
def delta(rows: Rows, g: nn.Module) -> float:
    """δ: the median of ‖g − R‖ over that of ‖R‖; zero where g is exact, nan where there are no rows."""
    if not len(rows.target):
        return float("nan")
    left, whole = norms(rows.given(g) - rows.target).median(), norms(rows.target).median()
    return 0.0 if left == 0 else float(left / whole)


def _finite(value: Tensor) -> Tensor:
    """Whether each row is finite."""
    return torch.isfinite(value.reshape(len(value), -1)).all(1)


def _rms(parts: list[Tensor]) -> float:
    """The root mean square of the finite numbers among these."""
    values = torch.cat([part.abs().flatten() for part in parts])
    return float(values[values.isfinite()].square().mean().sqrt())


def _column(values: Any, rows: int) -> Any:
    """The values of several calls as one column: a number stands for all rows of its call."""
    if values[0] is None:
        return None
    return torch.cat([value.expand(rows) if value.ndim == 0 else value for value in values])


def _double(value: Tensor) -> Tensor:
    """A copy in double precision, where it is of floating point."""
    inexact = value.is_floating_point() or value.is_complex()
    return value.to(torch.promote_types(value.dtype, torch.float64), copy=True) if inexact else value.clone()


def _in_double(f: nn.Module) -> VectorField:
    """f with its numbers in float64, as they are now."""
    held = [*f.named_parameters(), *f.named_buffers()]
    double = {name: _double(value.detach()) for name, value in held}
    return lambda *given: functional_call(f, double, given)
