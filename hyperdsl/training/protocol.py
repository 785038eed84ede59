"""What training needs of a solver. Each package has runtime classes of its own, so nothing here asks for a class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol, Self, TypeGuard

from torch import Tensor

from hyperdsl.runtime.control import Control
from hyperdsl.runtime.state import VectorField


class Solver(Protocol):
    """A solver of single steps: `base` is a step of its base method and what g reads besides ε, s, x and z."""

    order: int

    def base(
        self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, **parameters: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The state one step later, and what g reads."""
        ...


class Past(Protocol):
    """The last states and derivatives, the newest first: a named tuple."""

    @property
    def states(self) -> tuple[Tensor, ...]:
        """The last of them one or more."""
        ...

    @property
    def derivatives(self) -> tuple[Tensor, ...]:
        """Those that the next step reads."""
        ...

    def _replace(self, *, states: tuple[Tensor, ...], derivatives: tuple[Tensor, ...]) -> Self: ...


class HistorySolver(Protocol):
    """A solver whose step follows a history."""

    order: int
    past: int

    def first(self, f: VectorField, s: Tensor, z: Tensor, *, x: Tensor | None = None) -> Past:
        """The history of z alone."""
        ...

    def begin(self, f: VectorField, s: Tensor, history: Any, eps: Tensor, *, x: Tensor | None = None) -> Past:
        """One step while the history is too short for the formula."""
        ...

    def known(
        self, f: VectorField, s: Tensor, states: Sequence[Tensor], eps: Tensor, *, x: Tensor | None = None
    ) -> Past:
        """The history of known states, the newest first."""
        ...

    def base(
        self, f: VectorField, s: Tensor, x: Tensor | None, history: Any, eps: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The state one step later, what g reads, and the next history's derivatives."""
        ...


class Tried(Protocol):
    """A step that was tried."""

    @property
    def error(self) -> Tensor:
        """Like z."""
        ...


class AdaptiveSolver(Solver, Protocol):
    """A solver that chooses its steps: `attempt` is one from z, where f(s, z) is dz."""

    error: str
    control: Control

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Tried:
        """The step with its error."""
        ...


class GradedSolver(Solver, Protocol):
    """A solver on a grid of its own, a fraction of the span each point."""

    @property
    def count(self) -> int:
        """How many steps there are."""
        ...

    def fractions(self) -> list[float]:
        """The points as numbers."""
        ...

    def places(
        self, z: Tensor, given: Any, times: Tensor, steps: int, handed: dict[str, Tensor]
    ) -> Iterator[Iterable[tuple[Any, Tensor]]]:
        """The times of the steps from each time to the next, and their sizes."""
        ...


AnySolver = Solver | HistorySolver


def learned_names(solver: object) -> tuple[str, ...]:
    """The learned parameters, none for a solver that has only a corrector to train."""
    names: tuple[str, ...] = getattr(solver, "learned", ())
    return names


def is_graded(solver: object) -> TypeGuard[GradedSolver]:
    """Whether the solver has a grid of its own."""
    return hasattr(solver, "fractions")


def learns_grid(solver: object) -> bool:
    """Whether training moves the points of the solver's grid."""
    return hasattr(solver, "increments")


def steps_on(solver: object, length: float) -> list[tuple[float, float]]:
    """Of a solver with a grid of its own: how long after the start of the span each step begins, and its size."""
    points = [length * point for point in solver.fractions()] if is_graded(solver) else []
    return [(before, after - before) for before, after in pairwise(points)]


def has_history(solver: AnySolver) -> TypeGuard[HistorySolver]:
    """Whether a step of the solver follows a history."""
    return hasattr(solver, "past")


def past_of(solver: object) -> int:
    """How many steps lie between the oldest and the newest state that a step of the solver follows."""
    past: int = getattr(solver, "past", 0)
    return past


def takes_parts(solver: object) -> bool:
    """Whether f is given to it in parts, explicit and implicit."""
    return bool(getattr(solver, "field_names", ()))
