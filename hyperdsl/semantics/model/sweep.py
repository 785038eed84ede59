"""The checked model of a sweep: the variants of a hypersolver, and the numbers of steps at which they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperdsl.source import Place
from hyperdsl.theory.numbers.exact import Exact

SweptWord = Literal["width", "depth", "iterations", "batch", "lr"]


@dataclass(frozen=True)
class SweptBase:
    """An alternative for the base as a spec writes it, such as `second_order(alpha = 2/3)`, and its proven order."""

    text: str
    order: int


@dataclass(frozen=True)
class SweptNumber:
    """A number that varies: log-uniform from `lower` to `upper` (`depth` uniform), or one of `listed` where they are.

    All but the learning rate `lr` are integers.
    """

    word: SweptWord
    lower: Exact
    upper: Exact
    listed: tuple[Exact, ...] = ()

    @property
    def integer(self) -> bool:
        return self.word != "lr"


@dataclass(frozen=True)
class Sweep:
    """What `hyperdsl sweep` tries: `trials` variants of `solver`, each trained once and measured at every K of `steps`.

    `bases` has the solver's own base where the sweep names none.
    """

    name: str
    place: Place
    solver: str
    bases: tuple[SweptBase, ...]
    numbers: tuple[SweptNumber, ...]
    steps: tuple[int, ...]
    trials: int
    seed: int
