"""Sweeps as a spec declares them, and the variants that they make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.semantics.model.layers import Conv2d, Linear
from hyperdsl.semantics.model.spec import Corrector, Solver, Spec
from hyperdsl.semantics.model.sweep import SweptBase
from hyperdsl.source import SpecFile

SPEC = """import "shared.hyper"

method mine {
    order 1
    tableau {
        0 |
        --+---
          | 1
    }
}

corrector mlp {
    inputs z, dz  # the rest is not needed
    layers linear(64), silu, linear(64), silu
    bound 100
}

training fit {
    loss residual
    reference halves {
        substeps 8
    }
    optimizer adamw(weight_decay = 1e-5, lr = 1e-3)
    then {
        loss trajectory(steps = 4)
    }
}

hypersolver Swept {
    base mine
    corrector mlp
    training fit
}

sweep all {
    solver Swept
    base mine, second_order(alpha = 2/3), halves, rk4
    width 8 .. 128
    depth 1, 3, 2
    iterations 100 .. 1000
    batch 32, 64
    lr 1e-4 .. 1e-2
    steps 8, 2, 4
    trials 7
    seed 5
}

sweep short {
    solver Swept
    width 16
}
"""
SHARED = """method halves {
    order 2
    tableau {
        0   |
        1/2 | 1/2
        ----+-----
            | 0, 1
    }
}
"""
BARE = """corrector images {
    layers conv2d(8, kernel = 5), relu
}

hypersolver Bare {
    base euler
    corrector images
}

sweep trade {
    solver Bare
    base euler, ab2
    width 4 .. 16
    lr 1e-3 .. 1e-2
}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "shared.hyper").write_text(SHARED)
    (tmp_path / "swept.hyper").write_text(SPEC)
    (tmp_path / "bare.hyper").write_text(BARE)
    return tmp_path / "swept.hyper"


def checked(path: Path) -> Spec:
    found = compiler.check([SpecFile(path, path.name)])
    assert not has_errors(found.diagnostics), found.diagnostics
    return found.specs[0]


def made(text: str, folder: Path) -> Spec:
    """The variant as a checked spec of its own, far from the files that it was made from."""
    path = folder / "alone" / "swept.hyper"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return checked(path)


def test_a_sweep_is_read_with_its_defaults(spec: Path) -> None:
    every, short = checked(spec).sweeps
    assert [(base.text, base.order) for base in every.bases] == [
        ("mine", 1),
        ("second_order(alpha = 2/3)", 2),
        ("halves", 2),
        ("rk4", 4),
    ]
    ranges = {number.word: (float(number.lower), float(number.upper), len(number.listed)) for number in every.numbers}
    assert ranges == {
        "width": (8, 128, 0),
        "depth": (1, 3, 3),
        "iterations": (100, 1000, 0),
        "batch": (32, 64, 2),
        "lr": (1e-4, 1e-2, 0),
    }
    assert (every.steps, every.trials, every.seed) == ((2, 4, 8), 7, 5)
    assert (short.bases, short.steps, short.trials, short.seed) == ((SweptBase("mine", 1),), (2, 5, 10, 20), 24, 0)


def test_a_variant_is_a_spec_of_its_own(spec: Path) -> None:
    values = {"base": "halves", "width": "12", "depth": "3", "iterations": "500", "batch": "32", "lr": "2e-3"}
    text = compiler.variants(spec, "all").text(values)
    variant = made(text, spec.parent)
    (solver,) = variant.solvers
    assert isinstance(solver, Solver)
    assert (solver.base.name, solver.order, solver.residual_power) == ("halves", 2, 3)
    assert isinstance(solver.corrector, Corrector)
    assert [layer.width for layer in solver.corrector.layers if isinstance(layer, Linear)] == [12, 12, 12]
    assert (solver.corrector.inputs, float(solver.corrector.bound or 0)) == (("z", "dz"), 100)
    training = solver.training
    assert training is not None
    assert (training.iterations, training.batch, training.then[0].iterations) == (500, 32, 500)
    rate, decay = float(training.optimizer.learning_rate), float(training.optimizer.weight_decay)
    assert (rate, decay, training.reference.method.name) == (2e-3, 1e-5, "halves")
    assert [method.name for method in variant.methods] == ["halves"]
    assert not variant.imports
    assert not variant.sweeps


@pytest.mark.parametrize(
    ("base", "order", "methods"),
    [("mine", 1, {"mine", "halves"}), ("second_order(alpha = 2/3)", 2, {"halves"}), ("rk4", 4, {"halves"})],
)
def test_the_order_of_each_base_is_proven_anew(spec: Path, base: str, order: int, methods: set[str]) -> None:
    variant = made(compiler.variants(spec, "all").text({"base": base}), spec.parent)
    assert variant.solvers[0].order == order
    assert {method.name for method in variant.methods} == methods


def test_what_does_not_vary_stays(spec: Path) -> None:
    variant = made(compiler.variants(spec, "short").text({"width": "16"}), spec.parent)
    solver = variant.solvers[0]
    assert solver.training is not None
    assert (solver.base.name, solver.training.iterations) == ("mine", 3000)
    assert isinstance(solver.corrector, Corrector)
    assert [layer.width for layer in solver.corrector.layers if isinstance(layer, Linear)] == [16, 16]


def test_convolutions_defaults_and_methods_with_a_history(spec: Path) -> None:
    path = spec.with_name("bare.hyper")
    variant = made(compiler.variants(path, "trade").text({"base": "ab2", "width": "6", "lr": "5e-3"}), spec.parent)
    solver = variant.solvers[0]
    assert solver.order == 2
    assert isinstance(solver.corrector, Corrector)
    assert solver.corrector.layers[0] == Conv2d(6, 5)
    assert solver.training is not None
    assert float(solver.training.optimizer.learning_rate) == 5e-3


@pytest.mark.parametrize(
    ("start", "layers"),
    [
        ("zero", "bilinear(9, activation = tanh), residual(9), residual(9), residual(9)"),
        ("field", "bilinear(64, activation = tanh), residual(9), residual(9), residual(9)"),
    ],
)
def test_a_bilinear_layer_stays_the_first_and_the_field_s(spec: Path, start: str, layers: str) -> None:
    written = f"    layers bilinear(64, activation = tanh), residual(32)\n    start {start}\n"
    path = spec.with_name("bare.hyper")
    path.write_text(
        BARE.replace("    layers conv2d(8, kernel = 5), relu\n", written).replace(
            "    lr 1", "    depth 1 .. 4\n    lr 1"
        )
    )
    text = compiler.variants(path, "trade").text({"base": "euler", "width": "9", "depth": "3"})
    assert f"    layers {layers}\n" in text
    made(text, spec.parent)


def test_variants_are_in_the_canonical_layout(spec: Path, tmp_path: Path) -> None:
    text = compiler.variants(spec, "all").text({"base": "mine", "width": "9", "depth": "1"})
    (tmp_path / "v.hyper").write_text(text)
    assert compiler.layout(tmp_path / "v.hyper", "v.hyper").text == text
    assert text.startswith("# The sweep `all` of swept.hyper: base mine, width 9, depth 1.\n")


def test_a_name_that_would_mean_two_methods_is_refused(spec: Path) -> None:
    """`pair`, imported, starts with its own file's `mine`, and the training's reference is this file's."""
    mine = SPEC[SPEC.index("method mine") : SPEC.index("corrector")]
    pair = "multistep pair {\n    order 2\n    z[n+1] = z[n] + h*(3/2*f[n] - 1/2*f[n-1])\n    start mine\n}\n"
    spec.with_name("shared.hyper").write_text(SHARED + mine + pair)
    phases = SPEC[SPEC.index("    then {") : SPEC.index("}\n\nhypersolver")]
    text = SPEC.replace(phases, "").replace("base mine, second", "base mine, pair, second")
    spec.write_text(text.replace("reference halves", "reference mine"))
    found = compiler.check([SpecFile(spec, spec.name)])
    (error,) = [diagnostic for diagnostic in found.diagnostics if diagnostic.severity == "error"]
    assert (error.code, "two methods that are called `mine`" in error.message) == ("H413", True)
    spec.write_text(text)
    assert not has_errors(compiler.check([SpecFile(spec, spec.name)]).diagnostics)


def test_a_sweep_changes_no_package(spec: Path, tmp_path: Path) -> None:
    def texts(source: str, folder: str) -> dict[str, str]:
        path = spec.with_name("swept.hyper")
        path.write_text(source)
        outcome = compiler.check([SpecFile(path, path.name)])
        compiler.compile_checked(outcome, tmp_path / folder)
        sha256 = outcome.specs[0].source.sha256
        made = {p.name: p.read_text().replace(sha256, "") for p in (tmp_path / folder / "swept").rglob("*.*")}
        certificate = json.loads(made.pop("certificate.json"))
        assert certificate.pop("sources")["swept.hyper"] == source
        return made | {"certificate.json": json.dumps(certificate)}

    assert texts(SPEC, "with") == texts(SPEC[: SPEC.index("sweep all")], "without")
