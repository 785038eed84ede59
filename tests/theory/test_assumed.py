"""Orders that the simplifying assumptions prove: high ones, and bounds that hold for every tree."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from flint import arb

from hyperdsl import compiler
from hyperdsl.source import SpecFile
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.assumed import Residuals, bound_to, dense_order, exact_order, order_within
from hyperdsl.theory.runge_kutta.dense import prove_dense, with_dense_weights
from hyperdsl.theory.runge_kutta.order import prove_order, tolerance_needed
from hyperdsl.theory.runge_kutta.simplifying import Assumptions, simplifying_assumptions
from hyperdsl.theory.runge_kutta.stages import exact_stages
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import COLOURED
from hyperdsl.theory.runge_kutta.weights import elementary_weights
from tests.theory.collocation import ORDER_LOST, Name, collocation, lagrange, rational_collocation, spec


def tolerance(digits: int) -> Exact:
    return Exact.of(Fraction(1, 10**digits))


@pytest.mark.parametrize("name", ORDER_LOST)
def test_order_forty_is_proven_of_sixty_digits(name: Name) -> None:
    stages = 20 if ORDER_LOST[name] < 2 else 21
    order = 2 * stages - ORDER_LOST[name]
    method = collocation(name, stages, 60)
    report = prove_order(method, 0, tolerance(50), claimed=order)
    assert (report.order, report.order_autonomous, report.finished) == (order, order, True)
    assert report.failing is not None
    assert report.failing.tree.order == order + 1


def test_a_spec_of_order_forty(tmp_path: Path) -> None:
    path = tmp_path / "gauss40.hyper"
    path.write_text(spec("gauss", collocation("gauss", 20, 60), 40, "1e-50"))
    checked = compiler.check([SpecFile(path, "gauss40.hyper")])
    assert not checked.diagnostics
    (method,) = checked.specs[0].methods
    assert (method.facts.order, method.facts.stage_order, method.facts.principal_error) == (40, 20, None)


@pytest.mark.parametrize("part", ["a", "b", "c"])
def test_a_digit_that_is_wrong_is_seen(part: str) -> None:
    method = collocation("lobatto_iiib", 11, 60)
    off = Exact.of(Fraction(1, 10**45))
    wrong = {
        "a": replace(method, a=((method.a[0][0], method.a[0][1] + off, *method.a[0][2:]), *method.a[1:])),
        "b": replace(method, weights=((*method.weights[0][:-1], method.weights[0][-1] + off),)),
        "c": replace(method, c=(*method.c[:5], method.c[5] + off, *method.c[6:])),
    }[part]
    assert order_within(method, tolerance(50)) == 20
    assert prove_order(method, 0, tolerance(50), claimed=20).order == 20
    assert prove_order(wrong, 0, tolerance(50), claimed=20).order < 20


def test_exact_collocation_beyond_the_trees() -> None:
    nodes = [Fraction(k, 19) for k in range(20)]
    report = prove_order(rational_collocation(nodes))
    assert (report.order, report.finished) == (20, True)  # the rule of 20 nodes at equal distances integrates t^19
    off = rational_collocation([*nodes[:-1], Fraction(99, 100)])
    assert prove_order(off).order == 20  # whatever the nodes are
    swapped = replace(off, weights=((off.weights[0][1], off.weights[0][0], *off.weights[0][2:]),))
    assert prove_order(swapped).order == 1


def rounded(method: Tableau, digits: int) -> Tableau:
    def row(values: tuple[Exact, ...]) -> tuple[Exact, ...]:
        return tuple(Exact.of(Fraction(round(q.fraction() * 10**digits), 10**digits)) for q in values)

    return Tableau(tuple(map(row, method.a)), row(method.c), tuple(map(row, method.weights)))


def test_digits_of_collocation_at_any_nodes() -> None:
    """C(16) proves the order, and no D(ζ) holds: η must be as large as it can be."""
    method = rounded(rational_collocation([Fraction(k, 15) for k in range(16)]), 80)
    assert order_within(method, tolerance(45)) == 16
    assert order_within(method, tolerance(90)) == 0


def test_twice_the_stage_order_and_two_is_a_limit() -> None:
    """Boole's rule with D(5), b_i a_ij = b_i b_j − b_j â_ji of collocation: B(6), and C(1) is all there is."""
    rule = rational_collocation([Fraction(k, 4) for k in range(5)])
    b, size = rule.weights[0], range(5)
    method = replace(rule, a=tuple(tuple(b[j] - b[j] * rule.a[j][i] / b[i] for j in size) for i in size))
    assert simplifying_assumptions(method) == Assumptions(6, 1, 5)
    assert exact_order(method) == prove_order(method).order == 4
    assert exact_order(rule) == prove_order(rule).order == 6


def test_a_bound_by_hand() -> None:
    """η = 2, ζ = 1: one child of three nodes is turned once, 2β + (12 + 36)γ + 4δ for M = 2 and W = 3."""
    small, tiny, one = Fraction(1, 100), Fraction(1, 1000), Fraction(1)
    c, d = (Fraction(0), Fraction(0), one, one), (tiny, one, one, one)
    residuals = Residuals((small,) * 4, c, d, factor=arb(2), weight=arb(3))
    assert residuals.bound(4) == 2 * small + 4 * tiny
    assert replace(residuals, c=(tiny, tiny, one, one)).bound(4) == 2 * small + 48 * tiny + 4 * tiny
    assert residuals.least(4) == small


def test_stages_that_nothing_uses_do_not_matter() -> None:
    inner = rational_collocation([Fraction(k, 15) for k in range(16)])
    zero = Exact.of(0)
    method = Tableau(
        (*((*row, zero) for row in inner.a), (*[zero] * 16, Exact.of(7))),
        (*inner.c, Exact.of(3)),
        ((*inner.weights[0], zero),),
    )
    assert exact_order(method) == 16


def worst(method: Tableau, order: int) -> list[Fraction]:
    """The largest |Φ − 1/γ| up to each order, over every colouring."""
    found = [Fraction(0)] * (order + 1)
    for tree, value in elementary_weights(exact_stages(method), COLOURED, order):
        error = abs(value - Fraction(1, tree.density)).fraction()
        found[tree.order :] = [max(error, other) for other in found[tree.order :]]
    return found


@pytest.mark.parametrize("name", ORDER_LOST)
def test_the_bound_holds_for_every_tree_and_colouring(name: Name) -> None:
    drawn = random.Random(name)
    for stages in (3, 4):
        order = min(7, 2 * stages - ORDER_LOST[name])
        for _ in range(3):
            scale = Fraction(1, 10 ** drawn.randint(2, 12))
            rounded = collocation(name, stages, 20)

            def moved(row: tuple[Exact, ...], by: Fraction = scale) -> tuple[Exact, ...]:
                return tuple(q + by * drawn.randint(-9, 9) for q in row)

            method = Tableau(tuple(map(moved, rounded.a)), moved(rounded.c), tuple(map(moved, rounded.weights)))
            errors = worst(method, order)
            for nodes in range(1, order + 1):
                assert errors[nodes] <= bound_to(method, nodes)
            assert bound_to(method, order) <= 10**5 * scale


def test_the_tolerance_that_is_needed_is_told_of_high_orders() -> None:
    needed = tolerance_needed(collocation("gauss", 10, 40), 20)
    assert needed is not None
    assert Fraction(1, 10**40) < needed < Fraction(1, 10**34)
    assert tolerance_needed(collocation("gauss", 8, 9), 17) is None


def test_a_claim_that_is_neither_proven_nor_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each condition may just be met; that the bound is larger refutes nothing."""
    monkeypatch.setattr("hyperdsl.theory.runge_kutta.reach.MOST_TREES", 500)
    method = collocation("gauss", 8, 12)
    report = prove_order(method, 0, Exact.of(Fraction(2, 10**12)), claimed=16)
    assert (report.order, report.finished, report.failing) == (9, False, None)


def dense_collocation(nodes: list[Fraction]) -> Tableau:
    """Collocation with its own dense output."""
    method = rational_collocation(nodes)
    polynomials = tuple(
        (Exact.of(0), *(Exact.of(q / (k + 1)) for k, q in enumerate(lagrange(nodes, j)))) for j in range(len(nodes))
    )
    return with_dense_weights(method.a, method.c, polynomials)


def test_dense_output_beyond_the_trees() -> None:
    nodes = [Fraction(k, 15) for k in range(16)]
    near = rounded(dense_collocation(nodes), 120)
    report = prove_dense(near, 16, tolerance(60), claimed=16)
    assert (report.order, report.finished, report.failing) == (16, True, None)
    assert dense_order(near, 16, tolerance(119)) < 16
    assert dense_order(rounded(dense_collocation(nodes[1:]), 120), 16, tolerance(60)) == 15


def test_exact_dense_output_beyond_the_trees() -> None:
    method = dense_collocation([Fraction(k, 3) for k in range(4)])
    assert [dense_order(method, highest, None) for highest in (3, 4, 9)] == [3, 4, 4]
    late = replace(method, c=(*method.c[:3], Exact.of(2)))  # not even C(1) holds
    assert dense_order(late, 4, None) == 0
    first, second, *others = method.weights
    moved = tuple(q + d for q, d in zip(second, map(Exact.of, (1, -1, 0, 0)), strict=True))
    assert dense_order(replace(method, weights=(first, moved, *others)), 4, None) == 1  # the sum of θ² is still 0
