"""Vectors and matrices of exact numbers, one rational matrix for each square root that occurs.

For numbers without parameters the parts are flint matrices, so a product costs a handful of native ones; a family's
parts are matrices of rational functions behind the same interface.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from flint import fmpq, fmpq_mat

from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.theory.numbers.functions import Scalar
from hyperdsl.theory.numbers.radicals import Terms, multiply

Vector = dict[int, list[Scalar]]
"""{squarefree d: the coefficients of √d, entry by entry}; a part that is absent is zero."""


def dot(x: Sequence[Exact], y: Sequence[Exact]) -> Exact:
    """Σ x_i y_i."""
    return sum((p * q for p, q in zip(x, y, strict=True) if not p.is_zero and not q.is_zero), ZERO)


def rational_solution(matrix: Sequence[Sequence[Fraction]], right: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
    """x with matrix·x = right; None where the square matrix is singular."""
    size = len(right)
    rows = fmpq_mat(size, size, [fmpq(q.numerator, q.denominator) for row in matrix for q in row])
    try:
        found = rows.solve(fmpq_mat(size, 1, [fmpq(q.numerator, q.denominator) for q in right]))
    except ZeroDivisionError:
        return None
    return tuple(Fraction(int(q.p), int(q.q)) for q in found.entries())


class FunctionMatrix:
    """A matrix of rational functions, with the operations of a flint matrix that `ExactMatrix` uses."""

    __slots__ = ("rows",)

    def __init__(self, rows: list[list[Scalar]]) -> None:
        self.rows = rows

    def __mul__(self, other: FunctionMatrix | int) -> FunctionMatrix:
        if isinstance(other, int):
            return FunctionMatrix([[q * other for q in row] for row in self.rows])
        columns = [list(column) for column in zip(*other.rows, strict=True)]
        return FunctionMatrix([[_inner(row, column) for column in columns] for row in self.rows])

    def __add__(self, other: FunctionMatrix) -> FunctionMatrix:
        pairs = zip(self.rows, other.rows, strict=True)
        return FunctionMatrix([[p + q for p, q in zip(left, right, strict=True)] for left, right in pairs])

    def tolist(self) -> list[list[Scalar]]:
        return self.rows


class ExactMatrix:
    """A matrix of exact numbers, as the sum over d of (a matrix without square roots)·√d."""

    __slots__ = ("parts", "shape")

    def __init__(self, parts: Terms, shape: tuple[int, int]) -> None:
        self.parts = parts
        self.shape = shape

    @staticmethod
    def of_vectors(rows: Sequence[Vector], width: int, *, functions: bool) -> ExactMatrix:
        """The matrix with these rows; `functions` where entries may depend on parameters."""
        zeros = [fmpq(0)] * width
        parts: Terms = {}
        for d in {d for row in rows for d in row}:
            entries = [row.get(d, zeros) for row in rows]
            if functions:
                parts[d] = FunctionMatrix(entries)
            else:
                parts[d] = fmpq_mat(len(rows), width, [q for row in entries for q in row])
        return ExactMatrix(parts, (len(rows), width))

    def __matmul__(self, other: ExactMatrix) -> ExactMatrix:
        return ExactMatrix(multiply(self.parts, other.parts), (self.shape[0], other.shape[1]))

    def vectors(self) -> list[Vector]:
        """The rows."""
        rows: list[Vector] = [{} for _ in range(self.shape[0])]
        for d, part in self.parts.items():
            for row, entries in zip(rows, part.tolist(), strict=True):
                if any(entries):
                    row[d] = entries
        return rows


def vector(values: Sequence[Exact]) -> Vector:
    """A vector of these numbers."""
    radicands = {d for value in values for d in value.terms}
    return {d: [value.terms.get(d, fmpq(0)) for value in values] for d in radicands}


def entrywise(x: Vector, y: Vector) -> Vector:
    """The Hadamard product."""
    if x.keys() == y.keys() == {1}:
        return {1: [p * q for p, q in zip(x[1], y[1], strict=True)]}
    if not x or not y:
        return {}
    entries = [multiply(p, q) for p, q in zip(_entries(x), _entries(y), strict=True)]
    return vector([Exact(parts) for parts in entries])


def _entries(x: Vector) -> Iterable[Terms]:
    radicands = list(x)
    for values in zip(*x.values(), strict=True):
        yield dict(zip(radicands, values, strict=True))


def _inner(x: Sequence[Scalar], y: Sequence[Scalar]) -> Scalar:
    total: Scalar = fmpq(0)
    for p, q in zip(x, y, strict=True):
        if p and q:
            total += p * q
    return total
