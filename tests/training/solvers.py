"""Hypersolvers written by hand, with the parts that a generated training loop uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor, nn

VectorField = Callable[..., Tensor]
Evaluated = tuple[Tensor, tuple[Tensor, ...]]


class Small(nn.Module):
    mean: Tensor
    deviation: Tensor
    scale: Tensor

    def __init__(self, features: int, parameters: int, limit: float | None = None) -> None:
        super().__init__()
        inputs = 2 * features + 2 + parameters
        self.limit = self.bound = limit
        self.hidden, self.last = nn.Linear(inputs, 32), nn.Linear(32, features)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.register_buffer("scale", torch.ones(features))

    def features(self, eps: Tensor, s: Tensor, z: Tensor, dz: Tensor, *parameters: Tensor) -> Tensor:
        scalars = [value.expand(z.shape[:1])[:, None] for value in (eps.abs().log(), s, *parameters)]
        return torch.cat([z.flatten(1), dz.flatten(1), *scalars], 1)

    def normalise(
        self, target: Tensor, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor, **parameters: Tensor
    ) -> None:
        features = self.features(eps, s, z, dz, *parameters.values())
        deviation = features.std(0)
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))
        self.scale.copy_(target.flatten(1).square().mean(0).sqrt())

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor, **parameters: Tensor) -> Tensor:
        inputs = (self.features(eps, s, z, dz, *parameters.values()) - self.mean) / self.deviation
        output = self.scale * self.last(nn.functional.silu(self.hidden(inputs)))
        return (output if self.limit is None else self.limit * torch.tanh(output / self.limit)).reshape(z.shape)


def evaluated(f: VectorField, s: Tensor, x: Tensor | None, z: Tensor) -> Tensor:
    return f(s, z) if x is None else f(s, x, z)


class HyperEuler(nn.Module):
    order = 1

    def __init__(self, state_shape: Sequence[int], limit: float | None = None) -> None:
        super().__init__()
        self.corrector: nn.Module = Small(prod(state_shape), 0, limit)

    def base(self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor) -> Evaluated:
        k1 = evaluated(f, s, x, z)
        return z + eps * k1, (k1,)


class HyperHeun(HyperEuler):
    order = 2

    def base(self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor) -> Evaluated:
        k1 = evaluated(f, s, x, z)
        k2 = evaluated(f, s + eps, x, z + eps * k1)
        return z + eps * (0.5 * k1 + 0.5 * k2), (k1,)


class Bounded(HyperEuler):
    def __init__(self, state_shape: Sequence[int]) -> None:
        super().__init__(state_shape, limit=2.0)


class Phased(HyperEuler):
    """Trained in phases."""


class Attacked(HyperEuler):
    """Trained at worst cases."""


class Rolled(HyperEuler):
    """Trained by rollouts."""


class Fixed(HyperEuler):
    """Trained for one number of steps."""


class Ended(HyperEuler):
    """Trained at the end of the span."""


class Mine(HyperEuler):
    def __init__(self, corrector: nn.Module) -> None:
        nn.Module.__init__(self)
        self.corrector = corrector


class Learned(nn.Module):
    order = 2
    learned = ("alpha",)

    def __init__(self, state_shape: Sequence[int]) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.tensor([0.5], dtype=torch.float64))

    def base(self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, alpha: Tensor) -> Evaluated:
        k1 = evaluated(f, s, x, z)
        k2 = evaluated(f, s + alpha * eps, x, z + eps * alpha * k1)
        return z + eps * ((1 - 1 / (2 * alpha)) * k1 + 1 / (2 * alpha) * k2), (k1,)


class HyperLearned(Learned):
    def __init__(self, state_shape: Sequence[int]) -> None:
        super().__init__(state_shape)
        self.corrector: nn.Module = Small(prod(state_shape), 1)


class HyperAlpha(nn.Module):
    order = 2
    free = (("alpha", 0.3, 1.0, "[]"),)

    def __init__(self, state_shape: Sequence[int]) -> None:
        super().__init__()
        self.corrector: nn.Module = Small(prod(state_shape), 1)

    def base(self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, alpha: Tensor) -> Evaluated:
        k1 = evaluated(f, s, x, z)
        k2 = evaluated(f, s + alpha * eps, x, z + eps * alpha * k1)
        return z + eps * ((1 - 1 / (2 * alpha)) * k1 + 1 / (2 * alpha) * k2), (k1,)
