"""Distributions in the plane that flows are shown on, each with a standard deviation of about one.

The pinwheel is that of Johnson et al., Composing Graphical Models with Neural Networks, 2016; rings, checkerboard and
eight Gaussians are those of Grathwohl et al., FFJORD, 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Shape = Callable[[int, torch.Generator], Tensor]
"""(count, generator) to points [count, 2]."""

ARMS = 5
TWIST = 0.25  # turns by e^radius times this, in radians
SPREAD = (0.3, 0.1)  # standard deviations along and across an arm, before the twist
RINGS = (0.45, 0.95, 1.45, 1.95)
THICKNESS = 0.05
FIELDS = 4  # of a side of the checkerboard
RADIUS, WIDTH = 1.4, 0.15  # of the eight Gaussians' circle, and their standard deviation
CONSTANTS = (ARMS, TWIST, SPREAD, RINGS, THICKNESS, FIELDS, RADIUS, WIDTH)
"""What decides the shapes."""


def pinwheel(count: int, generator: torch.Generator) -> Tensor:
    """Points of a pinwheel of five arms."""
    along, across = torch.randn(2, count, generator=generator) * torch.tensor(SPREAD).unsqueeze(1)
    arm = torch.randint(ARMS, (count,), generator=generator)
    radius = 1 + along
    angle = 2 * math.pi / ARMS * arm + TWIST * radius.exp()
    cos, sin = angle.cos(), angle.sin()
    return math.sqrt(2) * torch.stack((radius * cos - across * sin, radius * sin + across * cos), -1)


def rings(count: int, generator: torch.Generator) -> Tensor:
    """Points of four rings around the origin, as many on each."""
    ring = torch.tensor(RINGS)[torch.randint(len(RINGS), (count,), generator=generator)]
    angle = 2 * math.pi * torch.rand(count, generator=generator)
    points = ring.unsqueeze(1) * torch.stack((angle.cos(), angle.sin()), -1)
    return points + THICKNESS * torch.randn(count, 2, generator=generator)


def checkerboard(count: int, generator: torch.Generator) -> Tensor:
    """Points uniform in the dark fields of a board of four by four."""
    row = torch.randint(FIELDS, (count,), generator=generator)
    column = 2 * torch.randint(FIELDS // 2, (count,), generator=generator) + row % 2
    place = torch.stack((column, row), -1) + torch.rand(count, 2, generator=generator)
    return 2 * math.sqrt(3) * (place / FIELDS - 0.5)


def eight_gaussians(count: int, generator: torch.Generator) -> Tensor:
    """Points of eight Gaussians on a circle."""
    angle = 2 * math.pi / 8 * torch.randint(8, (count,), generator=generator)
    points = RADIUS * torch.stack((angle.cos(), angle.sin()), -1)
    return points + WIDTH * torch.randn(count, 2, generator=generator)


SHAPES: Mapping[str, Shape] = {shape.__name__: shape for shape in (pinwheel, rings, checkerboard, eight_gaussians)}
