"""The checked model of a problem: a differential equation with ranges for its initial values."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.semantics.model.expressions import Expression
from hyperdsl.source import Place
from hyperdsl.theory.numbers.exact import Exact


@dataclass(frozen=True)
class ProblemParameter:
    """A problem's parameter: a number, or a range that is drawn per sample (`lower < upper`)."""

    name: str
    lower: Exact
    upper: Exact


@dataclass(frozen=True)
class ProblemState:
    """One state variable: its equation's right-hand side and the range of its initial values."""

    name: str
    derivative: Expression
    lower: Exact
    upper: Exact


@dataclass(frozen=True)
class ProblemModel:
    """A differential equation in time `s` with ranges for its initial values."""

    name: str
    place: Place
    parameters: tuple[ProblemParameter, ...]
    states: tuple[ProblemState, ...]
    span: tuple[Exact, Exact]
