"""What templates are given: settings, names, ranges and factors, of specs that are not written to files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest

from hyperdsl import compiler
from hyperdsl.codegen.torch.certificate import certificate
from hyperdsl.codegen.torch.correctors import corrector_views, leading_factor
from hyperdsl.codegen.torch.identity import base_digest
from hyperdsl.codegen.torch.suite import suite_view
from hyperdsl.codegen.torch.trained import trained_view
from hyperdsl.codegen.torch.training import train_view
from hyperdsl.codegen.torch.views import package_view
from hyperdsl.plan import Plan, plan
from hyperdsl.semantics.model.layers import Activate, Bilinear, Linear, Residual
from hyperdsl.semantics.model.spec import Corrector, External, Spec
from hyperdsl.source import SpecFile
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.families import Interval
from tests.plan.made import PLACE, controlled, library, solver

TEXT = """
training short {
    iterations 150
}
corrector reading {
    inputs z, dz, stages
    layers linear(8), tanh
}
hypersolver Usual {
    base heun
    corrector reading
}
hypersolver Short {
    base heun
    corrector reading
    training short
}
hypersolver Longer {
    base kutta3
    corrector reading
    training short
}
solver Bounded {
    base second_order(alpha = learned(1/2, 3/10 .. 1))
}
solver Open {
    base third_order(u = learned(1/2), v = learned(3/4))
}
solver Ranges {
    base third_order(u = 1/3 .. 1/2, v = 3/4 .. 1)
}
"""


@cache
def spec() -> Spec:
    with TemporaryDirectory() as name:
        path = Path(name) / "views.hyper"
        path.write_text(TEXT, "utf-8")
        return compiler.check([SpecFile(path, path.name)]).specs[0]


@cache
def plans() -> dict[str, Plan]:
    return {solver.name: plan(solver) for solver in spec().solvers}


def test_training_holds_what_is_not_the_default() -> None:
    groups = train_view(tuple(plans()[name] for name in ("Usual", "Short", "Longer"))).groups
    assert [(group.solvers, dict(group.values[1:])) for group in groups] == [
        (("Usual",), {}),
        (("Short", "Longer"), {"iterations": "150"}),
    ]


def test_a_corrector_is_a_class_for_each_number_of_stages() -> None:
    views, names = corrector_views(tuple(plans().values()))
    assert names == {"Usual": "Reading", "Short": "Reading", "Longer": "ReadingLonger"}
    assert [view.name for view in views] == ["Reading", "ReadingLonger"]


def test_learned_parameters_have_their_starts_and_ranges() -> None:
    bounded, free = trained_view(plans()["Bounded"]), trained_view(plans()["Open"])
    assert bounded is not None
    assert free is not None
    assert (bounded.names, bounded.ranges) == ("alpha", '"alpha": (1 / 2, 3 / 10, 1)')
    assert free.ranges == '"u": (1 / 2, 0, 1), "v": (3 / 4, 0, 1)'
    endless = replace(plans()["Open"], learned=tuple(replace(p, interval=Interval()) for p in plans()["Open"].learned))
    unbounded = trained_view(endless)
    assert unbounded is not None
    assert unbounded.ranges == '"u": (1 / 2, -math.inf, math.inf), "v": (3 / 4, -math.inf, math.inf)'
    assert trained_view(plans()["Usual"]) is None


def test_a_base_has_one_digest_with_and_without_a_control() -> None:
    """A control carries f(s, z) from step to step, and the step does not evaluate it then."""
    plain = {name: base_digest(plan(solver(library(name)))) for name in ("bosh3", "heun", "ralston2")}
    assert base_digest(controlled("bosh3", "embedded")) == plain["bosh3"]
    assert len(set(plain.values())) == 3


BILINEAR = Bilinear(4, "tanh", None)


@pytest.mark.parametrize(
    ("base", "start", "layers", "factor"),
    [
        ("euler", "field", (BILINEAR,), Exact.of(1) / 2),
        ("euler", "field", (BILINEAR, Linear(4)), None),
        ("euler", "zero", (BILINEAR,), None),
        ("heun", "field", (BILINEAR,), None),
    ],
)
def test_the_leading_term_of_methods_of_order_one(
    base: str, start: Literal["zero", "field"], layers: tuple[Bilinear | Linear, ...], factor: Exact | None
) -> None:
    corrector = replace(Corrector("g", PLACE, ("z", "dz"), layers, None), start=start)
    assert leading_factor(corrector, plan(solver(library(base)))) == factor


def test_the_layers_of_a_corrector() -> None:
    layers = (Linear(8), Activate("tanh"), Residual(3, "tanh", None))
    made = plan(solver(library("heun"), Corrector("small", PLACE, ("z", "dz"), layers, None)))
    ((view,), _) = corrector_views((made,))
    residual = "Residual(nn.Linear(8, 3), nn.Tanh(), nn.Linear(3, 8))"
    assert view.layers == ("nn.Linear(self.features, 8)", "nn.Tanh()", residual)
    assert (view.last, view.arguments) == ("8", ("state_shape", '("z", "dz")'))


def test_parameters_are_drawn_inside_their_ranges_and_apart() -> None:
    """The middle half of the first half of u's range, and of the second half of v's."""
    (case,) = suite_view((plans()["Ranges"],)).cases
    assert [(one.name, one.lower, one.upper) for one in case.parameters] == [
        ("u", "17 / 48", "19 / 48"),
        ("v", "29 / 32", "31 / 32"),
    ]
    assert dict(case.stated)["free"] == '== (("u", 1 / 3, 1 / 2, "[]"), ("v", 3 / 4, 1, "[]"))'


def test_a_bilinear_layer_alone_is_linear_in_the_slopes_to_the_end() -> None:
    made = plan(solver(library("heun"), Corrector("small", PLACE, ("z", "dz"), (BILINEAR,), None)))
    ((view,), _) = corrector_views((made,))
    assert (view.layers, view.last) == ((), "4, bias=False")


@pytest.mark.parametrize("base", ["euler", "heun"])
def test_suites_test_correctors_that_start_from_the_field(base: str) -> None:
    corrector = replace(Corrector("g", PLACE, ("z", "dz"), (BILINEAR,), None), start="field")
    (case,) = suite_view((plan(solver(library(base), corrector)),)).cases
    assert case.warm is not None
    assert (case.warm.first, case.warm.second) == ("nn.Linear(3, 4)", "nn.Linear(4, 3)")
    assert case.warm.factor == ("1 / 2" if base == "euler" else "")
    assert suite_view((plans()["Usual"],)).cases[0].warm is None


@pytest.mark.parametrize(("digits", "argument"), [(None, ""), (14, ""), (10, ", 1e-10")])
def test_suites_measure_to_the_tolerance_that_the_order_holds_to(digits: int | None, argument: str) -> None:
    tolerance = None if digits is None else Exact.of(1) / Exact.of(10**digits)
    (case,) = suite_view((plan(solver(replace(library("heun"), tolerance=tolerance), None)),)).cases
    assert case.defect == argument


def offered(made: Plan) -> set[str]:
    return {name for one in package_view(spec(), (made,)).offered for name in one.names.split(", ")}


def test_packages_offer_what_their_solvers_return_and_warn_of() -> None:
    failing, control = {"SolveError", "Status"}, {"Control", "Solution", "Statistics"}
    assert offered(plans()["Bounded"]) == {"Bounded", *failing}
    assert offered(plans()["Usual"]) == {"Usual", "Reading", *failing, "OutsideWarning", "WeightsWarning"}
    assert offered(controlled("bosh3", "embedded")) == {"Made", *failing, *control}


def test_an_external_corrector_is_called_with_all_there_is() -> None:
    (view,) = package_view(spec(), (plan(solver(library("heun"), External())),)).solvers
    assert view.call == "eps, s, x, z, dz"


@pytest.mark.parametrize(
    ("base", "fallback", "steps"),
    [("heun_euler", True, "FallbackSteps"), ("euler", False, "DoubtedSteps"), ("heun", False, "LearnedSteps")],
)
def test_learned_steps_have_a_base_for_what_checks_them(base: str, fallback: bool, steps: str) -> None:
    made = controlled(base, "learned", External(), fallback=fallback)
    (view,) = package_view(spec(), (made,)).solvers
    assert [name for name in view.bases.split(", ") if name.endswith("Steps")] == [steps]


def test_a_certificate_names_its_spec_and_what_corrects() -> None:
    external = plan(solver(library("heun"), External()))
    found = json.loads(certificate(spec(), (external, plans()["Usual"], plans()["Bounded"])))
    assert found["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert found["sources"] == {"views.hyper": TEXT}
    said = [(one["name"], one["corrector"], one["training"], one["residual_power"]) for one in found["solvers"]]
    assert said == [
        ("Made", "external", None, 3),
        ("Usual", "reading", "default", 3),
        ("Bounded", None, "default", None),
    ]
    assert ["trained" in one for one in found["solvers"]] == [False, False, True]
