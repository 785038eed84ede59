"""A solve of a diffusion or flow-matching model that is handed one prediction at a time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Solve:
    """The evaluations of a solve from noise to data, on the straight path z = (1 − t)·noise + t·data.

    fractions: where each is, of the way in t from the first time to the last.
    increments: what the state gains after each, of the slopes so far, in units of that way.
    """

    fractions: tuple[float, ...]
    increments: tuple[tuple[float, ...], ...]


class Noise:
    """How much data and noise a model's state holds at its time τ: x = α·data + σ·noise, and t = α/(α + σ).

    bars: α² at the times 0, 1, 2, … where α² + σ² = 1, with log(α/σ) linear between two; None for flow matching, where
    σ = τ/count and α = 1 − σ.
    ValueError for α² that do not fall strictly between 1 and 0.
    """

    def __init__(self, bars: Sequence[float] | None, count: int) -> None:
        self.count, self.odds = count, torch.empty(0)
        if bars is None:
            self.times = float(count), 0.0
            return
        if len(bars) < 2 or list(bars) != sorted(set(bars), reverse=True) or not 0 < bars[-1] < bars[0] < 1:
            raise ValueError("the noise must grow with the time: alphas_cumprod falls strictly between 1 and 0")
        self.times = len(bars) - 1.0, 0.0
        self.odds = torch.tensor([(math.log(bar) - math.log1p(-bar)) / 2 for bar in bars], dtype=torch.float64)

    def levels(self, tau: Tensor) -> tuple[Tensor, Tensor]:
        """α and σ at times of any shape, like them; nothing waits for a device."""
        if not len(self.odds):
            return 1 - tau / self.count, tau / self.count
        odds = self.odds.to(tau.device, tau.dtype)
        before = tau.floor().long().clamp(0, len(odds) - 2)
        low = odds.take(before)
        between = low + (tau - before) * (odds.take(before + 1) - low)
        return torch.sqrt(torch.sigmoid(2 * between)), torch.sqrt(torch.sigmoid(-2 * between))

    def at(self, tau: float) -> tuple[float, float]:
        """The same of a number, in float64."""
        alpha, sigma = self.levels(torch.tensor(tau, dtype=torch.float64))
        return float(alpha), float(sigma)

    def straight(self, tau: float) -> float:
        """t of a time of the model."""
        alpha, sigma = self.at(tau)
        return alpha / (alpha + sigma)

    def time(self, t: float) -> float:
        """The model's time at t; beyond an end of the path, that of the end."""
        if not len(self.odds):
            return self.count * (1 - min(max(t, 0.0), 1.0))
        rising: list[float] = (-self.odds).tolist()
        wanted = math.log1p(-t) - math.log(t) if 0 < t < 1 else math.inf * (0.5 - t)
        if wanted <= rising[0]:
            return 0.0
        if wanted >= rising[-1]:
            return len(rising) - 1.0
        after = bisect_left(rising, wanted)
        return after - (rising[after] - wanted) / (rising[after] - rising[after - 1])


class Staged:
    """A solve under way: `follow` takes the model's prediction at x and `times[index]`, and gives the next x.

    times: the model's, one for each evaluation.
    predicts: "epsilon" (the noise), "sample" (the data), "v_prediction" (α·noise − σ·data, Salimans & Ho 2022,
    arXiv:2202.00512) or "flow_prediction" (noise − data). ValueError for another.
    """

    def __init__(self, solve: Solve, noise: Noise, predicts: str) -> None:
        if predicts not in PREDICTIONS:
            raise ValueError(f"prediction_type is one of {', '.join(PREDICTIONS)}, not {predicts!r}")
        self.solve, self.predicts = solve, predicts
        start, end = (noise.straight(tau) for tau in noise.times)
        self.way = end - start
        self.times = [noise.time(start + fraction * self.way) for fraction in solve.fractions]
        self.levels = [noise.at(tau) for tau in (*self.times, noise.times[1])]
        self.sigma = noise.at(noise.times[0])[1]
        self.index = 0
        self.slopes: list[Tensor | None] = []

    def follow(self, prediction: Tensor, x: Tensor) -> Tensor:
        """The state at the next evaluation, or at the end after the last, like x; half precision is added in float32.

        ValueError where the prediction is not of x's shape, and after the end.
        """
        if self.index == len(self.times):
            raise ValueError(f"all {self.index} evaluations have been made: set_timesteps begins anew")
        if prediction.shape != x.shape:
            raise ValueError(f"the model predicted {tuple(prediction.shape)} for a state of {tuple(x.shape)}")
        dtype = torch.promote_types(x.dtype, torch.float32)
        (alpha, sigma), after = self.levels[self.index], sum(self.levels[self.index + 1])
        wide = x.to(dtype)
        self.slopes.append(self._slope(prediction.to(dtype), wide, alpha, sigma))
        z = wide / (alpha + sigma)
        for factor, slope in zip(self.solve.increments[self.index], self.slopes, strict=True):
            if factor and slope is not None:
                z = torch.add(z, slope, alpha=self.way * factor)
        self.index += 1
        self._forget()
        return (after * z).to(x.dtype)

    def _slope(self, prediction: Tensor, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """dz/dt = data − noise."""
        if self.predicts == "epsilon":
            return (x - (alpha + sigma) * prediction) / alpha
        if self.predicts == "sample":
            return ((alpha + sigma) * prediction - x) / sigma
        if self.predicts == "v_prediction":
            return ((alpha - sigma) * x - (alpha + sigma) * prediction) / (alpha**2 + sigma**2)
        return -prediction

    def _forget(self) -> None:
        """Let go of slopes that no later state gains from."""
        for number in range(len(self.slopes)):
            if not any(row[number] for row in self.solve.increments[self.index :]):
                self.slopes[number] = None


PREDICTIONS = ("epsilon", "sample", "v_prediction", "flow_prediction")


def alphas_cumprod(
    schedule: str, start: float, end: float, count: int, betas: Sequence[float] | None = None
) -> list[float]:
    """α² at the training times, by β as diffusers names its schedules, in float32 as its schedulers compute it."""
    if betas is not None:
        found = torch.tensor(betas, dtype=torch.float32)
    elif schedule == "linear":
        found = torch.linspace(start, end, count, dtype=torch.float32)
    elif schedule == "scaled_linear":
        found = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float32) ** 2
    elif schedule == "squaredcos_cap_v2":
        angles = [(i / count + 0.008) / 1.008 * math.pi / 2 for i in range(count + 1)]
        bars = [math.cos(angle) ** 2 for angle in angles]
        found = torch.tensor([min(1 - after / before, 0.999) for before, after in pairwise(bars)], dtype=torch.float32)
    elif schedule == "sigmoid":
        found = torch.sigmoid(torch.linspace(-6, 6, count)) * (end - start) + start
    else:
        raise ValueError(f"there is no schedule {schedule!r}: linear, scaled_linear, squaredcos_cap_v2 or sigmoid")
    return torch.cumprod(1 - found, 0).tolist()
