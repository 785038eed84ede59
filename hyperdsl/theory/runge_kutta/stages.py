"""A tableau's stages over some kind of number, as the recursion for elementary weights needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Protocol, TypeVar

from flint import arb, arb_mat, fmpq, fmpq_mat, fmpq_poly

from hyperdsl.theory.numbers.algebraic import Algebraic, from_field, in_common_field
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.fields import Poly
from hyperdsl.theory.numbers.matrices import ExactMatrix, Vector, entrywise, vector
from hyperdsl.theory.runge_kutta.reach import price
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Leaf

V = TypeVar("V")
W_co = TypeVar("W_co", covariant=True)


class Stages(Protocol[V, W_co]):
    """A tableau's stages over some kind of number: V holds one number a stage, W_co is one number."""

    unit: V
    price: Callable[[int], int]
    """What the weight of a tree costs, by its order."""

    def leaf(self, leaf: Leaf) -> V:
        """What a leaf grafted on a stage contributes."""
        ...

    def on(self, stages: range) -> V:
        """1 at these stages, 0 at the others."""
        ...

    def applied(self, vectors: Sequence[V]) -> list[V]:
        """A·v for each v."""
        ...

    def times(self, x: V, y: V) -> V:
        """The entrywise product."""
        ...

    def weighed(self, vectors: Sequence[V], row: int) -> Sequence[W_co]:
        """b·v for each v, with the weights b of `row`."""
        ...


def exact_stages(tableau: Tableau) -> Stages[Any, Exact]:
    """The stages over exact numbers; NotExact where no field that holds them all is small enough."""
    needs_field = any(isinstance(value, Algebraic) for row in tableau.rows for value in row)
    return FieldStages(tableau) if needs_field else ExactStages(tableau)


class ExactStages:
    """A tableau's stages over sums of square roots, or over rational functions."""

    def __init__(self, tableau: Tableau) -> None:
        self.price = price(tableau, exact=True)
        self._functions = bool(tableau.parameters)
        self._size = tableau.stages
        columns = [vector(column) for column in zip(*tableau.a, strict=True)]
        self._transposed = ExactMatrix.of_vectors(columns, self._size, functions=self._functions)
        self._sums, self._nodes = vector(tableau.row_sums), vector(tableau.c)
        self._weights = [self._column(vector(row)) for row in tableau.weights]
        self.unit: Vector = {1: [fmpq(1)] * self._size}

    def leaf(self, leaf: Leaf) -> Vector:
        return self._sums if leaf is Leaf.STATE else self._nodes

    def on(self, stages: range) -> Vector:
        return {1: [fmpq(int(i in stages)) for i in range(self._size)]}

    def applied(self, vectors: Sequence[Vector]) -> list[Vector]:
        return (self._stacked(vectors) @ self._transposed).vectors()

    def times(self, x: Vector, y: Vector) -> Vector:
        return entrywise(x, y)

    def weighed(self, vectors: Sequence[Vector], row: int) -> list[Exact]:
        products = (self._stacked(vectors) @ self._weights[row]).vectors()
        return [Exact({d: entries[0] for d, entries in product.items()}) for product in products]

    def _stacked(self, vectors: Sequence[Vector]) -> ExactMatrix:
        return ExactMatrix.of_vectors(vectors, self._size, functions=self._functions)

    def _column(self, x: Vector) -> ExactMatrix:
        """The matrix whose only column is x."""
        entries: list[Vector] = [{d: [values[i]] for d, values in x.items()} for i in range(self._size)]
        return ExactMatrix.of_vectors(entries, 1, functions=self._functions)


class BallStages:
    """A tableau's stages over balls of the current precision; a plain leaf's ball holds both c_i and Σ_j a_ij."""

    def __init__(self, tableau: Tableau) -> None:
        self.price = price(tableau, exact=False)
        columns = [[value.ball() for value in column] for column in zip(*tableau.a, strict=True)]
        self._transposed = arb_mat(columns)
        self._sums = [value.ball() for value in tableau.row_sums]
        self._nodes = [value.ball() for value in tableau.c]
        self._both = [x.union(y) for x, y in zip(self._sums, self._nodes, strict=True)]
        self._weights = [arb_mat([[value.ball()] for value in row]) for row in tableau.weights]
        self.unit = [arb(1)] * tableau.stages

    def leaf(self, leaf: Leaf) -> list[arb]:
        return {Leaf.STATE: self._sums, Leaf.TIME: self._nodes, Leaf.PLAIN: self._both}[leaf]

    def on(self, stages: range) -> list[arb]:
        return [arb(int(i in stages)) for i in range(len(self.unit))]

    def applied(self, vectors: Sequence[list[arb]]) -> list[list[arb]]:
        product: list[list[arb]] = (arb_mat(vectors) * self._transposed).tolist()
        return product

    def times(self, x: list[arb], y: list[arb]) -> list[arb]:
        return [p * q for p, q in zip(x, y, strict=True)]

    def weighed(self, vectors: Sequence[list[arb]], row: int) -> list[arb]:
        values: list[arb] = (arb_mat(vectors) * self._weights[row]).entries()
        return values

    def carried(self, vectors: Sequence[list[arb]], row: int) -> list[arb]:
        """(bᵀA)·v for each v."""
        values: list[arb] = (arb_mat(vectors) * (self._transposed * self._weights[row])).entries()
        return values

    def paired(self, xs: Sequence[list[arb]], ys: Sequence[list[arb]], row: int) -> list[arb]:
        """Σ_i b_i x_i y_i for each x, and for each y to it."""
        weights = self._weights[row].entries()
        columns = arb_mat([[w * y for w, y in zip(weights, values, strict=True)] for values in ys]).transpose()
        values: list[arb] = (arb_mat(xs) * columns).entries()
        return values


class FieldStages:
    """A tableau's stages over a number field Q(θ) of degree n.

    A vector is the list of its polynomials in θ, of which a matrix holds the n coefficients of each; multiplication by
    a number is an n×n matrix over Q, so that A and b are rational matrices of n×n blocks.
    """

    def __init__(self, tableau: Tableau) -> None:
        self.price = price(tableau, exact=True)
        size = tableau.stages
        sums = tableau.row_sums
        entries = list(chain(*tableau.rows, sums))
        self._field, polys = in_common_field(entries)
        rows = [polys[i : i + size] for i in range(0, len(polys), size)]
        self._powers = [fmpq_poly([0] * k + [1]) for k in range(self._field.degree)]
        self._sums, self._nodes = rows[-1], rows[size]
        self._transposed = self._blocks([list(column) for column in zip(*rows[:size], strict=True)])
        self._weights = [self._blocks([[value] for value in row]) for row in rows[size + 1 : -1]]
        self.unit: list[Poly] = [fmpq_poly([1])] * size

    def leaf(self, leaf: Leaf) -> list[Poly]:
        return self._sums if leaf is Leaf.STATE else self._nodes

    def on(self, stages: range) -> list[Poly]:
        return [fmpq_poly([int(i in stages)]) for i in range(len(self.unit))]

    def applied(self, vectors: Sequence[list[Poly]]) -> list[list[Poly]]:
        return self._multiplied(vectors, self._transposed)

    def times(self, x: list[Poly], y: list[Poly]) -> list[Poly]:
        modulus = self._field.modulus
        return [p * q % modulus for p, q in zip(x, y, strict=True)]

    def weighed(self, vectors: Sequence[list[Poly]], row: int) -> list[Exact]:
        return [from_field(self._field, value) for (value,) in self._multiplied(vectors, self._weights[row])]

    def _multiplied(self, vectors: Sequence[list[Poly]], blocks: fmpq_mat) -> list[list[Poly]]:
        degree = self._field.degree
        if not vectors:
            return []
        flat = [q for x in vectors for value in x for q in self._field.coordinates(value)]
        rows = (fmpq_mat(len(vectors), len(self.unit) * degree, flat) * blocks).tolist()
        return [[fmpq_poly(row[i : i + degree]) for i in range(0, len(row), degree)] for row in rows]

    def _blocks(self, rows: Sequence[Sequence[Poly]]) -> fmpq_mat:
        """Row (i, k) holds the coefficients of the numbers of row i times θ^k."""
        return fmpq_mat(
            [
                [q for value in row for q in self._field.coordinates(self._field.times(value, power))]
                for row in rows
                for power in self._powers
            ]
        )
