"""What `path` declarations mean, and the packages of solvers on them."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from hyperdsl import compiler
from hyperdsl.cli import application
from hyperdsl.runtime.path import Path as RuntimePath
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.path import PathModel
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.source import SpecFile

VP = Path("specs/vp_sampler.hyper")
SOLVER = "\nsolver S {\n    base heun\n    path p\n}\n"


def checked(tmp_path: Path, text: str) -> tuple[PathModel | None, list[str]]:
    """The path of a spec, and the codes of its diagnostics."""
    file = tmp_path / "spec.hyper"
    file.write_text(text + SOLVER, encoding="utf-8")
    spec, found = check_file(file, file.name, Project())
    return (spec.paths[0] if spec.paths else None), [diagnostic.code for diagnostic in found]


def test_settings_have_defaults(tmp_path: Path) -> None:
    path, codes = checked(tmp_path, "path p {\n    alpha 1 - t\n    sigma t\n    times 9/10 .. 0\n}")
    assert path is not None
    assert codes == []
    assert path.predicts == "noise"
    assert path.span == (0.1, 1.0)
    path, codes = checked(tmp_path, "path p {\n    alpha exp(-t)\n    sigma sqrt(1 - alpha^2)\n}")
    assert path is not None
    assert [str(time) for time in path.times] == ["1", "1/1000"]


@pytest.mark.parametrize(
    ("schedule", "parameters"),
    [
        ("alpha exp(-1/4*t^2*(b - a) - 1/2*t*a)\n sigma sqrt(1 - alpha^2)", "(a = 1/10, b = 20)"),
        (
            "alpha cos(pi/2*(t + s)/(1 + s))/cos(pi/2*s/(1 + s))\n sigma sqrt(1 - alpha^2)\n times .99 .. 0",
            "(s = 1/125)",
        ),
        ("alpha 1\n sigma t\n times 80 .. 1/500", ""),
        ("alpha 1\n sigma lo*(hi/lo)^t\n times 1 .. 0", "(lo = 1/100, hi = 50)"),
        ("alpha 1 - t\n sigma abs(-t)\n times 99/100 .. 1/100", ""),
        ("alpha tanh(2 - t)\n sigma tan(t)*log(2)*sin(1)\n times 1 .. 1/100", ""),
    ],
)
@pytest.mark.parametrize("predicts", ["noise", "v"])
def test_generated_schedules(tmp_path: Path, schedule: str, parameters: str, predicts: str) -> None:
    """The function in solver.py gives what the balls of the check do, and its path has the checked span."""
    path, codes = checked(tmp_path, f"path p{parameters} {{\n {schedule}\n predicts {predicts}\n}}")
    assert path is not None, codes
    found = compiler.check([SpecFile(tmp_path / "spec.hyper", "spec.hyper")])
    (files,) = compiler.generate(found)
    solver = next(file.text for file in files or () if file.path == "solver.py")
    scope: dict[str, Any] = {"torch": torch, "math": math, "Tensor": Tensor}
    start = solver.index("def p_schedule")
    exec("from __future__ import annotations\n" + solver[start : solver.index("class S(")], scope)
    made = RuntimePath(scope["p_schedule"], path.predicts, [float(time) for time in path.times])
    assert made.span == pytest.approx(path.span, rel=1e-12)
    assert made.schedule(torch.tensor([0.5, 0.7], dtype=torch.float64))[0].shape == (2,)


def test_a_path_comes_from_an_import(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "paths.hyper").write_text("path p {\n    alpha 1 - t\n    sigma t\n    predicts v\n}\n")
    _, codes = checked(tmp_path, 'import "paths.hyper"')
    assert codes == []


def test_json_and_table() -> None:
    run = CliRunner().invoke(application(), ["check", str(VP), "--json"])
    (file,) = json.loads(run.stdout)["files"]
    assert [path["name"] for path in file["paths"]] == ["vp"]
    assert file["paths"][0]["times"] == [1.0, 0.001]
    assert {solver["path"] for solver in file["solvers"]} == {"vp"}
    assert "heun, on the path vp" in CliRunner().invoke(application(), ["check", str(VP)]).stdout


def test_training_takes_the_model_and_noise() -> None:
    """As on the straight path with its field, to the last bit; a span is none of a model's."""
    package = importlib.import_module("generated.vp_sampler")
    train = importlib.import_module("generated.vp_sampler.train")

    def model(tau: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(x) + 0.1 * tau

    def noise(batch: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, 2, generator=generator)

    path = package.VpSampler.path
    few = {"iterations": 3, "batch": 16, "progress": False}
    first, second = package.VpSampler((2,)), package.VpSampler((2,))
    history = train.fit(first, model, noise, **few)
    train.fit(second, path.field(model), lambda *given: path.start(noise(*given)), path.span, **few)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    low, high = sorted(abs(eps) for eps in history.delta)[:: len(history.delta) - 1]
    length = path.span[1] - path.span[0]
    assert low >= length / 16 * 0.99
    assert high <= length / 4 * 1.01
    with pytest.raises(ValueError, match="whole path"):
        train.fit(first, model, noise, path.span, **few)
