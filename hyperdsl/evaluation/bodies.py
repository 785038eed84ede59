"""Bodies that attract one another: the outer solar system, and a cluster of argon atoms.

Masses, starts and units are those of Hairer, Lubich & Wanner, Geometric Numerical Integration, §I.2.4 and §I.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeAlias

import torch
from torch import Tensor

from hyperdsl.evaluation.problems import Problem

Law: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Squared distances [..., n, n] and masses [n] give, for each pair, the acceleration of the first over the difference
of their places, and the potential energy."""

STATES = 128
"""Of the trajectory about which samples are drawn."""

_ROOT = 2 ** (1 / 3)
_OUTER, _INNER = 1 / (2 - _ROOT), -_ROOT / (2 - _ROOT)
SYMPLECTIC = {
    "leapfrog": ((1.0,), (0.5, 0.5)),
    "Yoshida 4": ((_OUTER, _INNER, _OUTER), (_OUTER / 2, (_OUTER + _INNER) / 2, (_OUTER + _INNER) / 2, _OUTER / 2)),
}
"""Kicks and the drifts about them: Störmer and Verlet's method, and Yoshida's (Physics Letters A 150, 1990)."""


@dataclass(frozen=True)
class Bodies:
    """Bodies with a law of attraction; a state is all places and then all velocities, flat, 2·n·d numbers.

    start: (places, velocities), each [n, d]. end: of the trajectory about which samples are drawn. span: of the
    problem, in whose parts solvers are trained. spread: the standard deviation of samples about that trajectory,
    relative to rms places and velocities.
    """

    name: str
    masses: Sequence[float]
    start: tuple[Sequence[Sequence[float]], Sequence[Sequence[float]]]
    law: Law
    end: float
    span: float
    eps: tuple[float, float]
    spread: tuple[float, float]

    @cached_property
    def mass(self) -> Tensor:
        """[n]"""
        return torch.tensor(self.masses, dtype=torch.float64)

    @cached_property
    def first(self) -> Tensor:
        """The state at the start [2·n·d]."""
        return torch.tensor(self.start, dtype=torch.float64).flatten()

    def acceleration(self, s: Tensor, q: Tensor) -> Tensor:
        """Of places [*batch, n·d], like them."""
        places = self._places(q)
        apart = places.unsqueeze(-2) - places.unsqueeze(-3)
        pull, _ = self.law(apart.square().sum(-1), self.mass.to(q))
        total: Tensor = (pull.unsqueeze(-1) * apart).sum(-2).flatten(-2)
        return total

    def _places(self, q: Tensor) -> Tensor:
        """[*batch, n, d] of half a state."""
        return q.reshape(*q.shape[:-1], len(self.masses), -1)

    def velocity(self, s: Tensor, p: Tensor) -> Tensor:
        """The other half of the field."""
        return p

    def field(self, s: Tensor, z: Tensor) -> Tensor:
        """z' [*batch, 2·n·d]."""
        q, v = z.chunk(2, -1)
        return torch.cat((v, self.acceleration(s, q)), -1)

    def energy(self, z: Tensor) -> Tensor:
        """Of states [*batch, 2·n·d], [*batch]."""
        q, v = map(self._places, z.chunk(2, -1))
        apart = q.unsqueeze(-3) - q.unsqueeze(-2)
        _, potential = self.law(apart.square().sum(-1), self.mass.to(z))
        kinetic = 0.5 * (self.mass.to(z).unsqueeze(-1) * v.square()).sum((-1, -2))
        total: Tensor = kinetic + 0.5 * potential.sum((-1, -2))
        return total

    @cached_property
    def trajectory(self) -> Tensor:
        """States of the long trajectory by leapfrog, at equal times [STATES, 2·n·d]."""
        states, eps = [self.first], self.eps[1] / 4
        for _ in range(STATES - 1):
            states.append(self.composed("leapfrog", states[-1], eps, round(self.end / STATES / eps)))
        return torch.stack(states)

    def composed(self, name: str, z: Tensor, eps: float, steps: int) -> Tensor:
        """The end of so many steps from z [*batch, 2·n·d], by a composition of `SYMPLECTIC`.

        The last drift of a step and the first of the next are one.
        """
        kicks, drifts = SYMPLECTIC[name]
        q, v = z.chunk(2, -1)
        at = torch.zeros((), dtype=z.dtype)
        for k in range(steps):
            drift = drifts[0] if k == 0 else drifts[0] + drifts[-1]
            for kick, after in zip(kicks, drifts[1:], strict=True):
                q = q + drift * eps * v
                v = v + kick * eps * self.acceleration(at, q)
                drift = after
        return torch.cat((q + drifts[-1] * eps * v, v), -1)

    def sample(self, batch: int, generator: torch.Generator) -> Tensor:
        """States near those of the long trajectory."""
        chosen = self.trajectory[torch.randint(STATES, (batch,), generator=generator)]
        sizes = [half.square().mean().sqrt() for half in self.trajectory.chunk(2, -1)]
        width = torch.stack([size * share for size, share in zip(sizes, self.spread, strict=True)])
        noise = torch.randn(chosen.shape, dtype=torch.float64, generator=generator)
        return chosen + width.repeat_interleave(chosen.shape[-1] // 2) * noise

    def problem(self) -> Problem:
        """The bodies as a problem that can be trained on."""
        size = len(self.first)
        return Problem(self.field, self.sample, (0.0, self.span), (size,), eps=self.eps, name=self.name, samples=64)


def _gravity(constant: float, squares: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Newton's."""
    own = torch.eye(len(mass), dtype=torch.bool, device=squares.device)
    inverse = squares.masked_fill(own, 1.0).rsqrt().masked_fill(own, 0.0)
    return -constant * mass * inverse**3, -constant * mass.unsqueeze(-1) * mass * inverse


def _lennard_jones(depth: float, width: float, squares: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Of equal atoms; depth is over an atom's mass, so that masses are 1."""
    own = torch.eye(len(mass), dtype=torch.bool, device=squares.device)
    inverse = (width**2 / squares.masked_fill(own, 1.0)).masked_fill(own, 0.0)
    sixth = inverse**3
    return 24 * depth * (2 * sixth**2 - sixth) * inverse / width**2, 4 * depth * (sixth**2 - sixth)


SOLAR = Bodies(
    "outer_solar_system",
    (1.00000597682, 9.54786104043e-4, 2.85583733151e-4, 4.37273164546e-5, 5.17759138449e-5, 1 / 1.3e8),
    (
        (
            (0.0, 0.0, 0.0),
            (-3.5023653, -3.8169847, -1.5507963),
            (9.0755314, -3.0458353, -1.6483708),
            (8.3101420, -16.2901086, -7.2521278),
            (11.4707666, -25.7294829, -10.8169456),
            (-15.5387357, -25.2225594, -3.1902382),
        ),
        (
            (0.0, 0.0, 0.0),
            (0.00565429, -0.00412490, -0.00190589),
            (0.00168318, 0.00483525, 0.00192462),
            (0.00354178, 0.00137102, 0.00055029),
            (0.00288930, 0.00114527, 0.00039677),
            (0.00276725, -0.00170702, -0.00136504),
        ),
    ),
    partial(_gravity, 2.95912208286e-4),
    200_000.0,
    4_000.0,
    (25.0, 400.0),
    (2e-4, 5e-3),
)
"""The sun with the inner planets in it, Jupiter, Saturn, Uranus, Neptune and Pluto; AU, days, solar masses."""

ARGON = Bodies(
    "argon",
    (1.0,) * 7,
    (
        ((0.0, 0.0), (0.02, 0.39), (0.34, 0.17), (0.36, -0.21), (-0.02, -0.40), (-0.35, -0.16), (-0.31, 0.21)),
        ((-30.0, -20.0), (50.0, -90.0), (-70.0, -60.0), (90.0, 40.0), (80.0, 90.0), (-40.0, 100.0), (-80.0, -60.0)),
    ),
    partial(_lennard_jones, 119.8 * 1.380658e-23 / 66.34e-27, 0.341),
    0.02,
    8e-4,
    (5e-6, 8e-5),
    (5e-3, 0.1),
)
"""Seven atoms in a plane, one amid six, nearly at rest; nm, ns, an atom's mass."""

BODIES: Mapping[str, Bodies] = {bodies.name: bodies for bodies in (SOLAR, ARGON)}
