"""A package made from the real training template and view, with solvers written by hand."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from hyperdsl.codegen.python import quoted
from hyperdsl.codegen.render import environment
from hyperdsl.codegen.torch import TEMPLATES
from hyperdsl.codegen.torch.runtime import FOLDER, TARGET
from hyperdsl.codegen.torch.training import train_view
from hyperdsl.plan import plan
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Binary, Constant, Variable
from hyperdsl.semantics.model.facts import Facts
from hyperdsl.semantics.model.layers import Linear
from hyperdsl.semantics.model.left_open import Free, Learned
from hyperdsl.semantics.model.spec import Corrector, External, Method, Reference, Solver, Spec, Training
from hyperdsl.semantics.model.training import (
    AdversarialLoss,
    EndLoss,
    Optimizer,
    ResidualLoss,
    StateShare,
    StepRange,
    TrajectoryLoss,
)
from hyperdsl.source import Place, Source, Span
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.families import Interval
from hyperdsl.theory.runge_kutta.order import prove_order
from hyperdsl.theory.runge_kutta.tableau import Tableau


def exact(*numbers: str) -> Any:  # as many as are given
    return tuple(Exact.of(Fraction(number)) for number in numbers)


SOURCE = Source("hyper_hand.hyper", "")
PLACE = Place(SOURCE, Span(1, 1, 1, 1))
RK4 = Tableau(
    (exact("0", "0", "0", "0"), exact("1/2", "0", "0", "0"), exact("0", "1/2", "0", "0"), exact("0", "0", "1", "0")),
    exact("0", "1/2", "1/2", "1"),
    (exact("1/6", "1/3", "1/3", "1/6"),),
)

HEUN = Tableau((exact("0", "0"), exact("1", "0")), exact("0", "1"), (exact("1/2", "1/2"),))


def method(name: str, tableau: Tableau) -> Method:
    report = prove_order(tableau)
    entries = Entries(
        tuple(tuple(map(Constant, row)) for row in tableau.a),
        tuple(map(Constant, tableau.c)),
        tuple(tuple(map(Constant, row)) for row in tableau.weights),
    )
    facts = Facts(report, (), 1, False, 8, None, None, None)
    return Method(name, PLACE, tableau, entries, (), report.order, (), None, False, facts)


TRAINING = Training(
    name="fit",
    place=PLACE,
    loss=ResidualLoss(),
    states=(
        StateShare("trajectory", *exact("3/5")),
        StateShare("noise", *exact("1/5", "1/20")),
        StateShare("box", *exact("1/5")),
    ),
    steps=StepRange("steps", *exact("2", "40")),
    reference=Reference(method("rk4", RK4), 16, "float64"),
    optimizer=Optimizer(*exact("1/100", "1/1000000", "1")),
    schedule="cosine",
    iterations=300,
    batch=128,
    seed=0,
)
CORRECTOR = Corrector("small", PLACE, ("z", "dz", "s", "eps"), (Linear(32),), None)


def solver(name: str, **changes: object) -> Solver:
    base = TRAINING.reference.method  # the view reads nothing of the base
    whole = Solver(name, PLACE, base, base.tableau, base.entries, base.facts, (), (), CORRECTOR, TRAINING)
    return replace(whole, **changes)  # type: ignore[arg-type]  # the changes are as the test writes them


FURTHER = replace(
    TRAINING,
    loss=TrajectoryLoss(4),
    steps=StepRange("steps", *exact("8", "40")),
    iterations=60,
    optimizer=Optimizer(*exact("1/500", "1/1000000", "1")),
)
ATTACKED = replace(TRAINING, loss=AdversarialLoss(Exact.of(Fraction(1, 5)), 3), iterations=100)
ALPHA = Variable("alpha")
ONE, ZERO, TWO = (Constant(Exact.of(n)) for n in (1, 0, 2))
HALVED = Binary("/", ONE, Binary("*", TWO, ALPHA))
FAMILY = Entries(((ZERO, ZERO), (ALPHA, ZERO)), (ZERO, ALPHA), ((Binary("-", ONE, HALVED), HALVED),))
LEARNED = {
    "entries": FAMILY,
    "tableau": HEUN,
    "learned": (Learned("alpha", Exact.of(Fraction(1, 2)), Interval(*exact("3/10", "1"))),),
}
BRIEF = replace(FURTHER, loss=TrajectoryLoss(2), batch=32, then=(replace(FURTHER, loss=ResidualLoss(), batch=32),))
ENDED = replace(
    TRAINING, loss=EndLoss(), steps=StepRange("steps", Exact.of(1), Exact.of(2), numbers=(1, 2)), trajectories=96
)
FIXED = replace(TRAINING, steps=StepRange("steps", *exact("8", "8")))

SOLVERS = (
    solver("HyperEuler"),
    solver("HyperHeun"),
    solver("Bounded", corrector=replace(CORRECTOR, bound=Exact.of(2))),
    solver("HyperAlpha", free=(Free("alpha", Interval(*exact("3/10", "1"))),)),
    solver("Mine", corrector=External()),
    solver("Phased", training=replace(TRAINING, then=(FURTHER, replace(FURTHER, iterations=5)))),
    solver("Attacked", training=ATTACKED),
    solver("Rolled", training=FURTHER),
    solver("Fixed", training=FIXED),
    solver("Learned", corrector=None, training=BRIEF, **LEARNED),
    solver("HyperLearned", **LEARNED),
    solver("Ended", training=ENDED),
    solver("Plain", corrector=None, training=None),
)


def spec() -> Spec:
    return Spec(SOURCE, (), (), (), (CORRECTOR,), (TRAINING,), (), SOLVERS, ())


def rendered(*solvers: Solver) -> str:
    return (
        environment(TEMPLATES, quoted).get_template("train.py.jinja").render(view=train_view(tuple(map(plan, solvers))))
    )


def imported(folder: Path, name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert found is not None
    assert found.loader is not None
    package = importlib.util.module_from_spec(found)
    sys.modules[name] = package
    found.loader.exec_module(package)
    return importlib.import_module(f"{name}.train")


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The rendered module; its solvers are in `solvers.py` beside this file."""
    folder = tmp_path_factory.mktemp("hand")
    (folder / "__init__.py").write_text("")
    shutil.copytree(FOLDER, folder / TARGET)
    (folder / "solver.py").write_text((Path(__file__).parent / "solvers.py").read_text())
    (folder / "train.py").write_text(rendered(*SOLVERS))
    return imported(folder, "hyper_hand")


@pytest.fixture(scope="session")
def hand() -> ModuleType:
    """This module: model objects made by hand."""
    return sys.modules[__name__]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
