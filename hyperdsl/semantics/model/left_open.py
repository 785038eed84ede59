"""What a solver leaves open: parameters of its base, given in calls or trained, and the points of its steps."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.families import Interval


@dataclass(frozen=True)
class Free:
    """A parameter of the base that stays open: a keyword of every call, drawn uniformly in training."""

    name: str
    interval: Interval


@dataclass(frozen=True)
class Learned:
    """A parameter of the base that is trained, from `start` on, and stays in its interval."""

    name: str
    start: Exact
    interval: Interval


@dataclass(frozen=True)
class Grid:
    """The points of a solver's steps as fractions of the span, from 0 to 1; `learned` ones before training."""

    points: tuple[Exact, ...]
    learned: bool

    @property
    def steps(self) -> int:
        return len(self.points) - 1
