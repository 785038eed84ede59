"""Samplers of diffusion models to compare with, on the straight path z_t = (1 − t)·noise + t·data.

There α = t, σ = 1 − t and λ = log(t/(1 − t)); a velocity v at z predicts the data z + (1 − t) v. Both methods are
written in data prediction, begin and end with first order, as is usual for few steps, and read λ at t = 0 as that of
t = 1/1000, which is where a model's own times begin.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]
"""v(t, z)."""
LEAST = 1e-3


def equal(count: int) -> list[float]:
    """`count` equal steps of t from 0 to 1."""
    return [k / count for k in range(count + 1)]


def edm(count: int, least: float = 0.002, most: float = 80.0, rho: float = 7.0) -> list[float]:
    """`count` steps whose σ/α are those of Karras et al. (2022), Elucidating the Design Space, eq. 5, from 0 to 1."""
    if count == 1:
        return [0.0, 1.0]
    low, high = least ** (1 / rho), most ** (1 / rho)
    sigmas = [(high + k / count * (low - high)) ** rho for k in range(1, count)]
    return [0.0, *(1 / (1 + sigma) for sigma in sigmas), 1.0]


def heun(v: Field, z: Tensor, times: Sequence[float]) -> Tensor:
    """Heun's method on a grid of t."""
    for t, following in itertools.pairwise(times):
        eps = following - t
        first = v(torch.tensor(t), z)
        z = z + eps / 2 * (first + v(torch.tensor(following), z + eps * first))
    return z


def dpmpp_2m(v: Field, z: Tensor, times: Sequence[float]) -> Tensor:
    """DPM-Solver++(2M): Lu et al. (2022), DPM-Solver++, algorithm 2."""
    before: tuple[float, Tensor] | None = None
    for k, (t, following) in enumerate(itertools.pairwise(times)):
        data = _data(v, t, z)
        h, used = _log_ratio(following) - _log_ratio(t), data
        if before is not None and k < len(times) - 2:
            ratio = before[0] / h
            used = data + (data - before[1]) / (2 * ratio)
        before = h, data
        z = _first_order(z, used, t, following)
    return z


def unipc_2(v: Field, z: Tensor, times: Sequence[float]) -> Tensor:
    """UniPC of order 2 with B₂: Zhao et al. (2023), UniPC, algorithms 5 and 7, in data prediction.

    The corrector of a step uses the evaluation that the next step needs anyway, so the last step has none.
    """
    history: list[tuple[float, Tensor]] = []
    last: tuple[Tensor, float, int] | None = None  # where the step before began, and the order that it had
    for k, (t, following) in enumerate(itertools.pairwise(times)):
        data = _data(v, t, z)
        if last is not None:
            z = _corrected(last[0], data, history, last[1], t, last[2])
        history.append((t, data))
        order = 2 if 0 < k < len(times) - 2 else 1
        last = z, t, order
        z = _predicted(z, history, t, following, order)
    return z


def _predicted(z: Tensor, history: Sequence[tuple[float, Tensor]], t: float, following: float, order: int) -> Tensor:
    h = _log_ratio(following) - _log_ratio(t)
    moved = _first_order(z, history[-1][1], t, following)
    if order == 1:
        return moved
    before, data = history[-2]
    ratio = (_log_ratio(before) - _log_ratio(t)) / h
    return moved - following * math.expm1(-h) * 0.5 * (data - history[-1][1]) / ratio


def _corrected(
    z: Tensor, new: Tensor, history: Sequence[tuple[float, Tensor]], t: float, following: float, order: int
) -> Tensor:
    """The step from t to `following` again, now that the data predicted there are known."""
    h = _log_ratio(following) - _log_ratio(t)
    moved, change, own = _first_order(z, history[-1][1], t, following), math.expm1(-h), history[-1][1]
    if order == 1:
        return moved - following * change * 0.5 * (new - own)
    before, data = history[-2]
    ratio = (_log_ratio(before) - _log_ratio(t)) / h
    second = change / -h - 1
    third = second / -h - 0.5
    matrix = torch.tensor([[1.0, 1.0], [ratio, 1.0]], dtype=torch.float64)
    sides = torch.tensor([second / change, 2 * third / change], dtype=torch.float64)
    old_share, new_share = torch.linalg.solve(matrix, sides).tolist()
    bend: Tensor = old_share * (data - own) / ratio + new_share * (new - own)
    return moved - following * change * bend


def _data(v: Field, t: float, z: Tensor) -> Tensor:
    return z + (1 - t) * v(torch.tensor(t), z)


def _log_ratio(t: float) -> float:
    t = max(t, LEAST)
    return math.log(t / (1 - t)) if t < 1 else math.inf


def _first_order(z: Tensor, data: Tensor, t: float, following: float) -> Tensor:
    """The exact solution where the data predicted stay what they are."""
    kept = (1 - following) / (1 - t)
    return kept * z + (1 - kept) * data
