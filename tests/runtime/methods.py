"""Solvers as packages have them, written by hand and small enough to know what they give."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from hyperdsl.runtime.adaptive import Advanced, EmbeddedSteps, Estimated
from hyperdsl.runtime.adjoint import AdjointSteps
from hyperdsl.runtime.control import Control
from hyperdsl.runtime.each import EachSteps
from hyperdsl.runtime.fixed import FixedSteps
from hyperdsl.runtime.history import Followed, HistorySteps, Past
from hyperdsl.runtime.on_path import OnPath
from hyperdsl.runtime.path import Path
from hyperdsl.runtime.solver import Evaluated
from hyperdsl.runtime.state import VectorField, beside

CONTROL = Control(
    rtol=1e-3, atol=1e-6, gains=(0, 1, 0), power=2, safety=0.9, shortest=0.2, longest=10, first_step=None, max_steps=999
)


class Euler(FixedSteps):
    """Order 1."""

    order = 1
    evaluations_per_step = 1

    def method(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor) -> Evaluated:
        k1 = f(s, z)
        return z + eps * k1, (k1,)


class HyperEuler(Euler):
    """Euler + ε² g."""

    residual_power = 2


class Family(FixedSteps):
    """The two-stage methods of order 2."""

    order = 2
    evaluations_per_step = 2
    free: ClassVar[tuple[tuple[str, float, float, str], ...]] = (("alpha", 0.25, 1, "(]"),)

    def method(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor, alpha: Tensor) -> Evaluated:
        k1 = f(s, z)
        k2 = f(s + alpha * eps, z + alpha * eps * k1)
        return z + eps * ((1 - 1 / (2 * alpha)) * k1 + 1 / (2 * alpha) * k2), (k1, k2)


class Adams(HistorySteps):
    """Adams–Bashforth of order 2, begun with Heun's method; its history ends with the derivative one step back."""

    order = 2
    evaluations_per_step = 1
    past, states, derivatives, first_derivative = 1, 1, 1, 1
    begin_evaluations = 2

    def formula(self, f: VectorField, s: Tensor, history: Past, eps: Tensor) -> Followed:
        (z,), (f1,) = history
        f0 = f(s, z)
        return z + eps * (3 / 2 * f0 - 1 / 2 * f1), (f0,), (f0,)

    @staticmethod
    def starting(f: VectorField, s: Tensor, z: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        k1 = f(s, z)
        return z + h / 2 * (k1 + f(s + h, z + h * k1)), k1


class HyperAdams(Adams):
    """Adams + ε³ g."""

    residual_power = 3


class AdamsAtEnd(Adams):
    """The same formula with the newest derivative in its history."""

    derivatives, first_derivative = 2, 0

    def formula(self, f: VectorField, s: Tensor, history: Past, eps: Tensor) -> Followed:
        (z,), (f0, f1) = history
        new = z + eps * (3 / 2 * f0 - 1 / 2 * f1)
        return new, (f0,), (f(s + eps, new), f0)


class HeunEuler(EmbeddedSteps):
    """Heun's method with Euler's embedded."""

    order = 2
    evaluations_per_step = 2
    error = "embedded"
    control = CONTROL

    def advance(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor) -> Advanced:
        k1 = eps * dz
        k2 = eps * f(s + eps, z + k1)
        return z + (k1 + k2) / 2, (), (k1, k2)

    def estimate(
        self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor, end: Tensor, stages: tuple[Tensor, ...]
    ) -> Estimated:
        k1, k2 = stages
        return (k2 - k1) / 2, None, stages


class Ones(nn.Module):
    """g = 1, which keeps what it was given."""

    given: tuple[object, ...] = ()

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor) -> Tensor:
        """Like z."""
        self.given = (eps, s, x, z, *seen)
        return z.new_ones(z.shape)


class AdjointHeunEuler(AdjointSteps, HeunEuler):
    """The same, whose gradients may come from the adjoint problem."""


class OwnHeunEuler(EachSteps, HeunEuler):
    """The same with steps of its own for each sample."""

    def advance(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor) -> Advanced:
        h = beside(eps, z)
        k1 = h * dz
        k2 = h * f(s + eps, z + k1)
        return z + (k1 + k2) / 2, (), (k1, k2)


class OnVp(OnPath, Euler):
    """Euler on the path of a model that predicts noise."""

    path = Path.of("vp")


class OnVpHistory(OnPath, Adams):
    """Adams on it."""

    path = Path.of("vp")


class OnVpAdaptive(OnPath, AdjointHeunEuler):
    """Adaptive on it."""

    path = Path.of("vp")
