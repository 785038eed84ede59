"""Coupled orders of additive methods, against an independent oracle: 60 digits, every tree, every choice of parts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from mpmath import mp, mpf

from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.theory.additive.order import principal_error, prove_order, stage_order, variants
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.additive.trees import SHARED, TIME, Alphabet, PartTree, conditions, level, roots
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

PROJECT = Project()
DIGITS = 60

Shape = tuple["Shape", ...]


def library(name: str) -> Pair:
    scope = PROJECT.library_scope("method", name)
    method = scope.own(name) if scope else None
    assert isinstance(method, Additive)
    return method.pair


def shapes(nodes: int) -> list[Shape]:
    """All rooted trees with so many nodes: a node, and a multiset of trees below it."""

    def forests(size: int, largest: int) -> Iterator[Shape]:
        if size == 0:
            yield ()
        for first in range(min(size, largest), 0, -1):
            for tree in shapes(first):
                for rest in forests(size - first, first):
                    yield (tree, *rest)

    return sorted({tuple(sorted(forest)) for forest in forests(nodes - 1, nodes - 1)})


def size(tree: Shape) -> int:
    return 1 + sum(map(size, tree))


def gamma(tree: Shape) -> int:
    found = size(tree)
    for child in tree:
        found *= gamma(child)
    return found


class Oracle:
    """Σ b_i Π … by the definition, in floating point of 60 digits."""

    def __init__(self, pair: Pair) -> None:
        mp.dps = DIGITS
        self.parts = [
            (
                [[mpf(x.decimal(DIGITS)) for x in row] for row in tableau.a],
                [mpf(x.decimal(DIGITS)) for x in tableau.c],
                [mpf(x.decimal(DIGITS)) for x in tableau.weights[0]],
            )
            for tableau in pair.tableaux
        ]

    def orders(self) -> tuple[int, int]:
        """With time, and without."""
        return self.order(time=True), self.order(time=False)

    def order(self, *, time: bool) -> int:
        for nodes in range(1, 9):
            for tree in shapes(nodes):
                for root, (_, _, b) in enumerate(self.parts):
                    for vector in self.stages(tree, root, time=time):
                        value = sum((x * y for x, y in zip(b, vector, strict=True)), mpf(0))
                        if abs(value - mpf(1) / gamma(tree)) > mpf(10) ** -40:
                            return nodes - 1
        raise AssertionError("no method has such an order")

    def stages(self, tree: Shape, part: int, *, time: bool) -> list[list[mpf]]:
        """What the stages make of a tree whose root is of a part, for every choice of the parts below it."""
        _, c, _ = self.parts[part]
        found = []
        for choice in product(*(self.below(child, c, time=time) for child in tree)):
            vector = [mpf(1)] * len(c)
            for factor in choice:
                vector = [x * y for x, y in zip(vector, factor, strict=True)]
            found.append(vector)
        return found

    def below(self, tree: Shape, c: list[mpf], *, time: bool) -> list[list[mpf]]:
        found = [c] if time and not tree else []
        for part, (a, _, _) in enumerate(self.parts):
            for inner in self.stages(tree, part, time=time):
                found.append([sum((x * y for x, y in zip(row, inner, strict=True)), mpf(0)) for row in a])
        return found


EXACT = ["ars111", "ars121", "ars122", "ars222", "ars232", "ars233", "ars443", "bpr353", "imex_ssp2_222"]
EXACT += ["imex_ssp2_322", "imex_ssp2_332", "imex_ssp3_332", "imex_ssp3_433", "giraldo_ark2", "imkg243a", "imkg343a"]


def proven(pair: Pair) -> tuple[int, int]:
    report = prove_order(pair)
    return report.order, report.order_autonomous


@pytest.mark.parametrize("name", EXACT)
def test_library_has_the_order_that_the_oracle_finds(name: str) -> None:
    pair = library(name)
    assert proven(pair) == Oracle(pair).orders()


def changed(pair: Pair, seed: int) -> Pair:
    """The pair with one coefficient changed, or two swapped, in one of its parts; its row sums kept now and then."""
    draw = random.Random(seed)
    which = draw.randrange(2)
    name, tableau = pair.parts[which]
    kind = draw.choice(["a", "c", "weights", "a_and_c", "swap"])
    i = draw.randrange(1, tableau.stages)
    columns = range(i) if name == "explicit" else range(i + 1)
    j = draw.choice(list(columns))
    by = Exact.of(Fraction(draw.choice([1, -1, 2]), draw.choice([1, 2, 3, 10**6, 10**20])))
    a, c, weights = [list(row) for row in tableau.a], list(tableau.c), [list(row) for row in tableau.weights]
    if kind in ("a", "a_and_c"):
        a[i][j] = a[i][j] + by
    if kind in ("c", "a_and_c"):
        c[i] = c[i] + by
    if kind == "weights":
        weights[0][i] = weights[0][i] + by
    if kind == "swap":
        weights[0][i], weights[0][i - 1] = weights[0][i - 1], weights[0][i]
    made = Tableau(tuple(map(tuple, a)), tuple(c), tuple(map(tuple, weights)))
    parts = list(pair.parts)
    parts[which] = (name, made)
    return Pair(tuple(parts))


@pytest.mark.parametrize("name", ["ars222", "ars233", "imex_ssp2_222", "bpr353", "imex_ssp2_322"])
def test_changed_coefficients_are_judged_as_the_oracle_judges_them(name: str) -> None:
    pair = library(name)
    for seed in range(25):
        mutant = changed(pair, seed)
        assert proven(mutant) == Oracle(mutant).orders(), (name, seed)


def test_parts_of_high_order_need_not_make_a_pair_of_high_order() -> None:
    """SSPRK33 beside Lobatto IIIC: the stages of the one are at other times than those of the other."""
    explicit, implicit = PROJECT.library_method("ssprk33").tableau, PROJECT.library_method("lobatto_iiic4").tableau
    pair = Pair((("explicit", explicit), ("implicit", implicit)))
    report = prove_order(pair)
    assert dict(report.parts) == {"explicit": 3, "implicit": 4}
    assert (report.order, report.order_autonomous) == Oracle(pair).orders() == (1, 1)


def test_failing_condition_names_its_tree_and_the_two_numbers() -> None:
    """Heun with the implicit midpoint rule's nodes: the explicit weights see the implicit stages at other times."""
    half, one, zero = (Exact.of(Fraction(x)) for x in ("1/2", "1", "0"))
    explicit = Tableau(((zero, zero), (one, zero)), (zero, one), ((half, half),))
    implicit = Tableau(((zero, zero), (zero, half)), (zero, half), ((zero, one),))
    failing = prove_order(Pair((("explicit", explicit), ("implicit", implicit)))).failing
    assert failing is not None
    assert (str(failing.tree), failing.tree.condition()) == ("[τ_I]_E", "Σ bE_i aI_ij = 1/2")
    assert (str(failing.value), failing.expected, str(failing.difference)) == ("1/4", Fraction(1, 2), "-1/4")


def test_trees_are_those_of_two_colours() -> None:
    """Rooted trees with nodes of two colours: 2, 4, 14, 52, 214, 916 (OEIS A000151, twice shifted)."""
    alphabet = Alphabet.autonomous(("explicit", "implicit"))
    found = [len(roots(alphabet)), *(len(level(order, alphabet)) for order in range(2, 7))]
    assert found == [2, 4, 14, 52, 214, 916]
    assert [conditions(order, 2) for order in range(1, 7)] == [2, 6, 20, 72, 286, 1202]
    assert len({grafted.tree for grafted in level(5, alphabet)}) == 214


def test_leaves_are_chosen_in_every_way() -> None:
    tree = PartTree("explicit", (PartTree(SHARED), PartTree(SHARED)))
    found = variants(tree, Alphabet.timed(("explicit", "implicit")))
    assert [str(one) for one in found] == [
        "[τ_E,τ_E]_E",
        "[τ_E,τ_I]_E",
        "[τ_E,s]_E",
        "[τ_I,τ_I]_E",
        "[τ_I,s]_E",
        "[s,s]_E",
    ]
    assert [one.symmetry for one in found] == [2, 1, 1, 2, 1, 2]
    assert found[2].differential() == "∂ₛfE'fE"
    assert PartTree(TIME).order == 1


def test_tolerance_decides_as_the_conditions_do() -> None:
    """Published rationals hold to 25 digits and not exactly."""
    pair = library("ark436l2sa")
    assert prove_order(pair).order == 1
    for digits, order in ((24, 4), (25, 4), (27, 1)):
        assert prove_order(pair, tolerance=Exact.of(Fraction(1, 10**digits))).order == order
    assert prove_order(pair, 1, Exact.of(Fraction(1, 10**25))).order == 3


def test_whole_is_the_method_where_the_parts_are_one() -> None:
    """Both parts the same tableau: the coupled order and error are that tableau's."""
    (_, tableau), _ = library("ars443").parts
    pair = Pair((("explicit", tableau), ("implicit", tableau)))
    assert proven(pair) == (3, 3)
    total = sum(abs(float(error)) for tree, error in principal_error(pair, 3) if "E" not in str(tree))
    alone = [abs(float(error)) for tree, error in principal_error(pair, 3) if "I" not in str(tree)]
    assert total == pytest.approx(sum(alone))
    assert stage_order(pair) == 1


def test_times_of_the_parts_may_differ() -> None:
    """IMEX-SSP2(2,2,2): the order is the same with time, for each part reads its own."""
    pair = library("imex_ssp2_222")
    assert pair.is_consistent
    assert not pair.has_one_c
    assert proven(pair) == (2, 2)
    assert stage_order(pair) == 0
    name, implicit = pair.parts[1]
    late = replace(implicit, c=tuple(c + 1 for c in implicit.c))
    assert proven(Pair((pair.parts[0], (name, late)))) == (1, 2)


def test_the_file_of_pairs_is_all_of_the_library() -> None:
    path = Path(__file__).parents[2] / "hyperdsl/library/imex.hyper"
    names = [
        line.split()[1].split("(")[0] for line in path.read_text("utf-8").splitlines() if line.startswith("method")
    ]
    assert set(EXACT) < set(names)
    assert len(names) == len(set(names)) == 41
