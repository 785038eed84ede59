"""Steps of additive methods: which part is evaluated where, and that they have the proven order when they are run."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import pytest

from hyperdsl.plan import Evaluate, Plan, Solve, plan
from hyperdsl.plan.interpret import Interpreter, stepper
from hyperdsl.plan.step import equations
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.reading.scope import Project

PROJECT = Project()
METHODS = ["ars111", "ars222", "ars232", "ars233", "ars443", "ark324l2sa", "ark436l2sa", "imex_ssp2_222"]
METHODS += ["imex_ssp3_433", "imex_ssp3_333(beta = 3/4)", "giraldo_ark2", "bpr353", "imkg242a", "imkg343a", "dbm453"]


def planned(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / f"made_{len([*tmp_path.iterdir()])}.hyper"
    path.write_text(text, encoding="utf-8")
    spec, found = check_file(path, path.name, PROJECT)
    assert not found
    return plan(spec.solvers[0])


class Split:
    """z' = (sin z + s z²/4) + (−z³/3 − z cos s)."""

    def explicit(self, s: float, z: float) -> float:
        return math.sin(z) + s * z * z / 4

    def implicit(self, s: float, z: float) -> float:
        return -(z**3) / 3 - math.cos(s) * z

    def __call__(self, s: float, z: float) -> float:
        return self.explicit(s, z) + self.implicit(s, z)


@cache
def exact() -> float:
    """z(1.1) from z(0.1) = 1."""
    f, z, h = Split(), 1.0, 1 / 2000
    for k in range(2000):
        s = 0.1 + k * h
        a = f(s, z)
        b = f(s + h / 2, z + h / 2 * a)
        c = f(s + h / 2, z + h / 2 * b)
        z += h / 6 * (a + 2 * b + 2 * c + f(s + h, z + h * c))
    return z


@pytest.mark.parametrize("method", METHODS)
def test_order_is_that_of_a_split_problem_that_reads_the_time(tmp_path: Path, method: str) -> None:
    made = planned(tmp_path, f"solver Made {{\n    base {method}\n}}\n")
    step, errors = stepper(made.step), []
    for steps in (32, 64):
        z = 1.0
        for k in range(steps):
            z = step(Split(), 0.1 + k / steps, z, 1 / steps)
        errors.append(abs(z - exact()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(made.order, abs=0.2)


def test_parts_are_evaluated_at_their_own_stages(tmp_path: Path) -> None:
    """ARS(2,2,2) has no use for the implicit part at the start, nor for the explicit one at the end."""
    made = planned(tmp_path, "solver Made {\n    base ars222\n}\n")
    found = [(one.name, one.field) for statement in made.step.body for one in equations(statement)]
    assert found == [("e1", "explicit"), ("i2", "implicit"), ("e2", "explicit"), ("i3", "implicit")]
    assert [type(statement) for statement in made.step.body] == [Evaluate, Solve, Evaluate, Solve]
    assert made.evaluations_per_step == 4


def test_stage_of_both_parts_is_evaluated_twice_and_shared_with_no_other_part(tmp_path: Path) -> None:
    """Equal arguments of different parts are different evaluations."""
    made = planned(tmp_path, "solver Made {\n    base ark324l2sa\n}\n")
    at_start = [one for s in made.step.body for one in equations(s) if one.name in ("e1", "i1")]
    assert [one.field for one in at_start] == ["implicit", "explicit"]
    assert made.evaluations_per_step == 8


def test_corrector_reads_the_whole_field(tmp_path: Path) -> None:
    text = "hypersolver Made {\n    base ars222\n    corrector external\n}\n"
    made = planned(tmp_path, text)
    (first, *_) = made.step.body
    assert isinstance(first, Evaluate)
    assert (first.name, first.field) == ("dz", "f")
    assert made.seen == ("dz",)
    assert made.residual_power == 3
    assert made.evaluations_per_step == 6  # of the whole field both parts count
    seen = []

    def g(eps: float, s: float, z: float, dz: float) -> float:
        seen.append(dz)
        return 1.0

    with_g = Interpreter(made.step)(Split(), 0.1, 1.0, 0.5, g=g).end
    assert seen == [Split()(0.1, 1.0)]
    assert with_g - stepper(planned(tmp_path, "solver Made {\n    base ars222\n}\n").step)(
        Split(), 0.1, 1.0, 0.5
    ) == pytest.approx(0.125)


def test_embedded_error_is_that_of_both_rows(tmp_path: Path) -> None:
    made = planned(
        tmp_path, "control c {\n    error embedded\n}\nsolver Made {\n    base ark324l2sa\n    control c\n}\n"
    )
    (estimate,) = made.attempt.estimates
    assert (estimate.power, estimate.against) == (3, 2)
    assert {term.name for term in estimate.error} == {"e1", "e2", "e3", "e4", "i1", "i2", "i3", "i4"}
    f, errors = Split(), []
    for eps in (0.02, 0.01):
        found = Interpreter(made.attempt)(f, 0.1, 1.0, eps, taken=(f(0.1, 1.0),))
        assert found.given == (f(0.1 + eps, found.end),)
        errors.append(abs(found.errors[0]))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.2)
