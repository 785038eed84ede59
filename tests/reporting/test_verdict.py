"""Which method to take: rules on rows, held against rows whose answer is plain."""

from __future__ import annotations

import math

import pytest

from hyperdsl.evaluation.work_precision import Row
from hyperdsl.reporting.verdict import LEVELS, MACS, NFE, TIME, cheapest, judge, percent, spent_at


def row(method: str, error: float, *, ms: float = 1.0, macs: int = 100, nfe: int = 10, g: float | None = None) -> Row:
    return Row(method, f"K = {nfe}", nfe, macs, ms, error, error, error, corrector_over_field=g)


def curve(method: str, order: int, *, ms: float = 1.0, macs: int = 100, at: float = 1.0, count: int = 5) -> list[Row]:
    """Errors at·K^-order of K = 1, 2, 4, ...; an evaluation a step, each of so many milliseconds and MACs."""
    steps = [2**k for k in range(count)]
    return [row(method, at * k**-order, ms=ms * k, macs=macs * k, nfe=k) for k in steps]


def test_what_an_accuracy_costs_lies_between_rows() -> None:
    """Error 1/K² at K milliseconds: a hundredth costs ten, between the rows of eight and of sixteen."""
    assert spent_at(curve("m", 2), 1e-2, TIME) == pytest.approx(10)
    assert spent_at(curve("m", 2), 1.0, TIME) == 1.0  # the first row reaches it
    assert spent_at(curve("m", 2), 1e-4, TIME) is None


def test_costs_that_are_not_known_are_no_costs() -> None:
    rows = [row("scipy", 1e-6, macs=0), *curve("m", 2)]
    assert cheapest(rows, 1e-1, MACS).method == "m"
    assert "scipy" not in cheapest(rows, 1e-1, MACS).spent
    assert cheapest(rows, 1e-1, NFE).spent["scipy"] == 10


def test_a_row_that_is_not_finite_is_no_step_on_the_way() -> None:
    rows = [row("m", math.nan, ms=1.0, nfe=1), row("m", 1e-3, ms=8.0, nfe=8)]
    assert spent_at(rows, 1e-2, TIME) == 8.0


def test_the_cheapest_everywhere_is_to_be_used() -> None:
    rows = [*curve("Mine", 4), *curve("rk4", 4, ms=3.0, macs=300)]
    found = judge(rows, "Mine")
    assert found.kind == "always"
    assert found.headline.startswith("Use Mine")
    assert found.best == "rk4"


def test_the_cheapest_at_some_accuracies_is_to_be_used_there() -> None:
    """Order 1 with a small constant, beside order 4 with a large one: their curves cross."""
    rows = [*curve("Mine", 1, at=0.05, count=12), *curve("rk4", 4, ms=8.0, at=1.0)]
    found = judge(rows, "Mine")
    assert found.kind == "sometimes"
    assert "else rk4" in found.headline
    assert "10 %" in found.headline


def test_a_dear_corrector_is_told_so_with_where_it_would_pay() -> None:
    """Half of the evaluations, ten times the time."""
    own = [row("Mine", 10.0**-k, ms=40.0 * k, macs=10_000 * k, nfe=2 * k, g=50.0) for k in range(1, 5)]
    others = [row("rk4", 10.0**-k, ms=4.0 * k, macs=100 * k, nfe=4 * k) for k in range(1, 5)]
    found = judge([*own, *others], "Mine")
    assert found.kind == "evaluations"
    assert found.headline.startswith("Use rk4")
    assert any("18 ms more" in line for line in found.advice)  # 36 k ms for 2 k evaluations fewer
    assert any("50 evaluations" in line for line in found.reasons)


def test_who_is_better_in_nothing_is_not_to_be_used() -> None:
    rows = [*curve("Mine", 2, ms=3.0, macs=300, at=4.0), *curve("rk4", 4)]
    found = judge(rows, "Mine")
    assert (found.kind, found.headline) == ("never", "Use rk4")


def test_equal_costs_are_no_victory() -> None:
    rows = [*curve("Mine", 4, ms=0.95), *curve("rk4", 4)]
    assert judge(rows, "Mine").kind == "never"


@pytest.mark.parametrize(("error", "kind"), [(math.nan, "diverges"), (math.inf, "diverges"), (0.7, "inaccurate")])
def test_what_does_not_solve_the_problem_is_told_so(error: float, kind: str) -> None:
    found = judge([row("Mine", error), *curve("rk4", 4)], "Mine")
    assert found.kind == kind
    assert found.headline == "Use rk4, not Mine"
    assert "nan" not in " ".join(found.reasons)


def test_an_untrained_solver_is_to_be_trained_first() -> None:
    found = judge([*curve("Mine", 4), *curve("rk4", 2)], "Mine", untrained=True, train="hyperdsl train mine")
    assert found.kind == "untrained"
    assert any("hyperdsl train mine" in line for line in found.advice)


def test_no_method_at_all() -> None:
    found = judge([row("Mine", math.nan), row("rk4", math.nan)], "Mine")
    assert found.headline == "Do not use Mine here"
    assert not found.table


def test_accuracies_as_people_say_them() -> None:
    assert [percent(level) for level in LEVELS[:6]] == ["10 %", "1 %", "0.1 %", "0.01 %", "1e-5", "1e-6"]
