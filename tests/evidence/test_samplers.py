"""The samplers that few evaluations are compared with, on data whose exact flow is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hyperdsl.evidence.samplers import dpmpp_2m, edm, equal, heun, unipc_2

MEAN, WIDTH = 1.5, 0.3


def velocity(t: Tensor, z: Tensor) -> Tensor:
    """E[data − noise | z] of data N(MEAN, WIDTH²) on the straight path."""
    variance = (1 - t) ** 2 + (t * WIDTH) ** 2
    return MEAN + (t * WIDTH**2 - (1 - t)) / variance * (z - t * MEAN)


def noise() -> Tensor:
    return torch.randn(64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def error(sampler: Callable[..., Tensor], times: list[float]) -> float:
    z0 = noise()
    return float((sampler(velocity, z0, times) - (MEAN + WIDTH * z0)).abs().max())


@pytest.mark.parametrize("sampler", [dpmpp_2m, unipc_2])
def test_one_evaluation_is_a_step_of_euler(sampler: Callable[..., Tensor]) -> None:
    z0 = noise()
    assert torch.allclose(sampler(velocity, z0, equal(1)), z0 + velocity(torch.tensor(0.0), z0))


@pytest.mark.parametrize("sampler", [dpmpp_2m, unipc_2])
def test_data_at_one_point_are_reached_in_one_step(sampler: Callable[..., Tensor]) -> None:
    """The data predicted are right from the start then, and nothing is left to approximate."""

    def towards(t: Tensor, z: Tensor) -> Tensor:
        return (MEAN - z) / (1 - t)

    for count in (1, 2, 5):
        assert torch.allclose(sampler(towards, noise(), equal(count)), torch.full((64,), MEAN, dtype=torch.float64))


@pytest.mark.parametrize("sampler", [dpmpp_2m, unipc_2])
def test_they_are_of_second_order_away_from_the_ends(sampler: Callable[..., Tensor]) -> None:
    def along(t: float) -> Tensor:
        return t * MEAN + math.hypot(1 - t, t * WIDTH) * noise()

    def error(count: int) -> float:
        times = [0.1 + 0.8 * k / count for k in range(count + 1)]
        return float((sampler(velocity, along(0.1), times) - along(0.9)).abs().max())

    assert error(80) < error(40) / 3.3
    assert error(160) < error(80) / 3.6


def test_the_corrector_of_unipc_uses_what_the_next_step_evaluates() -> None:
    calls = []

    def counted(t: Tensor, z: Tensor) -> Tensor:
        calls.append(float(t))
        return velocity(t, z)

    unipc_2(counted, noise(), equal(5))
    assert calls == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert error(unipc_2, equal(8)) < error(dpmpp_2m, equal(8))


def test_edm_grid_and_heun() -> None:
    times = edm(4)
    assert times[0] == 0
    assert times[-1] == 1
    low, high = 0.002 ** (1 / 7), 80 ** (1 / 7)
    assert times[2] == pytest.approx(1 / (1 + (high + (low - high) / 2) ** 7))
    assert edm(1) == [0, 1]
    assert error(heun, equal(40)) < error(heun, equal(20)) / 3.5
    assert math.isfinite(error(heun, edm(10)))
