"""Parameters of families of methods."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.theory.runge_kutta.families import Interval


@dataclass(frozen=True)
class Parameter:
    """A named parameter of a method family and the range for which the method is proven."""

    name: str
    interval: Interval
