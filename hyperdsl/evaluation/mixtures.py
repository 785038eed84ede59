"""Flows from a normal distribution at s = 0 to a Gaussian mixture at s = 1, whose velocity is known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperdsl.evaluation.problems import Problem


@dataclass(frozen=True)
class Mixture:
    """f(s, z) = E[data − noise | (1 − s)·noise + s·data = z] for z [*batch, d], noise N(0, I) and data a mixture.

    Its components have these `means` [k, d], deviations [k] (the same in all directions) and `weights` [k]. Of a
    component z is normal with mean sμ and variance v = (1 − s)² + s²σ², so that E[data − noise | z] is
    μ + (sσ² − (1 − s))/v (z − sμ); these are averaged with the components' probabilities where z is (Lipman et al.
    2023, Flow Matching for Generative Modeling).
    """

    means: Tensor
    deviations: Tensor
    weights: Tensor

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        """The velocity at the time s, 0-d."""
        means, variances = self.means.to(z), self.deviations.to(z).square()
        s = s.to(z)
        from_mean = z.unsqueeze(-2) - s * means
        spread = (1 - s) ** 2 + s**2 * variances
        size = from_mean.square().sum(-1) / spread + z.shape[-1] * spread.log()
        share = torch.softmax(self.weights.to(z).log() - size / 2, -1)
        each = means + ((s * variances - (1 - s)) / spread).unsqueeze(-1) * from_mean
        velocity: Tensor = (share.unsqueeze(-1) * each).sum(-2)
        return velocity


def problem(name: str, mixture: Mixture) -> Problem:
    """The flow as a problem, its starts normal."""
    shape = tuple(mixture.means.shape[1:])

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, *shape, generator=generator)

    return Problem(mixture, sample, (0.0, 1.0), shape, name=name)


def ring(count: int = 8, radius: float = 2.0, deviation: float = 0.2) -> Mixture:
    """Equal components on a circle."""
    angle = torch.arange(count) * (2 * math.pi / count)
    means = radius * torch.stack((angle.cos(), angle.sin()), -1)
    return Mixture(means, torch.full((count,), deviation), torch.full((count,), 1 / count))


def uneven() -> Mixture:
    """Three components of different size and weight in the plane."""
    means = torch.tensor([[-1.5, -0.5], [1.0, 1.5], [1.5, -1.0]])
    return Mixture(means, torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0.5, 0.3, 0.2]))


def scattered(dimensions: int = 16, count: int = 10, deviation: float = 0.3) -> Mixture:
    """Components with normally distributed means, the same ones always."""
    means = torch.randn(count, dimensions, generator=torch.Generator().manual_seed(0))
    return Mixture(means, torch.full((count,), deviation), torch.full((count,), 1 / count))


MIXTURES = {"ring": ring, "uneven": uneven, "scattered": scattered}
