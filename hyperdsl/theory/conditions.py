"""Order conditions of any class of methods: what an elementary weight is, and what it has to be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.rooted import Rooted

SomeTree = TypeVar("SomeTree", bound=Rooted)


@dataclass(frozen=True)
class Condition(Generic[SomeTree]):
    """One order condition of one row of weights: Φ(tree) is `expected`, which is 1/γ(tree) but for dense output, and
    for trees in which a matrix acts that is not the exact solution's own."""

    tree: SomeTree
    row: int
    value: Exact
    expected: Fraction

    @property
    def difference(self) -> Exact:
        return self.value - self.expected


def vanishes(difference: Exact, tolerance: Exact | None) -> bool:
    """Whether a difference is zero, or at most the tolerance; one that depends on a parameter must be zero."""
    if difference.is_zero:
        return True
    return tolerance is not None and not difference.parameters and abs(difference) <= tolerance
