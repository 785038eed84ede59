"""How much errors count: in units between a g's own and its usual ones, by the target's size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.training.rows import Rows
from hyperdsl.training.weighing import SMALL, WIDE, Weighing

ROWS = 4096


class Given(nn.Module):
    """Gives an error of 1/100 of dz's size; its unit is that size."""

    def forward(self, eps: Tensor, s: Tensor, x: None, z: Tensor, dz: Tensor) -> Tensor:
        return z + 0.01 * self.unit(eps, s, x, z, dz)

    def unit(self, eps: Tensor, s: Tensor, x: None, z: Tensor, dz: Tensor) -> Tensor:
        return dz.square().mean(-1, keepdim=True).sqrt().expand_as(dz)


class Plain(nn.Module):
    """The same without a unit."""

    def forward(self, eps: Tensor, s: Tensor, x: None, z: Tensor, dz: Tensor) -> Tensor:
        return z + 0.01


def rows_of(target: Tensor, size: Tensor) -> Rows:
    """Rows where z is the target and dz of a size."""
    some = torch.ones(len(target), dtype=target.dtype)
    return Rows((some, some, None, target, size[:, None].expand_as(target)), target, ())


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_unit_is_between_that_of_g_and_the_usual_one() -> None:
    size = numbers(ROWS).exp()
    target = torch.ones(ROWS, 2, dtype=torch.float64) * size[:, None].sqrt()
    rows = rows_of(target, size)
    losses = Weighing(Given(), torch.ones(2, dtype=torch.float64), rows).losses(rows)
    # targets are all alike there, so that errors count as the square root of what they are relative to
    assert torch.allclose(losses / size.sqrt(), (losses / size.sqrt())[0].expand(ROWS))


def test_without_a_unit_errors_are_in_the_scale_of_each_feature() -> None:
    target = numbers(ROWS, 2) * torch.tensor([1.0, 1e6], dtype=torch.float64)
    rows, scale = rows_of(target, torch.ones(ROWS, dtype=torch.float64)), target.square().mean(0).sqrt()
    unit, weight = Weighing(Plain(), scale, rows).terms(rows)
    assert torch.allclose(unit, scale.expand(ROWS, 2))
    size = (target / scale).norm(dim=1) / 2**0.5
    expected = (size + SMALL * size.median()).rsqrt() * (1 + size / (WIDE * size.median())) ** -0.25 / 2**0.5
    assert torch.allclose(weight, expected)


@pytest.mark.parametrize(("far", "power"), [(1e-3, 0.0), (6.0, 0.443), (1e6, 0.75)])
def test_targets_that_are_rare_and_large_count_less(far: float, power: float) -> None:
    target = torch.ones(ROWS, 1, dtype=torch.float64)
    target[:2] = torch.tensor([[far], [1.01 * far]])
    rows = rows_of(target, torch.ones(ROWS, dtype=torch.float64))
    first, second = Weighing(Given(), torch.ones(1), rows).losses(rows)[:2].log().tolist()
    slope = (first - second) / torch.tensor(1.01).log().item()
    assert slope == pytest.approx(power, abs=0.01)


def test_no_error_counts_where_g_can_give_nothing() -> None:
    size = numbers(ROWS).exp()
    size[::2] = 0
    rows = rows_of(numbers(ROWS, 3, seed=1), size)
    losses = Weighing(Given(), torch.ones(3, dtype=torch.float64), rows).losses(rows)
    assert (losses[::2] == 0).all()
    assert (losses[1::2] > 0).all()
    nothing = rows_of(rows.target, torch.zeros_like(size))
    assert (Weighing(Given(), torch.ones(3, dtype=torch.float64), nothing).losses(nothing) == 0).all()
