"""Flows to Gaussian mixtures: the field is the expected velocity."""

from __future__ import annotations

import pytest
import torch

from hyperdsl.evaluation.mixtures import MIXTURES, Mixture, problem


def test_one_component_is_carried_along_a_known_path() -> None:
    """z(s) = sμ + √v z0 with v = (1 − s)² + s²σ², from z0 at 0 to μ + σ z0 at 1."""
    mean, sigma = torch.tensor([[1.5, -0.5]], dtype=torch.float64), 0.3
    f = Mixture(mean, torch.tensor([sigma], dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    z0 = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for time in (0.0, 0.3, 0.9, 1.0):
        s = torch.tensor(time, dtype=torch.float64)
        spread = ((1 - s) ** 2 + s**2 * sigma**2).sqrt()
        slope = mean + (s * sigma**2 - (1 - s)) / spread * z0
        torch.testing.assert_close(f(s, s * mean + spread * z0), slope)


def test_several_components_are_averaged_where_they_may_be() -> None:
    """In one dimension the expectation over the data is an integral: noise is (z − s·data)/(1 − s)."""
    means, deviations = torch.tensor([[-1.0], [0.5], [2.0]]).double(), torch.tensor([0.3, 0.6, 0.2]).double()
    weights = torch.tensor([0.5, 0.2, 0.3]).double()
    f, s = Mixture(means, deviations, weights), torch.tensor(0.4, dtype=torch.float64)
    data = torch.linspace(-6, 6, 20001, dtype=torch.float64)
    density = (weights / deviations * (-(((data[:, None] - means.T) / deviations) ** 2) / 2).exp()).sum(-1)
    for z in (-1.2, 0.1, 0.9):
        noise = (z - s * data) / (1 - s)
        share = density * (-(noise**2) / 2).exp()
        expected = (share * (data - noise)).sum() / share.sum()
        assert f(s, torch.tensor([[z]], dtype=torch.float64)).item() == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("name", MIXTURES)
def test_each_is_a_problem(name: str) -> None:
    flow = problem(name, MIXTURES[name]())
    z0, x = flow.draw(5, torch.Generator().manual_seed(0))
    assert x is None
    assert flow.f(torch.tensor(1.0), z0).isfinite().all()
