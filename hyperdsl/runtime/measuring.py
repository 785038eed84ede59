"""How a package's tests measure its solvers: fields of known solution, the order of a step, correctors to put in."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .state import beside


class Field:
    """f(s, z) = φ'(s) + (sin(2 u V + v(s)) − sin v(s)) W with u = z − φ(s): smooth, nonlinear, with time in every term.

    Its solution from φ(0) = 0 is φ, a sum of sines that is known to the last digit; each of the rows is a problem of
    its own, so that the error of all of them together has the method's order and not an accidental one. s is 0-d, or
    each row's own time.
    """

    def __init__(self, seed: int, shape: tuple[int, ...], rows: int = 32) -> None:
        generator = torch.Generator().manual_seed(seed)

        def normal(*size: int) -> Tensor:
            return torch.randn(*size, generator=generator, dtype=torch.float64)

        size = math.prod(shape)
        self.shape, self.evaluations = (rows, *shape), 0
        self.amplitude, self.phase = normal(3, rows, size), 6 * normal(3, rows, size)
        self.frequency = torch.tensor([0.5, 0.75, 1.0], dtype=torch.float64)[:, None, None]
        self.inner, self.outer = normal(rows, size, size) / size**0.5, normal(rows, size, size) / size**0.5
        self.offset = normal(rows, 1, size)

    def solution(self, s: Tensor) -> Tensor:
        """φ(s), accurate near s = 0 too."""
        half = self.frequency * s / 2
        return (2 * self.amplitude * torch.cos(half + self.phase) * torch.sin(half)).sum(0).view(self.shape)

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        """f(s, z), counted."""
        self.evaluations += 1
        s = s[:, None] if s.ndim else s
        slope = (self.amplitude * self.frequency * torch.cos(self.frequency * s + self.phase)).sum(0)
        u = (z - self.solution(s)).flatten(1)[:, None]
        offset = torch.sin(self.offset + s[..., None])
        force: Tensor = (torch.sin(2 * u @ self.inner + offset) - torch.sin(offset)) @ self.outer
        return (slope + force[:, 0]).view(self.shape)


class Layers(nn.Module):
    """f(s, z) = W2 σ(W1 z + b1) + b2, or f(s, x, z)."""

    def __init__(self, first: nn.Module, second: nn.Module, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.activation = first, second, activation

    def forward(self, s: Tensor, *inputs: Tensor) -> Tensor:
        """Like z, the last of the inputs."""
        slope: Tensor = self.second(self.activation(self.first(inputs[-1])))
        return slope


class External(nn.Module):
    """A corrector of the user's with a weight, zero at first."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor, **parameters: Tensor) -> Tensor:
        """g, like z."""
        return self.weight * torch.tanh(z + dz)


class Weighed(nn.Module):
    """A corrector that tells all that it reads apart: ε + s + z + 2 k1 + 3 k2 + …, for the slopes that it gets."""

    def forward(
        self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor, **parameters: Tensor
    ) -> Tensor:
        """g, like z."""
        g = z + beside(eps + s, z)
        for factor, slope in enumerate(seen, 2):
            g = g + factor * slope
        return g


def rational(s: Tensor, z: Tensor) -> Tensor:
    """f(s, z) of two operations each, so that others than torch compute the same; s is 0-d or each row's own."""
    return (1 + beside(s, z) * z) / (1 + z * z)


def slow(s: Tensor, z: Tensor) -> Tensor:
    """f(s, z) = 1 − z, which reaches 1/2 from 0 at ln 2."""
    return 1 - z


def stiff(rate: float) -> Callable[[Tensor, Tensor], Tensor]:
    """f(s, z) = −rate (z − cos s) − sin s, of which cos s is the solution from 1 (Prothero & Robinson 1974)."""
    return lambda s, z: -rate * (z - torch.cos(beside(s, z))) - torch.sin(beside(s, z))


def require_numbers(found: Tensor | tuple[Tensor, ...], *expected: float) -> None:
    """AssertionError where a tensor is not that number in every place, or several are not those."""
    values = (found,) if isinstance(found, Tensor) else found
    for value, number in zip(values, expected, strict=True):
        torch.testing.assert_close(value, torch.full_like(value, number), rtol=1e-13, atol=1e-13)


def with_input(f: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The field as f(s, x, z)."""
    return lambda s, x, z: f(s, z)


def parted(f: Callable[..., Tensor]) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The field f(s, z), or f(s, x, z), as a sum of two: a quarter of it with s/8 and −z/8, and the rest."""

    def explicit(*arguments: Tensor) -> Tensor:
        return f(*arguments) / 4 + (beside(arguments[0], arguments[-1]) - arguments[-1]) / 8

    def implicit(*arguments: Tensor) -> Tensor:
        return f(*arguments) * 0.75 - (beside(arguments[0], arguments[-1]) - arguments[-1]) / 8

    return explicit, implicit


def slope(order: int, error: Callable[[float], Tensor], defect: float = 0.0) -> float:
    """The power of ε in the local error E(ε), from the smallest steps at which round-off does not blur it, nor do
    coefficients of which the order holds to a tolerance alone, the `defect`: these leave an error of its size times ε.

    E(ε) ± E(−ε), with the sign of (−1)^(order + 1), is free of the next power; the one after that is fitted with it.
    """
    sign = 1 if order % 2 else -1
    steps: list[float] = []
    sizes: list[float] = []
    eps = max(1e-3, 1e-13 ** (1 / (order + 1)))
    while len(steps) < 5:
        assert eps < 10, "the step has no error"
        size = float((error(eps) + sign * error(-eps)).norm())
        if size > max(5e-13, 20 * defect) * eps:
            steps.append(eps)
            sizes.append(size)
        eps *= 2**0.25
    grid = torch.tensor(steps, dtype=torch.float64)
    matrix = torch.stack((torch.ones_like(grid), grid.log(), grid**2), 1)
    solution: Tensor = torch.linalg.lstsq(matrix, torch.tensor(sizes, dtype=torch.float64).log()[:, None]).solution
    return float(solution[1])
