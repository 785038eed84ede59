"""What sympy proves of a Rosenbrock method (Hairer & Wanner II, §IV.7), from its declaration.

Σ b_i η_i(t) = 1/γ(t) with η_i(t) = Σ_k β_ik η_k(t_1) at vertices with one child, and Π_j Σ_k α_ik η_k(t_j) at all
others. With any matrix for the Jacobian, a vertex with one child reads α, or γ, where the sum has to be zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add, mul, sub

import sympy

from hyperdsl.second import ranges
from hyperdsl.second.expressions import Expr, symbols
from hyperdsl.second.numbers import Element, Numbers
from hyperdsl.second.orders import Found
from hyperdsl.second.trees import STATE, TIME, Tree, coloured, density, trees
from hyperdsl.second.trees import size as size_of
from hyperdsl.second.written import THETA, Row, Written, row_of, settings_of
from hyperdsl.syntax import nodes as n

MOST = 9
"""No order beyond is looked for."""

Vector = list[Element]


@dataclass(frozen=True)
class Proof:
    """What holds of a method, whatever it claims: of each row of weights the order with time and without it, and of
    the first row the order with any matrix in place of the Jacobian."""

    rows_sum: bool
    timed: tuple[Found, ...]
    autonomous: tuple[Found, ...]
    w_order: int
    bounded: bool
    dense: bool = True
    """Whether dense output, if there is any, is as claimed."""

    def bears_out(self, written: Written) -> bool:
        """Whether everything that the method claims is proven."""
        found = self.autonomous if written.autonomous else self.timed
        claims = zip(written.claimed, found, strict=False)
        sums = written.autonomous or self.rows_sum
        return sums and self.bounded and self.dense and all(row.order >= claimed for claimed, row in claims)


def claims(declaration: n.Declaration, values: Mapping[str, Expr] | None = None) -> Written:
    """What a sound declaration claims, without coefficients."""
    return settings_of(declaration, _names(declaration, values))


def prove(declaration: n.Declaration, values: Mapping[str, Expr] | None = None) -> Proof:
    """Every claim of a method, and what else the conditions say; Undecided where sympy cannot."""
    names = _names(declaration, values)
    written = settings_of(declaration, names)
    read = _Reader(declaration, names, written)
    method = read.method()
    tolerance = None if written.tolerance is None else read.numbers.number(written.tolerance)
    conditions = _Conditions(read.numbers, method, tolerance)
    rows = range(len(method.weights))
    return Proof(
        rows_sum=conditions.sums_hold(),
        timed=tuple(conditions.order(row, time=True) for row in rows),
        autonomous=tuple(conditions.order(row, time=False) for row in rows),
        w_order=conditions.w_order(),
        bounded=ranges.bounded(read.numbers, method.entries(), written),
        dense=conditions.dense_holds(read.dense_order, read.dense_rows()),
    )


def _names(declaration: n.Declaration, values: Mapping[str, Expr] | None) -> dict[str, Expr]:
    names = tuple(argument.value.text for argument in declaration.parameters if isinstance(argument.value, n.Name))
    return {**symbols(names), **(values or {})}


@dataclass(frozen=True)
class _Method:
    alpha: list[Vector]
    gamma: list[Vector]
    c: Vector
    sums: Vector
    weights: list[Vector]

    def entries(self) -> list[Element]:
        return [x for row in (*self.alpha, *self.gamma, self.c, self.sums, *self.weights) for x in row]


class _Reader:
    """The tables of a declaration as rows of expressions, and the field that they lie in."""

    def __init__(self, declaration: n.Declaration, names: Mapping[str, Expr], written: Written) -> None:
        statements = declaration.body.statements
        tables = {_label(table): table for table in statements if isinstance(table, n.Tableau)}
        settings = {setting.word.text: setting for setting in statements if isinstance(setting, n.Setting)}
        self.transformed = "transformed" in tables
        table = tables["transformed" if self.transformed else "tableau"]
        lines = [line for line in table.lines if isinstance(line, n.Row)]
        self.size = size = len(lines)
        self.a = [row_of(line.entries, size, names) for line in lines]
        self.c = row_of([line.c for line in lines], size, names)
        self.weights = [row_of(line.entries, size, names) for line in table.lines if isinstance(line, n.Weights)]
        matrix = tables.get("c" if self.transformed else "gamma")
        bare = [line for line in matrix.lines if isinstance(line, n.Bare)] if matrix else []
        self.matrix = [row_of((), size, names)] * (size - len(bare))
        self.matrix += [row_of(line.entries, size, names) for line in bare]
        self.diagonal: Row = row_of(_plain(settings["gamma"]), 1, names) if self.transformed else ()
        sums = settings.get("gamma_sums")
        self.sums: Row | None = row_of(_plain(sums), size, names) if sums else None
        flat = [
            x for row in (*self.a, self.c, *self.weights, *self.matrix, self.diagonal, self.sums or ()) for x in row
        ]
        beside = () if written.tolerance is None else (written.tolerance,)
        self.dense: Row = ()
        self.dense_order = 0
        if "dense" in tables:
            (line,) = (line for line in tables["dense"].lines if isinstance(line, n.Weights))
            (self.dense_order,) = (int(q.text) for q in tables["dense"].values if isinstance(q, n.Number))
            self.dense = row_of(line.entries, size, {**names, "theta": THETA})
        self.numbers = Numbers((*flat, *written.nonzero, *beside, *self.dense), THETA)

    def method(self) -> _Method:
        """Untransformed: Γ = (I/γ − C)⁻¹, α = A Γ and b = m Γ."""
        one = self.numbers.element(sympy.Integer(1))
        a, matrix, weights = (self._elements(rows) for rows in (self.a, self.matrix, self.weights))
        if self.transformed:
            (gamma,) = self._row(self.diagonal)
            inverse = [[-x for x in row] for row in matrix]
            for i, row in enumerate(inverse):
                row[i] = one / gamma - matrix[i][i]
            matrix = _inverse(inverse, one)
            a, weights = _times(a, matrix), _times(weights, matrix)
        sums = [reduce(add, row) for row in matrix] if self.sums is None else self._row(self.sums)
        return _Method(a, matrix, self._row(self.c), sums, weights)

    def dense_rows(self) -> list[Vector]:
        """The weights of the k_i by powers of θ, the constant ones first; none without dense output."""
        if not self.dense:
            return []
        length = max(self.dense_order, *(self.numbers.degree(value) for value in self.dense)) + 1
        columns = [self.numbers.coefficients(value, length) for value in self.dense]
        rows = [list(row) for row in zip(*columns, strict=True)]
        return _times(rows, self.method().gamma) if self.transformed else rows

    def _elements(self, rows: Sequence[Row]) -> list[Vector]:
        return [self._row(row) for row in rows]

    def _row(self, row: Row) -> Vector:
        return [self.numbers.element(x) for x in row]


def _label(table: n.Tableau) -> str:
    return table.values[0].text if table.values and isinstance(table.values[0], n.Name) else table.word.text


def _plain(setting: n.Setting) -> list[n.Expression]:
    return [value for value in setting.values if not isinstance(value, n.Range | n.Comparison | n.String)]


def _inverse(lower: list[Vector], one: Element) -> list[Vector]:
    """Of a lower triangular matrix, column after column by forward substitution."""
    columns = []
    for j in range(len(lower)):
        column: Vector = []
        for i, row in enumerate(lower):
            right = one if i == j else one - one
            column.append((right - sum((row[k] * column[k] for k in range(i)), one - one)) / row[i])
        columns.append(column)
    return [list(row) for row in zip(*columns, strict=True)]


def _times(rows: list[Vector], matrix: list[Vector]) -> list[Vector]:
    columns = list(zip(*matrix, strict=True))
    return [[reduce(add, map(mul, row, column)) for column in columns] for row in rows]


class _Conditions:
    """The order conditions of a method."""

    def __init__(self, numbers: Numbers, method: _Method, tolerance: Element | None) -> None:
        self.numbers, self.method, self.tolerance = numbers, method, tolerance
        self.beta = [list(map(add, x, y)) for x, y in zip(method.alpha, method.gamma, strict=True)]
        self.both = list(map(add, method.c, method.sums))
        self.one = numbers.element(sympy.Integer(1))
        self._known: dict[Tree, Vector] = {}

    def sums_hold(self) -> bool:
        """Whether c = α·1 and γ_i = Σ_j γ_ij."""
        method = self.method
        stated, rows = (*method.c, *method.sums), (*method.alpha, *method.gamma)
        return all(self._is_zero(one - reduce(add, row)) for one, row in zip(stated, rows, strict=True))

    def order(self, row: int, *, time: bool) -> Found:
        """Of a row of weights."""
        for tree in self._trees():
            for variant in coloured(tree) if time else (tree,):
                total = reduce(add, map(mul, self.method.weights[row], self._products(variant)))
                if not self._is_zero(total - self.one / density(variant)):
                    return Found(size_of(tree) - 1, variant)
        return Found(self._bound, None)

    def w_order(self) -> int:
        """Of the first row, with any matrix in place of the Jacobian."""
        for tree in self._trees():
            for variant in coloured(tree):
                for vector, matrix in self._mixed(variant):
                    total = reduce(add, map(mul, self.method.weights[0], vector))
                    wanted = self.one - self.one if matrix else self.one / density(variant)
                    if not self._is_zero(total - wanted):
                        return size_of(tree) - 1
        return self._bound

    def dense_holds(self, order: int, rows: list[Vector]) -> bool:
        """b(0) = 0, b(1) = b, and Φ_θ(t) = θ^|t|/γ(t) for the trees up to an order; `rows` are by powers of θ."""
        if not rows:
            return True
        ends = [reduce(add, column) for column in zip(*rows, strict=True)]
        if any(rows[0]) or not all(map(self._is_zero, map(sub, ends, self.method.weights[0]))):
            return False
        for tree in (variant for size in range(1, order + 1) for one in trees(size) for variant in coloured(one)):
            vector = self._products(tree)
            for power, row in enumerate(rows):
                wanted = self.one / density(tree) if power == size_of(tree) else self.one - self.one
                if not self._is_zero(reduce(add, map(mul, row, vector)) - wanted):
                    return False
        return True

    @property
    def _bound(self) -> int:
        return min(MOST, len(self.method.c) + 1)

    def _trees(self) -> Iterator[Tree]:
        for order in range(1, self._bound + 1):
            yield from trees(order)

    def _products(self, tree: Tree) -> Vector:
        if tree not in self._known:
            matrix, nodes = (self.beta, self.both) if len(tree) == 1 else (self.method.alpha, self.method.c)
            parts = [nodes if child == TIME else _applied(matrix, self._products(child)) for child in tree]
            self._known[tree] = self._product(parts)
        return self._known[tree]

    def _mixed(self, tree: Tree) -> Iterator[tuple[Vector, bool]]:
        """The vectors with α or γ at each vertex with one child, and whether there is a γ."""
        if tree == STATE:
            yield [self.one] * len(self.method.c), False
            return
        ways = [(self.method.alpha, self.method.c, False)]
        if len(tree) == 1:
            ways.append((self.method.gamma, self.method.sums, True))
        for matrix, nodes, is_matrix in ways:
            choices = [
                [(nodes, False)] if child == TIME else [(_applied(matrix, v), found) for v, found in self._mixed(child)]
                for child in tree
            ]
            for chosen in product(*choices):
                yield self._product([v for v, _ in chosen]), is_matrix or any(found for _, found in chosen)

    def _product(self, parts: list[Vector]) -> Vector:
        return reduce(lambda x, y: list(map(mul, x, y)), parts, [self.one] * len(self.method.c))

    def _is_zero(self, difference: Element) -> bool:
        """Whether it is zero, or at most the tolerance; one that depends on a parameter has to be zero."""
        if not difference:
            return True
        if self.tolerance is None:
            return False
        value = self.numbers.constant(difference.numer, difference.denom) if self.numbers.parameters else difference
        return value is not None and all(self.numbers.sign(self.tolerance - side) >= 0 for side in (value, -value))


def _applied(matrix: list[Vector], vector: Vector) -> Vector:
    return [reduce(add, map(mul, row, vector)) for row in matrix]
