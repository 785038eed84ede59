"""Solvers to compare with: any explicit tableau, torchdiffeq's dopri5, and reference solutions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.metrics import largest_change
from hyperdsl.evaluation.problems import VectorField
from hyperdsl.plan.interpret import Stepper, stepper
from hyperdsl.plan.passes import simplified
from hyperdsl.plan.runge_kutta import tableau_step
from hyperdsl.plan.step import Step, evaluations
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.training.rows import in_dtype

Solve: TypeAlias = Callable[[VectorField, Tensor], Tensor]
Span: TypeAlias = tuple[float, float]


def bind(f: VectorField, x: Tensor | None) -> VectorField:
    """f(s, z) with the input x put in, where there is one."""
    return f if x is None else lambda s, z: f(s, x, z)


@dataclass(frozen=True)
class Solved:
    """The end of a solve with what it cost: counts of a sample, or of a batch solved as one; None if unknown."""

    z: Tensor
    evaluations: int
    jacobians: int | None = None
    factorisations: int | None = None
    products: int | None = None


@dataclass(frozen=True)
class TableauSolver:
    """An explicit Runge-Kutta method in fixed steps, its step interpreted (Hairer, Nørsett & Wanner I, §II.1).

    Stages with no influence on the propagated state are left out, so `evaluations_per_step` is what a step costs.
    """

    name: str
    tableau: Tableau

    def __post_init__(self) -> None:
        if self.tableau.kind != "explicit" or self.tableau.parameters:
            raise ValueError(f"{self.name} is not an explicit method with numbers for coefficients")

    @cached_property
    def _plan(self) -> Step:
        return simplified(tableau_step(self.tableau))

    @cached_property
    def _run(self) -> Stepper:
        return stepper(self._plan)

    @property
    def evaluations_per_step(self) -> int:
        return evaluations(self._plan.body)

    def step(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor | float) -> Tensor:
        """One step of f(s, z) from z [*batch, *state_shape], to the same bits as generated code of fixed steps."""
        end: Tensor = self._run(f, s, z, eps)
        return end

    def __call__(
        self, f: VectorField, z0: Tensor, span: Span = (0.0, 1.0), steps: int = 1, x: Tensor | None = None
    ) -> Tensor:
        """The state at the end of `span` after `steps` equal steps."""
        *_, end = self._states(f, z0, span, steps, x)
        return end

    def odeint(self, f: VectorField, z0: Tensor, s: Sequence[float], x: Tensor | None = None) -> Tensor:
        """The states at equally spaced times, [len(s), *z0.shape], a step from one to the next."""
        return torch.stack([*self._states(f, z0, (s[0], s[-1]), len(s) - 1, x)])

    def _states(self, f: VectorField, z0: Tensor, span: Span, steps: int, x: Tensor | None) -> Iterator[Tensor]:
        field, z = bind(f, x), z0
        start = torch.tensor(span[0], dtype=z0.real.dtype, device=z0.device)
        eps = torch.tensor((span[1] - span[0]) / steps, dtype=z0.real.dtype, device=z0.device)
        yield z
        for k in range(steps):
            z = self.step(field, start + k * eps, z, eps)
            yield z


def torchdiffeq_solve(
    f: VectorField, z0: Tensor, span: Span, x: Tensor | None = None, method: str = "dopri5", tolerance: float = 1e-3
) -> Tensor:
    """The state at the end of `span` by an adaptive method of torchdiffeq with rtol = atol = `tolerance`."""
    return torchdiffeq_states(f, z0, span, x, method, tolerance)[-1]


def torchdiffeq_states(
    f: VectorField,
    z0: Tensor,
    times: Sequence[float],
    x: Tensor | None = None,
    method: str = "dopri5",
    tolerance: float = 1e-3,
) -> Tensor:
    """The states at the times, [len(times), *z0.shape], by the same; between its steps it interpolates."""
    grid = torch.tensor(times, dtype=z0.real.dtype, device=z0.device)
    states: Tensor = odeint(bind(f, x), z0, grid, rtol=tolerance, atol=tolerance, method=method)
    return states


@dataclass(frozen=True)
class ReferenceSolution:
    """A reference solution in double precision and the largest relative change on halving its steps."""

    z: Tensor
    error: float


def in_double(f: VectorField) -> VectorField:
    """A float64 copy of a module; any other callable as it is. f itself is not changed."""
    return copy.deepcopy(f).double() if isinstance(f, nn.Module) else f


@torch.no_grad()
def reference_solution(
    f: VectorField, z0: Tensor, span: Span, x: Tensor | None = None, tolerance: float = 1e-11, most_steps: int = 4096
) -> ReferenceSolution:
    """The end state by extrapolation in float64, its steps halved until it changes by less than `tolerance`.

    The change is relative to the states' rms. NotConvergedError where `most_steps` do not suffice or the solution is
    not finite.
    """
    double = in_double(f)
    z, given = z0.double(), in_dtype(x, torch.float64)
    before, steps = _extrapolated(bind(double, given), z, span, 2), 4
    while steps <= most_steps:
        after = _extrapolated(bind(double, given), z, span, steps)
        error = largest_change(before, after)
        if error <= tolerance:
            return ReferenceSolution(after, error)
        before, steps = after, 2 * steps
    change = f"the reference still changes by {error:.1e} at {most_steps} steps"
    raise NotConvergedError(f"{change}; {tolerance:.0e} was asked for")


_SEQUENCE = (2, 4, 6, 8, 10)


def _extrapolated(f: VectorField, z: Tensor, span: Span, steps: int) -> Tensor:
    """Gragg's method extrapolated to order 10, in equal steps (Hairer, Nørsett & Wanner I, §II.9).

    It ends where numbers are no longer finite, soon where steps are far too long for a stiff problem.
    """
    eps = (span[1] - span[0]) / steps
    for k in range(steps):
        s = span[0] + k * eps
        slope = f(_time(s, z), z)
        row: list[Tensor] = []
        for i, n in enumerate(_SEQUENCE):
            value, previous = _modified_midpoint(f, s, z, slope, eps, n), row
            row = [value]
            for j in range(1, i + 1):
                ratio = (n / _SEQUENCE[i - j]) ** 2
                row.append(row[-1] + (row[-1] - previous[j - 1]) / (ratio - 1))
        z = row[-1]
        if not bool(z.isfinite().all()):
            break
    return z


def _modified_midpoint(f: VectorField, s: float, z: Tensor, slope: Tensor, eps: float, n: int) -> Tensor:
    h = eps / n
    before, current = z, z + h * slope
    for i in range(1, n):
        before, current = current, before + 2 * h * f(_time(s + i * h, z), current)
    return current


def _time(s: float, z: Tensor) -> Tensor:
    return torch.tensor(s, dtype=z.dtype, device=z.device)
