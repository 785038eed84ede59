"""Orders of Rosenbrock and W-methods, against an oracle of its own in 60 digits over all trees."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

import mpmath
import pytest

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.rosenbrock import order as orders
from hyperdsl.theory.rosenbrock.tableau import (
    RosenbrockTableau,
    Transformed,
    inverted,
    product,
    sums,
    transformed,
    untransformed,
)
from hyperdsl.theory.rosenbrock.trees import ANY_MATRIX, EXACT_JACOBIAN, trees
from hyperdsl.theory.runge_kutta.trees import COLOURED, PLAIN
from hyperdsl.theory.stability.a_stability import linear_stability

ROOT3 = Exact.sqrt(Exact.of(3))


def number(value: int | str | Exact) -> Exact:
    return value if isinstance(value, Exact) else Exact.of(Fraction(value))


def row(*values: int | str | Exact, width: int = 0) -> tuple[Exact, ...]:
    found = tuple(map(number, values))
    return found + (number(0),) * (width - len(found))


def method(alpha: list[Any], gamma: list[Any], *weights: Any) -> RosenbrockTableau:
    size = len(alpha)
    a = tuple(row(*line, width=size) for line in alpha)
    g = tuple(row(*line, width=size) for line in gamma)
    return RosenbrockTableau(a, g, sums(a), sums(g), tuple(row(*line) for line in weights))


GAMMA = number("1/2") + ROOT3 / 6
ROS3P = method(
    [[], [1], [1, 0]],
    [[GAMMA], [-1, GAMMA], [-GAMMA, number("1/2") - GAMMA * 2, GAMMA]],
    ["2/3", 0, "1/3"],
    ["1/3", "1/3", "1/3"],
)
RODAS3 = method(
    [[], [0], [1, 0], ["3/4", "-1/4", "1/2"]],
    [["1/2"], [1, "1/2"], ["-1/4", "-1/4", "1/2"], ["1/12", "1/12", "-2/3", "1/2"]],
    ["5/6", "-1/6", "-1/6", "1/2"],
    ["3/4", "-1/4", "1/2", 0],
)
LASSP = method(
    [[], ["1/2"], ["1/2", "1/2"], ["1/6", "1/6", "1/6"]],
    [["1/2"], [0, "1/4"], [-2, "-2/3", "2/3"], ["1/2", "5/36", "-2/9", 0]],
    ["1/6", "1/6", "1/6", "1/2"],
    ["1/8", "3/4", "1/8", 0],
)
SHAMPINE4: tuple[Any, Any, Any] = (
    [[], [2], ["1.92", "0.24"], ["1.92", "0.24", 0]],
    [[], [-8], ["14.88", "2.4"], ["-0.896", "-0.432", "-0.4"]],
    [["19/9", "1/2", "25/108", "125/108"], ["97/54", "11/36", "25/108", 0]],
)


def shampine4() -> RosenbrockTableau:
    a, c, weights = (tuple(row(*line, width=4) for line in part) for part in SHAMPINE4)
    alpha, gamma, b = untransformed(Transformed(a, c, weights), (number("1/2"),) * 4)
    return RosenbrockTableau(alpha, gamma, sums(alpha), sums(gamma), b)


@pytest.mark.parametrize(
    ("tableau", "found", "with_any"),
    [(ROS3P, (3, 2), 1), (RODAS3, (3, 2), 1), (LASSP, (3, 2), 3), (shampine4(), (4, 3), 1)],
)
def test_published_orders(tableau: RosenbrockTableau, found: tuple[int, int], with_any: int) -> None:
    assert tuple(orders.prove_order(tableau, row).order for row in (0, 1)) == found
    assert orders.w_order(tableau) == with_any


def test_published_coefficients_come_from_transformed_ones() -> None:
    """Hairer & Wanner II, table IV.7.2: α_21 = 1, b_3 = 25/108·γ…, γ_i = 0.5, −1.5, 2.42, 0.116."""
    tableau = shampine4()
    assert tableau.gamma_sums == row("1/2", "-3/2", "121/50", "29/250")
    assert tableau.c == row(0, 1, "3/5", "3/5")
    again = transformed(tableau)
    assert again.a == tuple(row(*line, width=4) for line in SHAMPINE4[0])
    assert again.c == tuple(row(*line, width=4) for line in SHAMPINE4[1])
    assert product(inverted(tableau.gamma), tableau.gamma) == tuple(
        tuple(number(int(i == j)) for j in range(4)) for i in range(4)
    )


def test_stability() -> None:
    ros3p = linear_stability(ROS3P.linear, 3)
    rodas3 = linear_stability(RODAS3.linear, 3)
    assert ros3p is not None
    assert rodas3 is not None
    assert ros3p.a_stable
    assert not ros3p.l_stable
    assert abs(ros3p.at_infinity - 0.7320508075688773) < 1e-15
    assert rodas3.l_stable
    assert RODAS3.is_stiffly_accurate()
    assert not ROS3P.is_stiffly_accurate()


def test_a_failing_condition_is_told_in_indices() -> None:
    failing = orders.prove_order(RODAS3).failing
    assert failing is not None
    assert failing.tree.condition() == "Σ b_i c_i^3 = 1/4"
    assert str(failing.value) == "1/3"
    tall = orders.prove_order(shampine4()).failing
    assert tall is not None
    assert tall.tree.order == 5
    texts = [tree.condition() for tree in trees(3, PLAIN, ANY_MATRIX)]
    assert texts == [
        "Σ b_i c_i^2 = 1/3",
        "Σ b_i α_ij c_j = 1/6",
        "Σ b_i γ_ij c_j = 0",
        "Σ b_i α_ij γ_j = 0",
        "Σ b_i γ_ij γ_j = 0",
    ]
    assert "Σ b_i β_ij (c_j + γ_j) = 1/6" in [tree.condition() for tree in trees(3, PLAIN, EXACT_JACOBIAN)]


def test_time_is_read_from_its_own_sums() -> None:
    """γ_i that are not the sums of their rows change nothing for z' = f(z), and cost order with time."""
    wrong = RosenbrockTableau(RODAS3.alpha, RODAS3.gamma, RODAS3.c, row(0, 0, 0, 0), RODAS3.weights)
    report = orders.prove_order(wrong)
    assert (report.order, report.order_autonomous) == (1, 3)
    assert report.failing is not None
    assert "s" in str(report.failing.tree)
    (first, *_) = orders.sum_defects(wrong)
    assert (first.row, first.of_gamma, str(first.total)) == (0, True, "1/2")


def test_trees_are_counted() -> None:
    """Cayley's numbers; with any matrix those of Steihaug & Wolfbrandt's trees."""
    assert [len(trees(k, PLAIN, EXACT_JACOBIAN)) for k in range(1, 8)] == [1, 1, 2, 4, 9, 20, 48]
    for k in range(1, 6):
        found = trees(k, PLAIN, ANY_MATRIX)
        assert len(found) == len(set(map(str, found))) == len(set(oracle_trees(k, matrix=True)))
        coloured = trees(k, COLOURED, EXACT_JACOBIAN)
        assert len(coloured) == len(set(oracle_trees(k, time=True)))


# The oracle: trees as nested tuples from all parent lists, weights by recursion in 60 digits.


@cache
def oracle_trees(order: int, *, time: bool = False, matrix: bool = False) -> tuple[Any, ...]:
    """("τ" | "s" | "J" | "f", children): every tree with every colour, each once."""
    found: dict[Any, None] = {}
    for parents in itertools.product(*(range(k) for k in range(1, order))):
        children: list[list[int]] = [[] for _ in range(order)]
        for child, parent in enumerate(parents, start=1):
            children[parent].append(child)
        choices = [_colours(k, len(below), time, matrix) for k, below in enumerate(children)]
        for colours in itertools.product(*choices):
            found[_tree(0, children, colours)] = None
    return tuple(found)


def _colours(node: int, below: int, time: bool, matrix: bool) -> tuple[str, ...]:
    if below == 0:
        return ("τ", "s") if time and node else ("τ",)
    return ("f", "J") if below == 1 and matrix else ("f",)


def _tree(node: int, children: list[list[int]], colours: tuple[str, ...]) -> Any:
    return colours[node], tuple(sorted(_tree(child, children, colours) for child in children[node]))


def _size(tree: Any) -> int:
    return 1 + sum(map(_size, tree[1]))


def _density(tree: Any) -> int:
    return _size(tree) * prod(map(_density, tree[1]))


def _has_matrix(tree: Any) -> bool:
    return tree[0] == "J" or any(map(_has_matrix, tree[1]))


class Oracle:
    """A method in 60 digits."""

    def __init__(self, tableau: RosenbrockTableau) -> None:
        def numbers(rows: Any) -> list[list[Any]]:
            return [[mpmath.mpf(str(q.decimal(60))) for q in line] for line in rows]

        self.alpha, self.gamma, self.weights = map(numbers, (tableau.alpha, tableau.gamma, tableau.weights))
        (self.c, self.sums) = numbers((tableau.c, tableau.gamma_sums))

    def order(self, matrix: bool, tolerance: Any, weights: int = 0) -> int:
        for order in itertools.count(1):
            for tree in oracle_trees(order, time=True, matrix=matrix):
                vector = self._vector(tree, matrix)
                total = mpmath.fsum(b * v for b, v in zip(self.weights[weights], vector, strict=True))
                wanted = 0 if _has_matrix(tree) else mpmath.mpf(1) / _density(tree)
                if abs(total - wanted) > tolerance:
                    return order - 1
        raise AssertionError

    def _vector(self, tree: Any, matrix: bool) -> list[Any]:
        kind, children = tree
        found = [mpmath.mpf(1)] * len(self.c)
        for child in children:
            alone = len(children) == 1
            for i in range(len(found)):
                found[i] *= self._below(i, child, alone, matrix, kind)
        return found

    def _below(self, i: int, child: Any, alone: bool, matrix: bool, kind: str) -> Any:
        alpha = not alone or not matrix or kind == "f"
        gamma = alone and (not matrix or kind == "J")
        if child[0] == "s":
            return alpha * self.c[i] + gamma * self.sums[i]
        vector = self._vector(child, matrix)
        pairs = zip(self.alpha[i], self.gamma[i], vector, strict=True)
        return mpmath.fsum((alpha * a + gamma * g) * v for a, g, v in pairs)


def _variants(tableau: RosenbrockTableau, seed: int) -> Iterator[RosenbrockTableau]:
    """Coefficients changed, by much or by little, in one place each; sums follow, or do not."""
    draw = random.Random(seed)
    for _ in range(12):
        parts = {"alpha": [*map(list, tableau.alpha)], "gamma": [*map(list, tableau.gamma)]}
        weights = [*map(list, tableau.weights)]
        change = number(draw.choice(["1/10", "1e-3", "1e-9", "1e-13", "-1/7"]))
        name = draw.choice(["alpha", "gamma", "weights", "swap"])
        i = draw.randrange(1, tableau.stages)
        if name == "weights":
            weights[0][i] += change
        elif name == "swap":
            weights.reverse()
        else:
            parts[name][i][draw.randrange(i)] += change
        alpha, gamma = (tuple(map(tuple, parts[key])) for key in ("alpha", "gamma"))
        kept = draw.random() < 0.3
        c, gammas = (tableau.c, tableau.gamma_sums) if kept else (sums(alpha), sums(gamma))
        yield RosenbrockTableau(alpha, gamma, c, gammas, tuple(map(tuple, weights)))


@pytest.mark.parametrize("seed", range(4))
def test_changed_coefficients_have_the_orders_of_the_oracle(seed: int) -> None:
    tableau = (ROS3P, RODAS3, LASSP, shampine4())[seed]
    with mpmath.workdps(60):
        for variant in (tableau, *_variants(tableau, seed)):
            oracle = Oracle(variant)
            for tolerance in (None, Exact.of(Fraction("1e-10"))):
                limit = mpmath.mpf("1e-50") if tolerance is None else mpmath.mpf("1e-10")
                assert orders.prove_order(variant, tolerance=tolerance).order == oracle.order(False, limit)
                assert orders.w_order(variant, tolerance=tolerance) == oracle.order(True, limit)
