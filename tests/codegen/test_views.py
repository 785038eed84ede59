"""What templates are given: settings, names, ranges and factors, of specs that are not written to files."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hyperdsl import compiler
from hyperdsl.codegen.torch.correctors import corrector_views, leading_factor
from hyperdsl.codegen.torch.identity import base_digest
from hyperdsl.codegen.torch.trained import trained_view
from hyperdsl.codegen.torch.training import train_view
from hyperdsl.plan import Plan, plan
from hyperdsl.semantics.model.layers import Activate, Bilinear, Linear, Residual
from hyperdsl.semantics.model.spec import Corrector
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
"""


@cache
def plans() -> dict[str, Plan]:
    with TemporaryDirectory() as name:
        path = Path(name) / "views.hyper"
        path.write_text(TEXT, "utf-8")
        checked = compiler.check([SpecFile(path, path.name)])
    return {solver.name: plan(solver) for solver in checked.specs[0].solvers}


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
    base: str, start: str, layers: tuple[Bilinear | Linear, ...], factor: Exact | None
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
