"""Methods of the library as sympy's objects, for notebooks and papers.

    from hyperdsl import library

    library.method("rk4").tableau.a
    library.method("rk4").order_conditions(5)

They are read from the declarations by sympy alone, as the second prover does (`hyperdsl.second`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import sympy

from hyperdsl.second import declared, multistep
from hyperdsl.second.multistep import Formula
from hyperdsl.second.trees import STATE, TIME, Tree, coloured, density, trees
from hyperdsl.second.written import Written, read
from hyperdsl.semantics.reading.units import library_index, library_unit, meant

Expr = Any
"""A sympy expression; sympy has no types."""

MOST_ORDER = 10
"""Of conditions that are written out: there are 1205 up to that order."""


class Tableau(NamedTuple):
    """k_i = f(s + c_i ε, z + ε Σ_j a_ij k_j), z' = z + ε Σ_i b_i k_i, as immutable matrices.

    `c` is a column of s nodes, `a` is s × s, `b` the propagated row; `weights` has a row for each row of weights, `b`
    first and then the embedded ones.
    """

    c: Expr
    a: Expr
    b: Expr
    weights: Expr


@dataclass(frozen=True)
class RungeKutta:
    """A Runge–Kutta method, or a family of them with real symbols for its `parameters`."""

    name: str
    written: Written

    @property
    def parameters(self) -> tuple[Expr, ...]:
        """The family's symbols, in alphabetical order; () for a single method."""
        return tuple(sorted(self.written.bounds, key=str))

    @cached_property
    def tableau(self) -> Tableau:
        weights = sympy.ImmutableMatrix(self.written.weights)
        c, a = sympy.ImmutableMatrix(self.written.c), sympy.ImmutableMatrix(self.written.a)
        return Tableau(c, a, weights[0, :], weights)

    def order_conditions(self, order: int, row: int = 0) -> tuple[Expr, ...]:
        """Φ(t) = 1/γ(t) for every rooted tree of at most `order` nodes, smaller trees first, as equations of sympy.

        The left sides Σ b_i … are tidied up; `condition.doit()` compares. Those of decimals, which the library proves
        `within` a tolerance, miss by about that.
        Where c is not A·1 each leaf stands for either, so that there are more equations. `row` counts the rows of
        weights. ValueError for an order that is not 1 to `MOST_ORDER`, IndexError for a row that is not there.

        Butcher 2016, ch. 3; Hairer, Nørsett & Wanner I, §II.2.
        """
        _check_order(order)
        if not 0 <= row < self.tableau.weights.rows:
            raise IndexError(f"`{self.name}` has {self.tableau.weights.rows} rows of weights, counted from 0")
        b = self.written.weights[row]
        products = _Products(self.written)
        return tuple(
            _equation(
                _tidy(sum(x * y for x, y in zip(b, products(tree), strict=True))), sympy.Rational(1, density(tree))
            )
            for tree in _every_tree(order, time=not products.consistent)
        )


@dataclass(frozen=True)
class Multistep:
    """A linear multistep method Σ_j alpha_j z[n+j] = ε Σ_j beta_j f[n+j], j from the oldest step on, alpha_k = 1."""

    name: str
    formula: Formula

    @property
    def alpha(self) -> tuple[Expr, ...]:
        return tuple(map(self.formula.numbers.field.to_sympy, self.formula.alpha))

    @property
    def beta(self) -> tuple[Expr, ...]:
        return tuple(map(self.formula.numbers.field.to_sympy, self.formula.beta))

    @property
    def tableau(self) -> Tableau:
        """There is none: TypeError, which says what there is."""
        raise TypeError(f"`{self.name}` is a multistep method: it has no tableau but `alpha` and `beta`")

    def order_conditions(self, order: int) -> tuple[Expr, ...]:
        """C_q = Σ α_j j^q/q! − Σ β_j j^(q−1)/(q−1)! = 0 for q = 0, …, order (Hairer, Nørsett & Wanner I, §III.2).

        ValueError for an order that is not 1 to `MOST_ORDER`.
        """
        _check_order(order)
        field = self.formula.numbers.field
        return tuple(_equation(field.to_sympy(self.formula.defect(q)), sympy.Integer(0)) for q in range(order + 1))


def method(name: str) -> RungeKutta | Multistep:
    """A method of the library; KeyError where there is none of that name, with the nearest; TypeError for a pair."""
    file = library_index().get(("method", name))
    if file is None:
        advice = meant(name, [known for group, known in library_index() if group == "method"])
        raise KeyError(f"the library has no method {name!r}" + (f"; {advice}" if advice else ""))
    declaration, _ = declared.method(name, library_unit(file).source)
    if declaration.word.text == "multistep":
        return Multistep(name, multistep.read(declaration))
    if declaration.word.text != "method":
        raise TypeError(f"`{name}` is a predictor-corrector pair: ask for its formulas, such as `ab4` and `am3`")
    return RungeKutta(name, read(declaration))


def _check_order(order: int) -> None:
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= MOST_ORDER:
        raise ValueError(f"conditions are written out up to order {MOST_ORDER}, from 1 on; not {order!r}")


def _equation(left: Expr, right: Expr) -> Expr:
    return sympy.Eq(left, right, evaluate=False)


def _every_tree(order: int, *, time: bool) -> Iterator[Tree]:
    for nodes in range(1, order + 1):
        for tree in trees(nodes):
            yield from coloured(tree) if time else (tree,)


class _Products:
    """η_i(t) = Π_j Σ_k a_ik η_k(t_j) over the subtrees t_j of the root, one for each stage."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._sums = [_tidy(sum(row)) for row in written.a]
        self._known: dict[Tree, list[Expr]] = {STATE: [sympy.Integer(1)] * len(written.c)}
        self.consistent = all(_tidy(c - total) == 0 for c, total in zip(written.c, self._sums, strict=True))

    def __call__(self, tree: Tree) -> list[Expr]:
        if tree not in self._known:
            pairs = zip(self(tree[:-1]), self._below(tree[-1]), strict=True)
            self._known[tree] = [_tidy(x * y) for x, y in pairs]
        return self._known[tree]

    def _below(self, child: Tree) -> list[Expr]:
        if child in (TIME, STATE):
            return list(self._written.c) if child == TIME else self._sums
        inner = self(child)
        return [_tidy(sum(x * y for x, y in zip(row, inner, strict=True))) for row in self._written.a]


def _tidy(value: Expr) -> Expr:
    """Multiplied out, or a quotient of two polynomials in the parameters."""
    value = sympy.sympify(value)  # of sympy's own numbers and expressions alone: an empty sum is Python's 0
    if value.is_Rational:
        return value
    return sympy.cancel(value) if value.free_symbols else sympy.expand(sympy.radsimp(value))
