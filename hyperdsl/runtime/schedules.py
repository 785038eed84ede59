"""Noise schedules of diffusion models by name: x = α·data + σ·noise at the model's time τ."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

Schedule = Callable[[Tensor], tuple[Tensor, Tensor]]
"""τ, float64 of any shape, to α and σ there, as functions of torch."""


class Known(NamedTuple):
    """A schedule that has a name: its function, and the model's times from noise to data."""

    schedule: Callable[..., tuple[Tensor, Tensor]]
    times: tuple[float, float]


def scheduled(name: str, parameters: dict[str, float]) -> tuple[Schedule, tuple[float, float]]:
    """The schedule of that name with these parameters, and its times; ValueError for a name or parameter unknown."""
    if name not in KNOWN:
        raise ValueError(f"there is no schedule {name!r}: there are {', '.join(KNOWN)}")
    schedule, times = KNOWN[name]
    names = schedule.__code__.co_varnames[1 : schedule.__code__.co_argcount]
    for parameter in parameters:
        if parameter not in names:
            raise ValueError(f"{name} has no parameter {parameter}: it has {', '.join(names) or 'none'}")
    return partial(schedule, **parameters), times


def _of_log(log_alpha: Tensor) -> tuple[Tensor, Tensor]:
    """α and σ of a schedule with α² + σ² = 1, σ without cancellation."""
    return torch.exp(log_alpha), torch.sqrt(-torch.expm1(2 * log_alpha))


def _vp(t: Tensor, beta_min: float = 0.1, beta_max: float = 20.0) -> tuple[Tensor, Tensor]:
    """β(t) linear from beta_min to beta_max (Song et al. 2021, arXiv:2011.13456, eq. 33)."""
    return _of_log(-0.25 * t**2 * (beta_max - beta_min) - 0.5 * t * beta_min)


def _cosine(t: Tensor, offset: float = 0.008) -> tuple[Tensor, Tensor]:
    """ᾱ = cos²(π/2·(t + offset)/(1 + offset)) over that of t = 0 (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17)."""
    angle, first = math.pi / 2 * (t + offset) / (1 + offset), math.pi / 2 * offset / (1 + offset)
    alpha = torch.cos(angle) / math.cos(first)
    # 1 − α² as a product of sines, which does not cancel near t = 0
    sigma = torch.sqrt(torch.sin(angle - first) * torch.sin(angle + first)) / math.cos(first)
    return alpha, sigma


def _ve(t: Tensor, sigma_min: float = 0.01, sigma_max: float = 50.0) -> tuple[Tensor, Tensor]:
    """α = 1, σ geometric from sigma_min to sigma_max (Song et al. 2021, arXiv:2011.13456, eq. 30)."""
    return torch.ones_like(t), sigma_min * torch.exp(t * math.log(sigma_max / sigma_min))


def _edm(t: Tensor) -> tuple[Tensor, Tensor]:
    """α = 1, σ = t: time is the noise level (Karras et al. 2022, arXiv:2206.00364, table 1)."""
    return torch.ones_like(t), t.clone()


KNOWN = {
    "vp": Known(_vp, (1.0, 1e-3)),
    "ve": Known(_ve, (1.0, 0.0)),
    "cosine": Known(_cosine, (0.9946, 1e-3)),
    "edm": Known(_edm, (80.0, 0.002)),
}
"""At its last moments `cosine` is all noise, where a prediction of noise says nothing of the data: 0.9946 is where
DPM-Solver begins too (Lu et al. 2022, arXiv:2206.00927, appendix D.4)."""


class Discrete:
    """The schedule of a table of ᾱ, as diffusers' schedulers hold `alphas_cumprod`: the model's time is the index.

    Between two indices log(α/σ) is interpolated linearly, with α² + σ² = 1.
    ValueError where ᾱ does not lie between 0 and 1 or does not fall strictly.
    """

    def __init__(self, alphas_cumprod: Tensor) -> None:
        bars = torch.as_tensor(alphas_cumprod, dtype=torch.float64, device="cpu")
        if bars.ndim != 1 or len(bars) < 2 or not bool(((bars > 0) & (bars < 1)).all()):
            raise ValueError("alphas_cumprod is a list of two or more numbers between 0 and 1")
        if not bool((bars.diff() < 0).all()):
            raise ValueError("alphas_cumprod must fall strictly: the noise grows with the index")
        self.odds = (torch.log(bars) - torch.log1p(-bars)) / 2

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """α and σ at the model's times."""
        odds = self.odds.to(t.device)
        before = t.detach().floor().long().clamp(0, len(odds) - 2)
        low = looked_up(odds, before)
        between = low + (t - before) * (looked_up(odds, before + 1) - low)
        return torch.sqrt(torch.sigmoid(2 * between)), torch.sqrt(torch.sigmoid(-2 * between))


def looked_up(table: Tensor, index: Tensor) -> Tensor:
    """The table's entries at an index of any shape; plain indexing by a 0-d tensor would wait for its number."""
    return table.index_select(0, index.reshape(-1)).reshape(index.shape)


def rates_of(schedule: Schedule, tau: Tensor) -> tuple[Tensor, Tensor]:
    """dα/dτ and dσ/dτ, like τ."""
    (alpha, sigma), pulled = torch.func.vjp(schedule, tau)
    return (
        pulled((torch.ones_like(alpha), torch.zeros_like(sigma)))[0],
        pulled((torch.zeros_like(alpha), torch.ones_like(sigma)))[0],
    )
