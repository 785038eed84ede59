"""The flow in the plane: what it is trained on, that it learns, and that it is a problem like any other."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.evaluation.built_in import BUILT_IN, FLOWS
from hyperdsl.evaluation.flows import (
    RECIPES,
    FlowField,
    FlowRecipe,
    flow_field,
    flow_problem,
    matching_loss,
)
from hyperdsl.evaluation.metrics import energy_distance
from hyperdsl.evaluation.shapes import (
    RADIUS,
    RINGS,
    SHAPES,
    THICKNESS,
    WIDTH,
    checkerboard,
    eight_gaussians,
    pinwheel,
    rings,
)
from hyperdsl.evaluation.solvers import torchdiffeq_solve

SMALL = FlowRecipe(iterations=600, batch=256)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def turned(z: Tensor, angle: float) -> Tensor:
    cos, sin = math.cos(angle), math.sin(angle)
    return z @ torch.tensor([[cos, sin], [-sin, cos]])


def test_the_pinwheel_has_five_equal_arms() -> None:
    data = pinwheel(4000, generator())
    assert data.shape == (4000, 2)
    assert float((data.std(0) - 1).abs().max()) < 0.15
    assert torch.equal(data, pinwheel(4000, generator()))
    again = pinwheel(4000, generator(1))
    assert energy_distance(data, turned(again, 2 * math.pi / 5)) < 0.002  # a fifth of a turn changes nothing
    assert energy_distance(data, turned(again, math.pi / 5)) > 0.02  # half as much puts arms into the gaps
    assert energy_distance(data, again * torch.tensor([1.0, -1.0])) > 0.002  # the mirror's arms bend the other way


def test_matching_goes_along_straight_lines() -> None:
    """Of data at one point c, the field is known: f(s, z) = (c − z)/(1 − s)."""
    c = torch.tensor([3.0, -1.0])

    class Exact(nn.Module):
        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            return (c - z) / (1 - s)

    data = c.expand(64, 2)
    assert float(matching_loss(Exact(), data, generator())) < 1e-6
    assert float(matching_loss(FlowField().requires_grad_(False), data, generator())) > 1


def test_energy_distance_by_hand() -> None:
    first, second = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    across = (0 + 2 + 5 + 13**0.5) / 4
    assert energy_distance(first, second) == pytest.approx(2 * across - 5 - 2, rel=1e-6)


def test_the_flow_learns_is_cached_and_gives_a_problem(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    field = flow_field(0, SMALL, tmp_path, progress=False)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(list(tmp_path.iterdir())) == 1
    again = flow_field(0, SMALL, tmp_path, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(field.parameters(), again.parameters(), strict=True))
    assert not any(weight.requires_grad for weight in again.parameters())
    flow_field(1, FlowRecipe(iterations=1), tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 2

    problem = flow_problem(0, field)
    assert problem.name == "flow"
    assert "flow" in BUILT_IN
    z0, x = problem.draw(1000, generator(2))
    assert x is None
    samples = torchdiffeq_solve(problem.f, z0, problem.span)
    data = pinwheel(1000, generator(3))
    assert energy_distance(samples, data) < energy_distance(z0, data) / 2


def test_the_field_reads_scalar_times_and_a_time_for_each_state() -> None:
    field = FlowField()
    z = torch.randn(4, 2, generator=generator())
    at = field(torch.tensor(0.3), z)
    assert at.shape == z.shape
    assert torch.equal(at, field(torch.full((4, 1), 0.3), z))
    assert not torch.equal(at, field(torch.tensor(0.4), z))


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_of_size_one_around_zero(name: str) -> None:
    data = SHAPES[name](20_000, generator())
    assert data.shape == (20_000, 2)
    assert float(data.mean(0).abs().max()) < 0.05
    assert float((data.std(0) - 1).abs().max()) < 0.16
    assert torch.equal(data, SHAPES[name](20_000, generator()))


def test_rings_are_rings_and_a_board_is_a_board() -> None:
    radius = rings(10_000, generator()).norm(dim=1)
    nearest = (radius.unsqueeze(1) - torch.tensor(RINGS)).abs()
    assert float((nearest.min(1).values < 4 * THICKNESS).double().mean()) > 0.999
    assert torch.bincount(nearest.argmin(1)).min() > 2_300  # as many on each
    column, row = ((checkerboard(10_000, generator()) / (2 * math.sqrt(3)) + 0.5) * 4).floor().unbind(-1)
    assert bool(((column + row) % 2 == 0).all())
    assert len(torch.unique(4 * column + row)) == 8


def test_eight_gaussians_are_where_the_circle_is_parted() -> None:
    data = eight_gaussians(8_000, generator())
    centres = RADIUS * torch.tensor([[math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)] for k in range(8)])
    distance = torch.cdist(data, centres)
    assert float(distance.min(1).values.square().mean()) == pytest.approx(2 * WIDTH**2, rel=0.05)
    assert torch.bincount(distance.argmin(1)).min() > 900


def test_every_built_in_flow_has_a_recipe() -> None:
    assert set(FLOWS) == set(RECIPES)
    assert {recipe.shape for recipe in RECIPES.values()} == set(SHAPES)


def test_waves_are_read() -> None:
    """A field with waves is no function of z alone that a wave of its highest rate would leave unchanged."""
    torch.manual_seed(0)
    field, z = FlowField(8, 1, waves=2), torch.randn(5, 2)
    assert field.layers[0].in_features == 4 * 5
    s = torch.tensor(0.3)
    assert field(s, z).shape == (5, 2)
    assert not torch.equal(field(s, z), field(s + 0.1, z))
