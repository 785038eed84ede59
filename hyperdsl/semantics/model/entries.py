"""Coefficients of tableaux as they are written."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.semantics.model.expressions import Expression


@dataclass(frozen=True)
class Entries:
    """A tableau's coefficients as expressions, shaped like `Tableau`: a is full, zeros are `Constant(0)`."""

    a: tuple[tuple[Expression, ...], ...]
    c: tuple[Expression, ...]
    weights: tuple[tuple[Expression, ...], ...]
