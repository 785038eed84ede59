"""What a fixed-step solver computes over a whole span, as a straight-line program: evaluations, and sums of vectors."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from .state import Scalar

Row = tuple[float, ...]
"""A vector as its coefficients of those that a solve is made of: z0, and what each evaluation gave, in their order."""


@dataclass(frozen=True)
class Evaluation:
    """A call of f(time, arguments[0]), or, where there is an `eps`, of g(eps, time, x, *arguments, **parameters)."""

    time: float
    arguments: tuple[Row, ...]
    eps: float | None = None
    parameters: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Program:
    """The evaluations that the end of a solve needs, in their order, and the state there."""

    evaluations: tuple[Evaluation, ...]
    end: Row


def program(
    solver: nn.Module, span: Sequence[Scalar], steps: int | None = None, free: Mapping[str, Scalar] | None = None
) -> Program:
    """The program of `solver(f, z0, span, steps, **free)`; `steps` is None for a solver with a grid of its own.

    Nothing of the solver is asked but what its calls do: it is called on vectors of coefficients, with each evaluation
    giving a unit vector, so that the rows are those of float64.
    ValueError for a solver whose evaluations depend on the state: with step-size control, or equations to solve.
    """
    name = type(solver).__name__
    if hasattr(solver, "control"):
        raise ValueError(f"{name} chooses its steps by the state, so that its evaluations are no fixed list")
    if hasattr(solver, "rule"):
        raise ValueError(f"{name} iterates its formula until it is solved, so that its evaluations are no fixed list")
    if getattr(solver, "linearises", False):
        raise ValueError(f"{name} takes derivatives of f, so that it is no list of evaluations")
    counted = _Recorded(None)
    counted.solve(solver, span, steps, free or {})
    recorded = _Recorded(len(counted.evaluations))
    end = recorded.solve(solver, span, steps, free or {})
    return _needed(recorded.evaluations, _row(end))


def _needed(evaluations: Sequence[Evaluation], end: Row) -> Program:
    """What the end needs: a history may end with an evaluation for a next step that there is not."""
    rows, kept = [end], []
    for number in reversed(range(len(evaluations))):
        if any(row[number + 1] for row in rows):
            rows += evaluations[number].arguments
            kept.append(number)
    kept.reverse()
    places = (0, *(number + 1 for number in kept))

    def within(row: Row) -> Row:
        return tuple(row[place] for place in places)

    found = (evaluations[number] for number in kept)
    return Program(tuple(replace(one, arguments=tuple(map(within, one.arguments))) for one in found), within(end))


class _Recorded:
    """A solve of coefficients, of so many evaluations; None where they are to be counted, by numbers in their place."""

    def __init__(self, count: int | None) -> None:
        self.count = count
        self.evaluations: list[Evaluation] = []

    def solve(self, solver: nn.Module, span: Sequence[Scalar], steps: int | None, free: Mapping[str, Scalar]) -> Tensor:
        """The end of the span."""
        probe = copy.copy(solver)
        if hasattr(solver, "corrector"):
            probe._modules = {**solver._modules, "corrector": _G(self)}
        with torch.no_grad():
            end: Tensor = probe(_F(self), self._unit(), span, *[steps] * (steps is not None), check=False, **free)
        return end

    def evaluated(self, evaluation: Evaluation) -> Tensor:
        """What stands for its result."""
        self.evaluations.append(evaluation)
        return self._unit()

    def _unit(self) -> Tensor:
        number = len(self.evaluations)
        if self.count is None:
            return torch.full((1,), number + 1.0, dtype=torch.float64)
        unit = torch.zeros(self.count + 1, dtype=torch.float64)
        unit[number] = 1
        return unit


class _F:
    """f as it is recorded; a field on a path where the solver asks for one."""

    on_straight_path = True

    def __init__(self, recorded: _Recorded) -> None:
        self.recorded = recorded

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        return self.recorded.evaluated(Evaluation(float(s), (_row(z),)))


class _G(nn.Module):
    """g as it is recorded, whatever it is."""

    def __init__(self, recorded: _Recorded) -> None:
        super().__init__()
        self.recorded = recorded

    def forward(self, eps: Tensor, s: Tensor, x: Any, z: Tensor, *seen: Tensor, **parameters: Tensor) -> Tensor:
        """What stands for g."""
        given = tuple((name, float(value)) for name, value in parameters.items())
        return self.recorded.evaluated(Evaluation(float(s), (_row(z), *map(_row, seen)), float(eps), given))


def _row(vector: Tensor) -> Row:
    return tuple(vector.tolist())
