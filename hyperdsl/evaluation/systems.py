"""Systems whose speed varies by orders of magnitude, chaotic and larger ones: harder on a solver than the classical."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hyperdsl.evaluation.problems import Problem, drawn_in_box

CELLS = 40
"""Of Lorenz's ring."""


def _brusselator(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((1 + x * x * y - 4 * x, 3 * x - x * x * y), -1)


def _fitzhugh_nagumo(s: Tensor, z: Tensor) -> Tensor:
    v, w = z.unbind(-1)
    return torch.stack((v - v**3 / 3 - w + 0.5, 0.08 * (v + 0.7 - 0.8 * w)), -1)


def _oregonator(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((10 * (x * (1 - x) - y * (x - 0.02) / (x + 0.02)), x - y), -1)


def _double_pendulum(s: Tensor, z: Tensor) -> Tensor:
    a, b, u, v = z.unbind(-1)
    sin, cos = torch.sin(a - b), torch.cos(a - b)
    first = -9.81 * (2 * torch.sin(a) - cos * torch.sin(b)) - sin * (v * v + cos * u * u)
    second = 2 * (9.81 * (cos * torch.sin(a) - torch.sin(b)) + sin * (u * u + cos * v * v / 2))
    return torch.stack((u, v, first / (2 - cos * cos), second / (2 - cos * cos)), -1)


def _lorenz96(s: Tensor, z: Tensor) -> Tensor:
    return (z.roll(-1, -1) - z.roll(2, -1)) * z.roll(1, -1) - z + 8


MULTISCALE: Mapping[str, Problem] = {
    problem.name: problem
    for problem in (
        drawn_in_box("brusselator", _brusselator, ((0.5, 1.0), (3.0, 4.0)), 5.0, (1 / 40, 1 / 4)),
        drawn_in_box("fitzhugh_nagumo", _fitzhugh_nagumo, ((-2.0, -1.0), (2.0, 1.0)), 10.0, (1 / 20, 1 / 2)),
        drawn_in_box("oregonator", _oregonator, ((0.05, 0.05), (1.0, 0.5)), 5.0, (1 / 200, 1 / 20)),
        drawn_in_box(
            "double_pendulum",
            _double_pendulum,
            ((-1.5, -1.5, -1.0, -1.0), (1.5, 1.5, 1.0, 1.0)),
            5.0,
            (1 / 100, 1 / 10),
        ),
        drawn_in_box("lorenz96", _lorenz96, ((-4.0,) * CELLS, (10.0,) * CELLS), 2.0, (1 / 100, 1 / 10)),
    )
}
"""The Brusselator (Prigogine & Lefever 1968), FitzHugh's and Nagumo's nerve (1961, 1962), the Oregonator reduced to two
variables (Tyson & Fife 1980, mild: ε = .1, q = .02), two pendulums of one length and mass, and Lorenz's ring (1996)."""
