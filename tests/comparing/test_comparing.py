"""Specs compared in meaning: what is a difference, what is none, and whether weights load as it says."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hyperdsl import compiler
from hyperdsl.cli import application
from hyperdsl.comparing.specs import compare
from hyperdsl.comparing.words import LEFT_OUT, WORDS
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import load_package
from hyperdsl.semantics.model.spec import Spec
from hyperdsl.source import SpecFile

ROOT = Path(__file__).parents[2]
BEFORE = """method two {
    order 2
    tableau {
        0 |
        1 | 1
        --+----------
          | 1/2, 1/2
    }
}

corrector g {
    inputs z, dz, eps
    layers linear(4), silu
}

training fit {
    loss residual
    iterations 10
}

control pi {
    error learned
}

hypersolver Mine {
    base two
    corrector g
    training fit
}
"""
LOADING = {  # what is put in place of what, and whether weights still load
    "layout": ("    order 2\n", "    order 2   # proven\n\n", True),
    "training": ("iterations 10", "iterations 20", True),
    "outside": ("silu\n", "silu\n    outside base\n", True),
    "control": ("    training fit\n}\n", "    training fit\n    control pi\n}\n", True),
    "corrector's name": ("g {", "net {", True),
    "coefficients": (
        "        1 | 1\n        --+----------\n          | 1/2, 1/2",
        "        2/3 | 2/3\n        ----+----------\n            | 1/4, 3/4",
        False,
    ),
    "power": ("| 1/2, 1/2", "| 1, 0", False),
    "width": ("linear(4)", "linear(5)", False),
    "activation": ("silu", "tanh", False),
    "prelu": ("silu", "prelu", False),
    "deeper": ("silu", "silu, linear(4), silu", False),
    "residual": ("linear(4), silu", "linear(4), residual(4, activation = silu)", False),
    "bilinear": ("linear(4), silu", "bilinear(4, activation = silu)", False),
    "inputs": ("z, dz, eps", "z, dz, s, eps", False),
    "their order": ("z, dz, eps", "dz, z, eps", False),
    "stages": ("z, dz, eps", "z, dz, stages, eps", False),
    "bound": ("silu\n", "silu\n    bound 10\n", False),
    "output": ("silu\n", "silu\n    output absolute\n", False),
    "name": ("Mine", "Yours", False),
}


def written(folder: Path, name: str, text: str) -> SpecFile:
    path = folder / f"{name}.hyper"
    path.write_text(text)
    return SpecFile(path, path.as_posix())


def variant(case: str) -> str:
    old, new, _ = LOADING[case]
    text = BEFORE.replace(old, new)
    if case == "corrector's name":
        text = text.replace("corrector g\n", "corrector net\n")
    if case == "power":
        text = text.replace("order 2\n", "order 1\n")
    assert text != BEFORE
    return text


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Spec]]:
    """The packages of all cases in a folder, and their specs; that of `before`, too."""
    folder = tmp_path_factory.mktemp("comparing")
    texts = {"before": BEFORE} | {case: variant(case) for case in LOADING}
    names = {case: f"case_{i}" for i, case in enumerate(texts)}
    checked = compiler.check([written(folder, names[case], text) for case, text in texts.items()])
    assert not has_errors(checked.diagnostics)
    compiler.compile_checked(checked, folder / "generated")
    for case, name in names.items():
        (folder / "generated" / name).rename(folder / "generated" / case.replace(" ", "_").replace("'", ""))
    return folder / "generated", dict(zip(texts, checked.specs, strict=True))


def solver_of(folder: Path, case: str) -> Any:
    package = load_package(folder / case.replace(" ", "_").replace("'", ""))
    return package.choose()(state_shape=(2,))


@pytest.mark.parametrize("case", LOADING)
def test_weights_load_as_it_is_said(case: str, variants: tuple[Path, dict[str, Spec]], tmp_path: Path) -> None:
    folder, specs = variants
    found = compare(specs["before"], specs[case])
    (said,) = found.weights
    assert said.load is LOADING[case][2]
    assert bool(said.because) is not said.load
    assert bool(found.changed) is (case != "layout")
    file = tmp_path / "w.safetensors"
    solver_of(folder, "before").save(file)
    other = solver_of(folder, case)
    if said.load:
        other.load(file)
    else:
        with pytest.raises(ValueError, match=r"another solver's weights|has shape|is missing|is unknown"):
            other.load(file)


def test_what_changed_is_told_in_words(variants: tuple[Path, dict[str, Spec]]) -> None:
    _, specs = variants

    def told(case: str) -> set[tuple[str, str, str, str]]:
        return {(one.what, one.field, one.before, one.after) for one in compare(specs["before"], specs[case]).changed}

    assert told("layout") == set()
    assert told("training") == {("training fit", "iterations", "10", "20")}
    assert told("coefficients") >= {("method two", "a_2,1", "1", "2/3"), ("method two", "b_1,2", "1/2", "3/4")}
    assert told("coefficients") >= {("method two", "c_2", "1", "2/3")}
    assert told("power") >= {("method two", "proven order", "2", "1"), ("solver Mine", "residual power", "3", "2")}
    assert ("solver Mine", "evaluations a step", "2", "1") in told("power")
    assert told("bound") == {("corrector g", "bound", "none", "10")}
    assert told("output") == {("corrector g", "output", "relative", "absolute")}
    assert ("solver Mine", "steps", "fixed", "adaptive") in told("control")
    assert told("corrector's name") >= {("corrector", "renamed", "g", "net"), ("solver Mine", "corrector", "g", "net")}
    assert told("name") >= {("solver", "renamed", "Mine", "Yours"), ("export", "removed", "Mine", "")}


def test_every_field_of_a_model_is_compared_or_left_out_by_name() -> None:
    for kind, words in WORDS.items():
        compared = {path.partition(".")[0] for path in words}
        own = {field.name for field in fields(kind)}
        left = LEFT_OUT.get(kind, frozenset())
        assert own - compared == left, kind.__name__
        assert not compared & left, kind.__name__


def diff(*arguments: object) -> Result:
    return CliRunner().invoke(application(), ["diff", *map(str, arguments)], env={"COLUMNS": "200"})


def test_the_command_says_it_by_its_exit_code(tmp_path: Path) -> None:
    before = written(tmp_path, "before", BEFORE).path
    after = written(tmp_path, "after", variant("width")).path
    assert diff(before, before).exit_code == 0
    assert "nothing changed in meaning" in diff(before, before).stdout
    done = diff(before, after)
    assert done.exit_code == 1
    assert "corrector g: layers" in done.stdout
    assert "those trained for A do not load in B: g's layers" in done.stdout
    made = json.loads(diff(before, after, "--json").stdout)
    assert [one["field"] for one in made["changes"]] == ["layers"]
    assert made["weights"][0]["load"] is False
    assert diff(before, tmp_path / "none.hyper").exit_code == 2
    bad = written(tmp_path, "bad", BEFORE.replace("order 2", "order 3")).path
    done = diff(before, bad)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "has order 2" in done.stderr
    assert diff(before, tmp_path).exit_code == 2


@pytest.mark.parametrize("name", ["hyper_heun", "stiff_bdf", "few_evaluations", "imex_pairs", "vp_sampler", "graded"])
def test_a_package_means_what_its_spec_means(name: str) -> None:
    done = diff(ROOT / "specs" / f"{name}.hyper", ROOT / "generated" / name)
    assert done.exit_code == 0, done.stdout
    assert done.stdout.startswith("nothing changed in meaning")


def test_a_part_that_is_new_is_told_as_one(tmp_path: Path) -> None:
    phase = "    then {\n        loss trajectory(steps = 2)\n        iterations 5\n    }\n"
    texts = [BEFORE.replace("    iterations 10\n", f"    iterations 10\n{phase * count}") for count in (0, 1, 2)]
    none, one, two = (written(tmp_path, f"phases_{i}", text).path for i, text in enumerate(texts))

    def told(*specs: Path) -> list[str]:
        return [line for line in diff(*specs).stdout.splitlines() if line.startswith("training")]

    assert told(none, one) == ["training fit: phase 1: none → there"]
    assert told(two, one) == ["training fit: phase 2: there → none"]
    other = written(tmp_path, "other", texts[2][::-1].replace("5 snoitareti", "6 snoitareti", 1)[::-1]).path
    assert told(two, other) == ["training fit: phase 2 iterations: 5 → 6"]


def test_problems_and_sweeps_are_compared(tmp_path: Path) -> None:
    text = (ROOT / "specs" / "swept_lotka_volterra.hyper").read_text()
    problem = "\nproblem p(mu = 1 .. 2) {\n    x' = -mu*sin(x)^2\n    x in 0 .. 1\n    span 0 .. 1\n}\n"
    before = written(tmp_path, "before", text + problem).path
    after = written(tmp_path, "after", text + problem.replace("sin(x)", "cos(x)").replace("1 .. 2", "1 .. 3")).path
    changed = {line for line in diff(before, after).stdout.splitlines() if line.startswith("problem")}
    assert changed == {
        "problem p: parameter mu to: 2 → 3",
        "problem p: state x derivative: -mu*sin(x)^2 → -mu*cos(x)^2",
    }
