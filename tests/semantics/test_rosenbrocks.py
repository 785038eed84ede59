"""What declarations of Rosenbrock methods mean, and the orders of those in the library."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.second.agreement import verdicts
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import RosenbrockSolver, Spec
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.summary import summary
from hyperdsl.theory.numbers.exact import Exact

FILES = ("rosenbrock", "rosenbrock_4", "rodas")

ORDERS = {  # (order, embedded), with any matrix, L-stable: by their authors, but for what docs/labels.md says
    "ros2": ((2, 1), 2, True),
    "rosenbrock23": ((2, 3), 2, True),
    "ros3p": ((3, 2), 1, False),
    "ros3pw": ((3, 2), 2, False),
    "ros3": ((3, 2), 1, True),
    "rodas3": ((3, 2), 1, True),
    "rodas3p": ((3, 2), 1, True),
    "rodaspr": ((4, 3), 1, True),
    "rodaspr2": ((4, 3), 1, True),
    "lassp3p4s2c": ((3, 2), 3, True),
    "scholz4_7": ((3, 1), 1, False),
    "ros34pw2": ((3, 2), 3, True),
    "ros34pw3": ((4, 2), 3, False),
    "shampine4": ((4, 3), 1, False),
    "grk4t": ((4, 3), 1, False),
    "ros4": ((4, 3), 1, False),
    "rosw6s4os": ((4,), 4, False),
    "rodas4": ((4, 3), 1, True),
    "rodas4p": ((4, 3), 1, True),
    "rodas4p2": ((4, 3), 2, True),
    "rodas4pw": ((4, 3), 4, True),
    "rodas5": ((5, 4), 1, True),
    "rodas5p": ((5, 4), 2, True),
    "rodas6p": ((6,), 2, True),
}

PLAIN = """
method plain {
    order 3(2)
    tableau {
        0 |
        0 | 0
        1 | 1
        1 | 3/4, -1/4, 1/2
        --+--
          | 5/6, -1/6, -1/6, 1/2
          | 3/4, -1/4, 1/2, 0
    }
    gamma {
        1/2
        1, 1/2
        -1/4, -1/4, 1/2
        1/12, 1/12, -2/3, 1/2
    }
}
method transformed {
    order 3(2)
    tableau transformed {
        0 |
        0 |
        1 | 2
        1 | 2, 0, 1
        --+--
          | 2, 0, 1, 1
          | 2, 0, 1
    }
    tableau c {
        4
        1, -1
        1, -1, -8/3
    }
    gamma 1/2
    gamma_sums 1/2, 3/2, 0, 0
}
method with_first_row {
    order 3(2)
    tableau transformed {
        0 |
        0 |
        1 | 2
        1 | 2, 0, 1
        --+--
          | 2, 0, 1, 1
          | 2, 0, 1
    }
    tableau c {
        0
        4
        1, -1
        1, -1, -8/3
    }
    gamma 1/2
}
"""


def read(path: Path) -> tuple[Spec, tuple[Diagnostic, ...]]:
    return check_file(path, path.name, Project())


def spec_of(folder: Path, text: str) -> tuple[Spec, tuple[Diagnostic, ...]]:
    path = folder / "spec.hyper"
    path.write_text(text, "utf-8")
    return read(path)


@cache
def library() -> dict[str, Rosenbrock]:
    found: dict[str, Rosenbrock] = {}
    for name in FILES:
        spec, diagnostics = read(Path(str(files("hyperdsl.library"))) / f"{name}.hyper")
        assert not diagnostics
        found |= {method.name: method for method in spec.rosenbrocks}
    return found


@pytest.mark.parametrize("name", ORDERS)
def test_published_orders(name: str) -> None:
    method, (expected, with_any, l_stable) = library()[name], ORDERS[name]
    facts = method.facts
    assert (facts.order, *facts.embedded) == expected
    assert (facts.w_order, facts.l_stable) == (with_any, l_stable)
    assert facts.report.order_autonomous == facts.order


def test_the_rodas_family_is_stiffly_accurate() -> None:
    found = {name for name, method in library().items() if method.facts.stiffly_accurate}
    assert {name for name in library() if name.startswith("rodas")} <= found  # rodas23w without its last stage
    assert not found & {"ros2", "ros3p", "grk4t", "shampine4"}


def test_published_decimals_are_proven_to_a_tolerance() -> None:
    assert library()["rodas3"].tolerance is None
    assert library()["rodas5p"].tolerance == Exact.of(1) / Exact.of(10**12)


def test_dense_output_is_proven() -> None:
    dense = {name: method.dense.order for name, method in library().items() if method.dense}
    three = ("rodas3p", "rodas4", "rodas42", "rodas4p", "rodas4p2", "rodas4pw")
    assert dense == {**dict.fromkeys(three, 3), "rodas5": 4, "rodas5p": 4}


def test_transformed_coefficients_are_those_of_the_method(tmp_path: Path) -> None:
    """RODAS3 as Sandu et al. (1997) have it, and as it is programmed."""
    spec, diagnostics = spec_of(tmp_path, PLAIN)
    assert not diagnostics
    plain, *others = spec.rosenbrocks
    assert [str(q) for q in plain.tableau.gamma_sums] == ["1/2", "3/2", "0", "0"]
    assert all(method.tableau == plain.tableau for method in others)
    assert {verdict.reason for verdict in verdicts(spec, ())} == {None}
    assert not any(verdict.differences for verdict in verdicts(spec, ()))


def test_what_check_prints(tmp_path: Path) -> None:
    spec, _ = spec_of(tmp_path, PLAIN)
    found = summary(spec)["methods"]
    assert isinstance(found, list)
    assert found[1] == {
        "name": "transformed",
        "kind": "rosenbrock",
        "stages": 4,
        "claimed_order": 3,
        "order": 3,
        "order_autonomous": 3,
        "claimed_embedded_order": 2,
        "embedded_order": 2,
        "w_order": 1,
        "fsal": False,
        "proof": "exact",
        "tolerance": None,
        "conditions": 4,
        "principal_error": found[0]["principal_error"],
        "real_stability": "inf",
        "imaginary_stability": "inf",
        "l_stable": True,
        "stiffly_accurate": True,
        "parameters": [],
    }


def test_a_claim_without_time_is_about_its_own_order(tmp_path: Path) -> None:
    """γ_i that are not the sums: refused, unless the claim is about z' = f(z), and then solvers use the lower order."""
    text = PLAIN.split("method with_first_row", maxsplit=1)[0].replace("1/2, 3/2, 0, 0", "0, 0, 0, 0")
    _, diagnostics = spec_of(tmp_path, text)
    assert {diagnostic.code for diagnostic in diagnostics} == {"H228"}
    autonomous = text.replace("order 3(2)", "order 3(2) autonomous") + "solver S { base transformed }\n"
    spec, diagnostics = spec_of(tmp_path, autonomous)
    assert [diagnostic.code for diagnostic in diagnostics] == ["H206"]
    (solver,) = spec.solvers
    assert isinstance(solver, RosenbrockSolver)
    assert (solver.order, solver.facts.report.order_autonomous) == (1, 3)


def test_a_family_is_proven_for_its_range(tmp_path: Path) -> None:
    text = """
method family(gamma) {
    where gamma > 0
    order 2
    tableau {
        0 |
        1 | 1
        --+--
          | 1/2, 1/2
    }
    gamma {
        gamma
        -2*gamma, gamma
    }
}
solver S { base family(gamma = 1/3) }
"""
    spec, diagnostics = spec_of(tmp_path, text)
    assert not diagnostics
    (family,), (solver,) = spec.rosenbrocks, spec.solvers
    assert (family.facts.order, family.facts.w_order, family.facts.l_stable) == (2, 2, None)
    assert isinstance(solver, RosenbrockSolver)
    assert str(solver.tableau.diagonal[0]) == "1/3"
    _, broken = spec_of(tmp_path, text.replace("-2*gamma, gamma", "-3*gamma, gamma"))
    assert [diagnostic.code for diagnostic in broken] == ["H201"]
