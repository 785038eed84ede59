"""Initial-value problems to train and measure solvers on: the contract, the built-in systems, those of a spec."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, isfinite, prod
from typing import TypeAlias

import torch
from torch import Tensor

from hyperdsl.evaluation.errors import ProblemError
from hyperdsl.evaluation.fields import field_of
from hyperdsl.semantics.model.problem import ProblemModel
from hyperdsl.training import given
from hyperdsl.training.given import drawn_states

VectorField: TypeAlias = Callable[..., Tensor]
"""f(s, z), or f(s, x, z) where the problem has an input x; z is [*batch, *state_shape]."""

Sampler: TypeAlias = Callable[[int, torch.Generator], "Tensor | tuple[Tensor, Tensor]"]
"""sample(batch, generator) gives z0 [batch, *state_shape], or (z0, x) where the problem has an input x."""

Box: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""The lower and the upper ends of the states' ranges, flat."""

_UNNAMED = "problem"
"""The name of problems that were not given one."""


@dataclass(frozen=True)
class Problem:
    """z' = f(s, z) over `span`, with initial states drawn by `sample`.

    `state_shape` and `input_shape` leave out the batch axis. `box` are the ranges of the states where they are
    known, `eps` the range of step sizes in which the problem is interesting, in units of s. `source` is what finds it
    on the command line, where it is not built in. Of a `generative` problem the states at the end are samples of a
    distribution, and how a single one came there says little. Errors are measured on so many `samples`, against a
    reference of that `tolerance`, relative to the states' size: less of both where f is large. A `stiff` one is beside
    the reach of explicit methods. `jacobian` takes what f does and gives ∂f/∂z, [*batch, n, n] for states of n numbers;
    `parts` are f's explicit and implicit part, whose sum is f.
    """

    f: VectorField
    sample: Sampler
    span: tuple[float, float]
    state_shape: tuple[int, ...]
    input_shape: tuple[int, ...] | None = None
    box: Box | None = None
    eps: tuple[float, float] | None = None
    name: str = _UNNAMED
    source: str = ""
    generative: bool = False
    samples: int = 256
    tolerance: float = 1e-9
    jacobian: VectorField | None = None
    parts: tuple[VectorField, ...] = ()
    stiff: bool = False

    @property
    def whole_name(self) -> str:
        """What tells the problem from others: `module:attribute`, `FILE.hyper:NAME(parameter=1)`, or its name.

        Of one without a name it is the module of f, with the attribute there that is the problem, or with f's own name.
        """
        return self.source or (self.name if self.name != _UNNAMED else self._place())

    def _place(self) -> str:
        module = getattr(self.f, "__module__", None) or type(self.f).__module__
        known = vars(sys.modules[module]) if module in sys.modules else {}
        own = getattr(self.f, "__qualname__", type(self.f).__qualname__)
        return f"{module}:{next((name for name, value in known.items() if value is self), own)}"

    def __post_init__(self) -> None:
        start, end = self.span
        if not (isfinite(start) and isfinite(end)) or start == end:
            raise ValueError(f"a problem's span needs two different finite ends, not {self.span}")
        if self.box is not None and any(len(ends) != prod(self.state_shape) for ends in self.box):
            raise ValueError(f"the box needs {prod(self.state_shape)} lower and upper ends, one per state")

    def draw(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """`sample` in one form: (z0, x), with x None where the problem has no input; ProblemError where it is none."""
        try:
            return drawn_states(self.sample, batch, generator, self.state_shape)
        except (TypeError, ValueError) as error:
            raise ProblemError(f"{self.whole_name}: {error}") from error


def on_path(problem: Problem, solver: object) -> Problem:
    """The problem as it is, or, where the solver has a path, the model f and its noise on the straight path."""
    f, sample, span = given.on_path(solver, problem.f, problem.sample, None)
    return problem if span is None else replace(problem, f=f, sample=sample, span=span, box=None)


def uniform(lower: Sequence[float], upper: Sequence[float], batch: int, generator: torch.Generator) -> Tensor:
    """Points [batch, len(lower)] uniform in a box, float64: simulators work in double precision."""
    low, high = (torch.tensor(ends, dtype=torch.float64) for ends in (lower, upper))
    return low + (high - low) * torch.rand(batch, len(low), dtype=torch.float64, generator=generator)


def _van_der_pol(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y, 1.5 * (1 - x * x) * y - x), -1)


def _lotka_volterra(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((1.5 * x - x * y, x * y - 3 * y), -1)


def _pendulum(s: Tensor, z: Tensor) -> Tensor:
    angle, speed = z.unbind(-1)
    return torch.stack((speed, -9.81 * torch.sin(angle) - 0.2 * speed), -1)


def _duffing(s: Tensor | float, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    force = torch.cos(s) if isinstance(s, Tensor) else cos(s)
    return torch.stack((y, x - x**3 - 0.2 * y + 0.3 * force), -1)


def _lorenz(s: Tensor, z: Tensor) -> Tensor:
    x, y, w = z.unbind(-1)
    return torch.stack((10 * (y - x), x * (28 - w) - y, x * y - 8 / 3 * w), -1)


def drawn_in_box(name: str, f: VectorField, box: Box, end: float, eps: tuple[float, float]) -> Problem:
    """A system from 0 to `end`, started uniformly in its box."""

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return uniform(*box, batch, generator)

    return Problem(f, sample, (0.0, end), (len(box[0]),), box=box, eps=eps, name=name)


CLASSICAL: Mapping[str, Problem] = {
    problem.name: problem
    for problem in (
        drawn_in_box("van_der_pol", _van_der_pol, ((-2.0, -3.0), (2.0, 3.0)), 8.0, (0.02, 0.4)),
        drawn_in_box("lotka_volterra", _lotka_volterra, ((1.0, 0.5), (5.0, 3.0)), 8.0, (0.02, 0.4)),
        drawn_in_box("pendulum", _pendulum, ((-2.0, -2.0), (2.0, 2.0)), 8.0, (0.02, 0.4)),
        drawn_in_box("duffing", _duffing, ((-1.5, -1.0), (1.5, 1.0)), 8.0, (0.02, 0.5)),
        drawn_in_box("lorenz", _lorenz, ((-10.0, -10.0, 10.0), (10.0, 10.0, 35.0)), 2.0, (0.004, 0.1)),
    )
}
"""Systems that every textbook has (Hairer, Nørsett & Wanner I, §I.16; Strogatz, Nonlinear Dynamics and Chaos)."""


def divided(
    declared: Mapping[str, tuple[float, float]], given: Mapping[str, tuple[float, float]]
) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Parameters that are drawn, with their ranges, and those that are fixed, where `given` replaces some ranges.

    A number is a range with equal ends. KeyError for a name that was not declared.
    """
    for name in given:
        if name not in declared:
            raise KeyError(name)
    ranges = {**declared, **given}
    drawn = {name: ends for name, ends in ranges.items() if ends[0] < ends[1]}
    return drawn, {name: ends[0] for name, ends in ranges.items() if name not in drawn}


def from_model(model: ProblemModel, parameters: Mapping[str, tuple[float, float]] | None = None) -> Problem:
    """A spec's `problem`: its equations as a torch vector field, its ranges as a sampler.

    `parameters` replaces ranges by name, a number being a range with equal ends; KeyError for a name that the
    problem has not. Parameters with a range are drawn for each sample and handed to f as the input x
    [batch, number of ranges].
    """
    declared = {p.name: (float(p.lower), float(p.upper)) for p in model.parameters}
    drawn, fixed = divided(declared, parameters or {})
    states = [state.name for state in model.states]
    box = tuple(float(q.lower) for q in model.states), tuple(float(q.upper) for q in model.states)
    lower, upper = ([ends[i] for ends in drawn.values()] for i in (0, 1))

    def sample(batch: int, generator: torch.Generator) -> Tensor | tuple[Tensor, Tensor]:
        z0 = uniform(*box, batch, generator)
        return (z0, uniform(lower, upper, batch, generator)) if drawn else z0

    return Problem(
        f=field_of([state.derivative for state in model.states], states, list(drawn), fixed),
        sample=sample,
        span=(float(model.span[0]), float(model.span[1])),
        state_shape=(len(states),),
        input_shape=(len(drawn),) if drawn else None,
        box=box,
        name=model.name,
    )
