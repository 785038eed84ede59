"""Butcher's simplifying assumptions (1964; Hairer, Nørsett & Wanner I, Theorem II.7.4), which prove orders that have
too many trees.

B(p): Σ b_i c_i^(k−1) = 1/k for k ≤ p. C(η): Σ_j a_ij c_j^(k−1) = c_i^k/k for k ≤ η.
D(ζ): Σ_i b_i c_i^(k−1) a_ij = b_j (1 − c_j^k)/k for k ≤ ζ.
B(p), C(η) and D(ζ) with p ≤ η + ζ + 1 and p ≤ 2η + 2 give the order p; where B(p + 1) fails, it is no higher.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice, takewhile
from operator import add, mul

from hyperdsl.second.numbers import Element
from hyperdsl.second.orders import Stages, Vector


def order(stages: Stages, b: Vector, bound: int) -> int | None:
    """The order of a row of weights, where c = A·1 holds and the assumptions decide it; otherwise None."""
    p = _length(_quadrature(stages, b), bound)
    eta = _length(_stage_conditions(stages), p)
    zeta = _length(_adjoint_conditions(stages, b), p)
    return p if stages.consistent and p <= min(eta + zeta + 1, 2 * eta + 2) else None


def _length(holding: Iterator[bool], most: int) -> int:
    """How many hold before one fails."""
    return sum(1 for _ in takewhile(bool, islice(holding, most)))


def _powers(stages: Stages) -> Iterator[tuple[int, Vector]]:
    """k and c^(k−1)·L^(k−1), for k = 1, 2, …"""
    power, k = [stages.one] * len(stages.c), 1
    while True:
        yield k, power
        power, k = list(map(mul, power, stages.c)), k + 1


def _dot(x: Sequence[Element], y: Sequence[Element]) -> Element:
    return reduce(add, map(mul, x, y))


def _quadrature(stages: Stages, b: Vector) -> Iterator[bool]:
    for k, power in _powers(stages):
        yield k * _dot(b, power) == stages.scale**k


def _stage_conditions(stages: Stages) -> Iterator[bool]:
    for k, power in _powers(stages):
        yield all(k * _dot(row, power) == x * y for row, x, y in zip(stages.a, power, stages.c, strict=True))


def _adjoint_conditions(stages: Stages, b: Vector) -> Iterator[bool]:
    for k, power in _powers(stages):
        weighted = list(map(mul, b, power))
        yield all(
            k * _dot(weighted, column) == b[j] * (stages.scale**k - power[j] * stages.c[j])
            for j, column in enumerate(zip(*stages.a, strict=True))
        )
