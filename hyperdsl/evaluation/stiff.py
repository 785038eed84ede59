"""Stiff problems that the literature measures on, with their starts and spans.

Robertson's reaction, van der Pol's oscillator, HIRES and the Oregonator are those of Hairer & Wanner II, §IV.10 (and of
the test set of Mazzia & Magherini), the Brusselator with diffusion is that of §IV.1. Their ends are known to many
digits: `tests/evaluation/test_stiff.py` has them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from hyperdsl.evaluation.problems import Problem, divided, uniform

Value: TypeAlias = Tensor | float
"""A parameter: a number, or one for each sample, [batch]."""

Ranges: TypeAlias = Mapping[str, tuple[float, float]]

CELLS = 500
"""Of the Brusselator with diffusion."""
DRAWN = 8
"""Samples of a problem whose parameters are drawn: each is solved alone by what it is compared with."""


@dataclass(frozen=True)
class Family:
    """A stiff problem for any values of its parameters: f(s, z, **parameters) from `start` on.

    jacobian: of the same arguments, [*batch, n, n] for a state of n numbers. parts: the explicit and the implicit part
    of f, of the same arguments, where it has them.
    """

    name: str
    f: Callable[..., Tensor]
    start: Tensor
    end: float
    parameters: Mapping[str, float]
    jacobian: Callable[..., Tensor]
    parts: tuple[Callable[..., Tensor], ...] = ()
    eps: tuple[float, float] | None = None
    tolerance: float = 1e-8

    def problem(self, ranges: Ranges | None = None) -> Problem:
        """With parameters in these ranges, drawn for each sample and given as x; a number is a range with equal ends.

        The others are as published. KeyError for a name that the problem has not.
        """
        drawn, fixed = divided({name: (value, value) for name, value in self.parameters.items()}, ranges or {})
        bound = partial(_bound, names=tuple(drawn), fixed=fixed)

        def sample(batch: int, generator: torch.Generator) -> Tensor | tuple[Tensor, Tensor]:
            z0 = self.start.expand(batch, *self.start.shape).clone()
            lower, upper = ([ends[i] for ends in drawn.values()] for i in (0, 1))
            return (z0, uniform(lower, upper, batch, generator)) if drawn else z0

        return Problem(
            f=bound(self.f),
            sample=sample,
            span=(0.0, self.end),
            state_shape=tuple(self.start.shape),
            input_shape=(len(drawn),) if drawn else None,
            eps=self.eps,
            name=self.name,
            samples=DRAWN if drawn else 1,
            tolerance=self.tolerance,
            jacobian=bound(self.jacobian),
            parts=tuple(bound(part) for part in self.parts),
            stiff=True,
        )


def _bound(f: Callable[..., Tensor], names: tuple[str, ...], fixed: Mapping[str, float]) -> Callable[..., Tensor]:
    """f(s, z), or f(s, x, z) with the parameters `names` in x [batch, len(names)]."""
    if not names:
        return lambda s, z: f(s, z, **fixed)
    return lambda s, x, z: f(s, z, **fixed, **dict(zip(names, x.unbind(-1), strict=True)))


def _rows(*rows: tuple[Value, ...], like: Tensor) -> Tensor:
    """A matrix for each sample, [*batch, n, n], of numbers and of tensors [*batch]."""
    zero = torch.zeros_like(like)
    return torch.stack([torch.stack([zero + entry for entry in row], -1) for row in rows], -2)


def _robertson(s: Tensor, z: Tensor, k1: Value, k2: Value, k3: Value) -> Tensor:
    a, b, c = z.unbind(-1)
    slow, fast, back = k1 * a, k2 * b * b, k3 * b * c
    return torch.stack((back - slow, slow - back - fast, fast), -1)


def _robertson_jacobian(s: Tensor, z: Tensor, k1: Value, k2: Value, k3: Value) -> Tensor:
    a, b, c = z.unbind(-1)
    fast = 2 * k2 * b
    return _rows((-k1, k3 * c, k3 * b), (k1, -fast - k3 * c, -k3 * b), (0.0, fast, 0.0), like=a)


def _van_der_pol(s: Tensor, z: Tensor, mu: Value) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y, mu * ((1 - x * x) * y - x)), -1)


def _van_der_pol_jacobian(s: Tensor, z: Tensor, mu: Value) -> Tensor:
    x, y = z.unbind(-1)
    return _rows((0.0, 1.0), (-mu * (2 * x * y + 1), mu * (1 - x * x)), like=x)


def _hires(s: Tensor, z: Tensor) -> Tensor:
    a, b, c, d, e, g, h, k = z.unbind(-1)
    bound = 280 * g * k
    return torch.stack(
        (
            -1.71 * a + 0.43 * b + 8.32 * c + 0.0007,
            1.71 * a - 8.75 * b,
            -10.03 * c + 0.43 * d + 0.035 * e,
            8.32 * b + 1.71 * c - 1.12 * d,
            -1.745 * e + 0.43 * g + 0.43 * h,
            -bound + 0.69 * d + 1.71 * e - 0.43 * g + 0.69 * h,
            bound - 1.81 * h,
            -bound + 1.81 * h,
        ),
        -1,
    )


def _hires_jacobian(s: Tensor, z: Tensor) -> Tensor:
    g, k = 280 * z[..., 5], 280 * z[..., 7]
    none = 0.0
    return _rows(
        (-1.71, 0.43, 8.32, none, none, none, none, none),
        (1.71, -8.75, none, none, none, none, none, none),
        (none, none, -10.03, 0.43, 0.035, none, none, none),
        (none, 8.32, 1.71, -1.12, none, none, none, none),
        (none, none, none, none, -1.745, 0.43, 0.43, none),
        (none, none, none, 0.69, 1.71, -k - 0.43, 0.69, -g),
        (none, none, none, none, none, k, -1.81, g),
        (none, none, none, none, none, -k, 1.81, -g),
        like=g,
    )


def _oregonator(s: Tensor, z: Tensor, rate: Value, q: Value, w: Value) -> Tensor:
    a, b, c = z.unbind(-1)
    return torch.stack((rate * (b + a * (1 - q * a - b)), (c - (1 + a) * b) / rate, w * (a - c)), -1)


def _oregonator_jacobian(s: Tensor, z: Tensor, rate: Value, q: Value, w: Value) -> Tensor:
    a, b, _ = z.unbind(-1)
    return _rows(
        (rate * (1 - 2 * q * a - b), rate * (1 - a), 0.0), (-b / rate, -(1 + a) / rate, 1 / rate), (w, 0.0, -w), like=a
    )


def _width(z: Tensor) -> float:
    """Between two of the cells in the last axis, in which the ends 0 and 1 are no cells."""
    return 1 / (z.shape[-1] + 1)


def _reaction(s: Tensor, z: Tensor, diffusion: Value) -> Tensor:
    u, v = z.unbind(-2)
    formed = u * u * v
    return torch.stack((1 + formed - 4 * u, 3 * u - formed), -2)


def _diffusion(s: Tensor, z: Tensor, diffusion: Value) -> Tensor:
    ends = z.new_tensor(((1.0,), (3.0,))).expand(*z.shape[:-1], 1)
    curvature = torch.cat((ends, z, ends), -1).diff(n=2, dim=-1) / _width(z) ** 2
    return (diffusion[..., None, None] if isinstance(diffusion, Tensor) else diffusion) * curvature


def _brusselator_1d(s: Tensor, z: Tensor, diffusion: Value) -> Tensor:
    return _reaction(s, z, diffusion) + _diffusion(s, z, diffusion)


def _brusselator_1d_jacobian(s: Tensor, z: Tensor, diffusion: Value) -> Tensor:
    u, v = z.unbind(-2)
    cells = z.shape[-1]
    second = torch.diag(z.new_full((cells,), -2.0)) + sum(torch.diag(z.new_ones(cells - 1), k) for k in (-1, 1))
    spread = (diffusion[..., None, None] if isinstance(diffusion, Tensor) else diffusion) * second / _width(z) ** 2
    product, square = 2 * u * v, u * u
    above = torch.cat((torch.diag_embed(product - 4) + spread, torch.diag_embed(square)), -1)
    return torch.cat((above, torch.cat((torch.diag_embed(3 - product), spread - torch.diag_embed(square)), -1)), -2)


def brusselator_1d(cells: int = CELLS) -> Family:
    """The Brusselator with diffusion on [0, 1], by the method of lines: the state is [2, cells], u above v.

    The explicit part is the reaction, the implicit one the diffusion. Hairer & Wanner II, §IV.1, with α = 1/50.
    """
    x = torch.arange(1, cells + 1, dtype=torch.float64) / (cells + 1)
    return Family(
        "brusselator_1d",
        _brusselator_1d,
        torch.stack((1 + torch.sin(2 * math.pi * x), torch.full_like(x, 3.0))),
        10.0,
        {"diffusion": 0.02},
        _brusselator_1d_jacobian,
        (_reaction, _diffusion),
    )


def _start(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


STIFF: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family(
            "robertson",
            _robertson,
            _start(1.0, 0.0, 0.0),
            1e11,
            {"k1": 0.04, "k2": 3e7, "k3": 1e4},
            _robertson_jacobian,
        ),
        Family("van_der_pol_stiff", _van_der_pol, _start(2.0, 0.0), 2.0, {"mu": 1e6}, _van_der_pol_jacobian),
        Family("hires", _hires, _start(1.0, 0, 0, 0, 0, 0, 0, 0.0057), 321.8122, {}, _hires_jacobian),
        Family(
            "oregonator_stiff",
            _oregonator,
            _start(1.0, 2.0, 3.0),
            360.0,
            {"rate": 77.27, "q": 8.375e-6, "w": 0.161},
            _oregonator_jacobian,
        ),
        brusselator_1d(),
    )
}
"""Robertson's reaction (1966), van der Pol's oscillator in the time of its slow motion (z'' = μ((1 − z²)z' − z): μ is
Hairer & Wanner's 1/ε, and √μ in the unscaled time), HIRES (Schäfer 1975), the Oregonator (Field & Noyes 1974) and the
Brusselator with diffusion."""
