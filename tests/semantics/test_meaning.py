"""What declarations mean: numbers, families, names, trainings."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from hyperdsl.diagnostics import has_errors
from hyperdsl.semantics.check import check_file, override
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.layers import Activate, Bilinear, Conv2d, Linear, Residual
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.solvers.trainings import default_training


def check(tmp_path: Path, text: str, name: str = "a") -> tuple[m.Spec, list[str]]:
    path = tmp_path / f"{name}.hyper"
    path.write_text(text, "utf-8")
    spec, found = check_file(path, path.name, Project())
    return spec, [diagnostic.code for diagnostic in found]


def weights(text: str) -> str:
    return f"method w {{\n order 1\n tableau {{\n 0 |\n --+--\n | {text}\n }}\n}}\n"


@pytest.mark.parametrize(
    "one",
    [
        "0.1 + .9",
        "1e-6*1000000",
        "10^-6*10^6",
        "-2^2 + 5",
        "2^3^2 - 511",
        "sqrt(8)/(2*sqrt(2))",
        "2*cos(pi*1/3)",
        "4*cos(pi/12)*cos(pi/12) - 1 - sqrt(3)",
        "(sqrt(2) + sqrt(3))^2 - 4 - 2*sqrt(6)",
        "1/3 + 1/6 + 1/2",
        "2*cos(pi/8)/sqrt(2 + sqrt(2))",
        "35*sqrt((15 + 2*sqrt(30))/35)*sqrt((15 - 2*sqrt(30))/35)/sqrt(105)",
        "(4*cos(pi/18)^3 - 3*cos(pi/18))*2/sqrt(3)",
    ],
)
def test_numbers_are_exact(tmp_path: Path, one: str) -> None:
    spec, codes = check(tmp_path, weights(one))
    assert codes == []
    assert spec.methods[0].tableau.weights[0][0] == 1


def test_layers_and_their_defaults(tmp_path: Path) -> None:
    text = "corrector g {\n layers bilinear(8), residual(4), linear(6), sin\n}\n"
    text += "corrector h {\n layers conv2d(8), residual(4, activation = relu, kernel = 1), tanh\n}\n"
    text += "corrector k {\n layers bilinear(8, kernel = 5, activation = sin)\n start field\n}\n"
    spec, _ = check(tmp_path, text)
    assert [corrector.layers for corrector in spec.correctors] == [
        (Bilinear(8, "tanh", None), Residual(4, "silu", None), Linear(6), Activate("sin")),
        (Conv2d(8, 3), Residual(4, "relu", 1), Activate("tanh")),
        (Bilinear(8, "sin", 5),),
    ]
    assert [corrector.convolutional for corrector in spec.correctors] == [False, True, True]
    assert [corrector.start for corrector in spec.correctors] == ["zero", "zero", "field"]


@pytest.mark.parametrize("almost", ["1 + 1e-300", "0.3333333333333333*3", "sqrt(2)*sqrt(2)*0.5000000000000001"])
def test_nearly_one_is_not_one(tmp_path: Path, almost: str) -> None:
    assert check(tmp_path, weights(almost))[1] == ["H201"]


def test_a_family_is_proven_for_every_value_and_narrowed_by_its_solver(tmp_path: Path) -> None:
    text = "corrector g {\n inputs z, alpha\n}\n"
    text += "hypersolver Free {\n base second_order(alpha = 3/10 .. 1)\n corrector g\n}\n"
    text += "solver Fixed {\n base second_order(alpha = 2/3)\n}\n"
    spec, codes = check(tmp_path, text)
    assert codes == []
    free, fixed = spec.solvers
    assert isinstance(free, m.Solver)
    assert isinstance(fixed, m.Solver)
    assert [(f.name, f.interval.lower, f.interval.upper) for f in free.free] == [("alpha", Fraction(3, 10), 1)]
    assert free.facts.principal_error is None
    assert fixed.tableau.weights[0] == (Fraction(1, 4), Fraction(3, 4))
    assert fixed.facts.principal_error == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("second_order(alpha = 0 .. 1)", "H405"),
        ("second_order(alpha = 2)", "H405"),
        ("second_order(alpha = free)", "H207"),
        ("second_order(beta = 1)", "H411"),
        ("second_order(1/2)", "H404"),
        ("third_order(u = 1/2, v = 1/2)", "H405"),
        ("third_order(u = 1/4 .. 1/2, v = 1/3 .. 3/4)", "H207"),
    ],
)
def test_parameters_stay_where_the_method_is_defined(tmp_path: Path, base: str, code: str) -> None:
    assert code in check(tmp_path, f"solver S {{\n base {base}\n}}\n")[1]


def test_a_solver_uses_the_order_with_time(tmp_path: Path) -> None:
    text = "method m {\n order 2 autonomous\n tableau {\n 0 |\n 0 | 1\n --+--\n | 1/2, 1/2\n }\n}\n"
    spec, codes = check(tmp_path, text + "hypersolver S {\n base m\n corrector external\n}\n")
    assert codes == ["H206"]
    assert (spec.solvers[0].order, spec.solvers[0].residual_power) == (1, 2)
    assert spec.methods[0].facts.report.order_autonomous == 2


def test_within_bounds_row_sums_and_every_weight_row(tmp_path: Path) -> None:
    tableau = "0 |\n 1 + 1e-13 | 1\n --+--\n | 1/2, 1/2\n | 1 + 1e-12, 0\n"
    off = f"method m {{{{\n order 2(1) within {{0}}\n tableau {{{{\n {tableau} }}}}\n}}}}\n"
    assert check(tmp_path, off.format("1e-11"))[1] == []
    assert check(tmp_path, off.format("5e-13"))[1] == ["H203"]
    assert check(tmp_path, off.format("5e-14"))[1][0] == "H203"
    assert "H202" in check(tmp_path, off.format("5e-14"))[1]
    assert check(tmp_path, off.format("1e-7"))[1] == ["H405"]


def test_file_before_imports_before_library(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    euler = "method {0} {{\n order 1\n tableau {{\n 0 |\n --+--\n | 1\n }}\n}}\n"
    (tmp_path / "other.hyper").write_text(euler.format("rk4") + euler.format("own"))
    spec, codes = check(tmp_path, 'import "other.hyper"\nsolver A {\n base rk4\n}\nsolver B {\n base own\n}\n')
    assert codes == []
    assert [solver.order for solver in spec.solvers] == [1, 1]
    assert [source.name for source in spec.imports] == ["other.hyper"]
    spec, codes = check(
        tmp_path, 'import "other.hyper"\nsolver B {\n base own\n}\n' + weights("1").replace(" w ", " own ")
    )
    assert codes == []
    assert spec.solvers[0].base.place.source.name == "a.hyper"


def test_imports_are_not_transitive(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "far.hyper").write_text(weights("1").replace(" w ", " far "))
    (tmp_path / "near.hyper").write_text('import "far.hyper"\n')
    assert check(tmp_path, 'import "near.hyper"\nsolver A {\n base far\n}\n')[1] == ["H302"]


def test_a_training_with_only_its_loss_is_complete(tmp_path: Path) -> None:
    spec, codes = check(tmp_path, "training fit { loss residual }\n")
    assert codes == []
    assert spec.trainings[0].iterations == 3000
    assert sum(part.share.fraction() for part in spec.trainings[0].states) == 1


def test_open_shares_are_equal(tmp_path: Path) -> None:
    spec, _ = check(tmp_path, "training fit {\n states trajectory(share = 3/5), noise(1/20), box\n}\n")
    assert [part.share for part in spec.trainings[0].states] == [Fraction(3, 5), Fraction(1, 5), Fraction(1, 5)]


def test_words_are_reserved_only_where_they_begin_a_statement(tmp_path: Path) -> None:
    text = "problem p(order = 1, method = 2) {\n tableau' = order*tableau - method\n tableau in 0 .. 1\n}\n"
    spec, codes = check(tmp_path, text)
    assert codes == []
    assert spec.problems[0].states[0].name == "tableau"


def test_settings_can_be_overridden_by_the_same_grammar() -> None:
    project = Project()
    base = default_training(project.library_method("rk4"))
    changed, found = override(base, "iterations 500\neps 1/250 .. 1/10\nreference {\nsubsteps 64\n}", project)
    assert not has_errors(found)
    assert (changed.iterations, changed.steps.unit, changed.steps.upper) == (500, "eps", Fraction(1, 10))
    assert changed.reference.substeps == 64
    assert changed.batch == base.batch
    assert has_errors(override(base, "iterations many", project)[1])
    assert has_errors(override(base, "iteration 500", project)[1])


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ("eps 1/50 .. 2/5", []),
        ("eps 1/50 .. 2/5\n reference rk4 {\n dtype float32\n }", ["H502"]),
        ("eps 1/2 .. 3/4\n reference rk4 {\n dtype float32\n }", []),
        ("eps 1/50 .. 2/5\n reference euler {\n substeps 2\n }", ["H502"]),
    ],
)
def test_unreliable_targets_are_warned_of(tmp_path: Path, settings: str, codes: list[str]) -> None:
    text = f"training fit {{\n {settings}\n}}\nhypersolver H {{\n base rk4\n corrector external\n training fit\n}}\n"
    assert check(tmp_path, text)[1] == codes


ROOTS_OF_ROOTS = """
solver Fixed {
    base second_order(alpha = cos(pi/9))
}
solver Both {
    base fourth_order(u = cos(pi/9)/2, v = sqrt(sqrt(2))/4)
}
solver Ranged {
    base second_order(alpha = 1/10 .. cos(pi/9))
}
"""


def test_roots_of_roots_as_values_of_parameters(tmp_path: Path) -> None:
    spec, codes = check(tmp_path, ROOTS_OF_ROOTS)
    assert codes == []
    assert [solver.order for solver in spec.solvers] == [2, 4, 2]


def test_roots_of_roots_beside_parameters_are_reported(tmp_path: Path) -> None:
    text = "solver S {\n base fourth_order(u = cos(pi/9)/2, v = 1/3 .. 2/5)\n}\n"
    assert check(tmp_path, text)[1] == ["H209"]
    family = "where u != cos(pi/9)\n order 1\n tableau {\n 0 |\n u | u\n --+--\n | 1 - u, u\n }"
    assert "H209" in check(tmp_path, f"method f(u) {{\n {family}\n}}\n")[1]


def test_a_control_bounds_its_steps(tmp_path: Path) -> None:
    control = "control c {{\n error embedded\n {0}\n}}\nsolver s {{\n base dopri5\n control c\n}}\n"
    spec, codes = check(tmp_path, control.format("max_step 1/10\n min_step 1e-9"))
    assert not codes
    (bound,) = (solver.control for solver in spec.solvers)
    assert bound is not None
    assert (bound.max_step, bound.min_step) == (Fraction(1, 10), Fraction(1, 10**9))
    spec, _ = check(tmp_path, control.format("max_steps 9"))
    assert spec.solvers[0].control is not None
    assert spec.solvers[0].control.max_step is None
    for wrong in ("max_step 0", "min_step -1", "max_step 1/10\n min_step 1/9", "max_step long"):
        _, codes = check(tmp_path, control.format(wrong))
        assert codes, wrong


@pytest.mark.parametrize(
    ("settings", "output"),
    [
        ("", "relative"),
        ("inputs z, dz, stages, eps", "relative"),
        ("inputs z, stages, eps", "absolute"),
        ("output absolute", "absolute"),
        ("layers conv2d(8)", "absolute"),
        ("layers conv2d(8)\n output relative", "relative"),
        ("layers residual(8, kernel = 3)", "absolute"),
        ("layers bilinear(8)", "absolute"),
        ("layers bilinear(8)\n output absolute", "absolute"),
    ],
)
def test_outputs_are_relative_where_dense_layers_read_dz(tmp_path: Path, settings: str, output: str) -> None:
    spec, codes = check(tmp_path, f"corrector g {{\n {settings}\n}}\n")
    assert codes == []
    (corrector,) = spec.correctors
    assert corrector.output == output
