"""What a package's tests of a diffusion model's path need: a model that is exact, and fields on the path."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .schedules import rates_of


class Known:
    """A model that knows the one data point there is, and predicts it, or the noise, v or the velocity, exactly."""

    def __init__(self, schedule: Callable[[Tensor], tuple[Tensor, Tensor]], predicts: str, data: float) -> None:
        self.schedule, self.predicts, self.data = schedule, predicts, data

    def __call__(self, tau: Tensor, *arguments: Tensor) -> Tensor:
        """The prediction at x, the last of the arguments."""
        alpha, sigma = self.schedule(tau)
        data = torch.full_like(arguments[-1], self.data)
        noise = (arguments[-1] - alpha * data) / sigma
        if self.predicts == "velocity":
            alpha_rate, sigma_rate = rates_of(self.schedule, tau)
            velocity: Tensor = alpha_rate * data + sigma_rate * noise
            return velocity
        return {"noise": noise, "data": data, "v": alpha * noise - sigma * data}[self.predicts]


class Straight(nn.Module):
    """f as a field on a straight path, which solvers on a path ask for."""

    on_straight_path = True

    def __init__(self, f: Callable[..., Tensor]) -> None:
        super().__init__()
        self.f = f

    def forward(self, *arguments: Tensor) -> Tensor:
        """f of these."""
        slope: Tensor = self.f(*arguments)
        return slope
