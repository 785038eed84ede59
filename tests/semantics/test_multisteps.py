"""What `multistep` and `predictor_corrector` declarations mean."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.summary import summary


def check(tmp_path: Path, text: str) -> tuple[m.Spec, list[str]]:
    path = tmp_path / "a.hyper"
    path.write_text(text, "utf-8")
    spec, found = check_file(path, path.name, Project())
    return spec, [diagnostic.code for diagnostic in found]


def multistep(right: str, order: int) -> str:
    return f"multistep own {{\n order {order}\n z[n+1] = {right}\n}}\n"


@pytest.mark.parametrize(
    "right",
    [
        "z[n] + h*(3/2*f[n] - 1/2*f[n-1])",
        "z[n] + h*(3*f[n] - f[n-1])/2",
        "z[n] + 3/2*h*f[n] - f[n-1]*h/2",
        "-(-z[n]) + f[n]*(1 + 1/2)*h + h*(-(f[n-1]/2))",
        "(z[n] + z[n])/2 + h*f[n] + h*(f[n] - f[n-1])*.5",
    ],
)
def test_one_formula_in_many_forms(tmp_path: Path, right: str) -> None:
    spec, codes = check(tmp_path, multistep(right, 2))
    assert codes == []
    formula = spec.multisteps[0].formula
    assert [a.fraction() for a in formula.alpha] == [0, -1, 1]
    assert [b.fraction() for b in formula.beta] == [Fraction(-1, 2), Fraction(3, 2), 0]


def test_a_digit_in_the_fifteenth_place_is_seen(tmp_path: Path) -> None:
    _, codes = check(tmp_path, multistep("z[n] + h*(1.500000000000001*f[n] - 1/2*f[n-1])", 2))
    assert codes == ["H201"]


def test_the_summary_has_the_fields_of_json(tmp_path: Path) -> None:
    text = multistep("4/3*z[n] - 1/3*z[n-1] + 2/3*h*f[n+1]", 2)
    text += "predictor_corrector pair {\n predict ab3\n correct am3\n}\n"
    spec, codes = check(tmp_path, text)
    assert codes == []
    found = summary(spec)
    assert found["multisteps"] == [
        {
            "name": "own",
            "explicit": False,
            "claimed_order": 2,
            "order": 2,
            "error_constant": "-1/3",
            "zero_stable": True,
        }
    ]
    assert found["predictor_correctors"] == [{"name": "pair", "order": 4}]


def test_modes_and_starts(tmp_path: Path) -> None:
    text = "predictor_corrector pair {\n predict ab1\n correct am3\n mode PECEC\n start heun(substeps = 3)\n}\n"
    spec, codes = check(tmp_path, text)
    assert codes == []
    pair = spec.predictor_correctors[0]
    assert (pair.formula.corrections, pair.formula.evaluates_last, pair.formula.order) == (2, False, 3)
    assert pair.start is not None
    assert (pair.start.method.name, pair.start.substeps) == ("heun", 3)


def test_own_formulas_come_before_the_librarys(tmp_path: Path) -> None:
    text = "multistep ab2 {\n order 1\n z[n+1] = z[n] + h*f[n]\n}\n"
    text += "predictor_corrector pair {\n predict ab2\n correct am3\n}\n"
    spec, codes = check(tmp_path, text)
    assert codes == ["H309"]
    assert spec.predictor_correctors[0].formula.order == 2


def test_first_states_by_a_member_of_a_family(tmp_path: Path) -> None:
    pair = "predictor_corrector own {\n predict ab2\n correct am2\n start %s\n}\n"
    family, codes = check(tmp_path, pair % "second_order(substeps = 3, alpha = 1/2)")
    known, _ = check(tmp_path, pair % "midpoint(substeps = 3)")
    assert codes == []
    start, same = family.predictor_correctors[0].start, known.predictor_correctors[0].start
    assert start is not None
    assert same is not None
    assert (start.substeps, start.method.tableau) == (3, same.method.tableau)
    assert start.method.name == "second_order(alpha = 1/2)"
