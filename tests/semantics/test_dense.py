"""Dense output is proven for every theta: against an independent oracle, and by mutations of each published weight."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from mpmath import mp, mpf

from hyperdsl.compiler import library_method
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.reading.scope import Project
from tests.theory.oracle import Oracle, gamma, number, shapes, size

ORDERS = {"rk4": 3, "bosh3": 3, "dopri5": 4, "tsit5": 4, "dop853": 7, "gauss4": 2, "gauss6": 3, "radau_iia5": 3}
TOLERANCES = {"tsit5": mpf("1e-75"), "dop853": mpf("1e-25")}
LIBRARY = "\n".join(path.read_text("utf-8") for path in Path(str(files("hyperdsl.library"))).glob("e*.hyper"))


def method(name: str) -> m.Method:
    found = library_method(name)
    assert found is not None
    return found


def check(tmp_path: Path, text: str) -> tuple[m.Spec, list[str]]:
    path = tmp_path / "a.hyper"
    path.write_text(text, "utf-8")
    spec, found = check_file(path, path.name, Project())
    return spec, [diagnostic.code for diagnostic in found if diagnostic.code != "H309"]


def text_of(name: str) -> str:
    start = LIBRARY.index(f"method {name} {{")
    return LIBRARY[start : LIBRARY.index("\n}\n", start) + 3]


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_the_library_s_weights_have_their_order_at_every_theta(name: str) -> None:
    dense, last = method(name).dense, min(ORDERS[name], 5)
    assert dense is not None
    assert dense.order == ORDERS[name]
    oracle, slack = Oracle(dense.tableau), 30 * TOLERANCES.get(name, mpf(0)) + mpf(10) ** -45
    for theta in (mpf(1) / 7, mpf("0.5"), mpf(9) / 10):
        oracle.weights = [[mp.polyval([number(q) for q in reversed(w)], theta) if w else mpf(0) for w in dense.weights]]
        for order in range(1, last + 1):
            for shape in shapes(order):
                assert abs(oracle.weight(shape) - theta ** size(shape) / gamma(shape)) < slack
    if last == ORDERS[name]:
        oracle.weights = [[mp.polyval([number(q) for q in reversed(w)], mpf("0.3")) if w else 0 for w in dense.weights]]
        misses = [abs(oracle.weight(shape) - mpf("0.3") ** size(shape) / gamma(shape)) for shape in shapes(last + 1)]
        assert max(misses) > 1e-6


@pytest.mark.parametrize("name", ["rk4", "bosh3", "dopri5"])
def test_every_changed_number_of_a_weight_is_refused(name: str, tmp_path: Path) -> None:
    text = text_of(name)
    start = text.index("{", text.index("dense"))
    numbers = [found for found in re.finditer(r"(?<![\w^])\d+", text) if found.start() > start]
    assert len(numbers) >= 10
    for found in numbers:
        changed = str(int(found[0]) + 1)
        _, codes = check(tmp_path, text[: found.start()] + changed + text[found.end() :])
        assert set(codes) & {"H216", "H218"}, text[found.start() : found.end() + 30]


def test_a_digit_counts_where_it_exceeds_the_tolerance(tmp_path: Path) -> None:
    text = text_of("tsit5")
    digits = "2.763706197274825868672988363027682259931840857131560507257402553762326712857868686229"
    assert digits in text
    coarse, fine = (digits[:k] + str((int(digits[k]) + 3) % 10) + digits[k + 1 :] for k in (70, 80))
    assert check(tmp_path, text.replace(digits, coarse))[1] == ["H218"]
    assert check(tmp_path, text.replace(digits, fine))[1] == []


def test_an_exchange_that_keeps_the_ends_is_refused_with_its_condition(tmp_path: Path) -> None:
    text = text_of("rk4")
    spec, codes = check(tmp_path, text.replace("theta^2 - 2/3*theta^3, theta^2", "2*theta^2 - 5/3*theta^3, theta^2"))
    assert codes == ["H216"]
    assert spec.methods == ()


def test_c_is_read_where_it_is_not_the_row_sum(tmp_path: Path) -> None:
    text = "method t {{\n order 1 {}\n tableau {{\n 0 |\n 1/3 | 1/2\n --+--\n | 0, 1\n }}\n"
    text += " dense 1 {{\n | theta - theta^2, theta^2\n }}\n}}\n"
    spec, codes = check(tmp_path, text.format("autonomous").replace("order 1 ", "order 2 "))
    assert "H217" in codes  # Σ b a = θ²/2 holds, Σ b c = θ²/3 does not
    assert spec.methods[0].dense is not None


def test_extra_stages_of_a_family(tmp_path: Path) -> None:
    text = """method f(alpha) {
        where 0 < alpha <= 1
        order 2
        tableau {
            0     |
            alpha | alpha
            ------+---
                  | 1 - 1/(2*alpha), 1/(2*alpha)
        }
        dense 2 {
            1 | 1 - 1/(2*alpha), 1/(2*alpha)
            --+---
              | theta - theta^2/(2*alpha) + (1/alpha - 1)*(theta^3 - theta^2),
                theta^2/(2*alpha) - (theta^3 - theta^2)/alpha,
                theta^3 - theta^2
        }
    }
    solver S {
        base f(alpha = 1/2)
    }
    """
    spec, codes = check(tmp_path, text)
    assert codes == []
    dense = spec.methods[0].dense
    assert dense is not None
    assert dense.tableau.stages == 3
    solver = spec.solvers[0]
    assert isinstance(solver, m.Solver)
    of_solver = solver.dense
    assert of_solver is not None
    assert str(of_solver.weights[1][2]) == "3"


def test_the_search_ends_where_the_method_s_own_order_does(tmp_path: Path) -> None:
    """All conditions on the coefficients of θ alone hold here, of as many trees as one asks for."""
    text = "method t {\n order 1\n tableau {\n 0 |\n --+--\n | 1\n }\n dense 1 {\n 0 |\n --+--\n"
    text += " | theta + theta^20 - theta^19, theta^19 - theta^20\n }\n}\n"
    assert check(tmp_path, text)[1] == []
    assert check(tmp_path, text.replace("dense 1", "dense 20"))[1] == ["H216"]


def test_powers_of_many_parameters_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(10)]
    text = f"method t({', '.join(names)}) {{\n order 1\n tableau {{\n 0 |\n --+--\n | 1\n }}\n"
    text += f" dense 1 {{\n | theta + 0*({' + '.join(names)} + theta)^20\n }}\n}}\n"
    assert check(tmp_path, text)[1] == ["H209"]
