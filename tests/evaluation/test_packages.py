"""Packages loaded from any folder, their training, and weights that know where they belong."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperdsl.evaluation.errors import EvaluationError, PackageError, TrainingError, WeightsError
from hyperdsl.evaluation.files import save_safetensors
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.training import box_tensors, build_solver, mid_range, train_package
from hyperdsl.evaluation.weights import (
    Origin,
    default_path,
    load_weights,
    of_another_version,
    read_origin,
    save_weights,
)
from hyperdsl.training.files import write_atomically

SOLVER = """
import torch
from safetensors.torch import load_file
from torch import nn

class Net(nn.Module):
    pass

class Small(nn.Module):
    order = 1
    evaluations_per_step = 1
    def __init__(self, state_shape):
        super().__init__()
        self.corrector = nn.Linear(*state_shape, *state_shape)
    def load(self, file):
        self.load_state_dict(load_file(file))

class Plain(nn.Module):
    order = 1
    evaluations_per_step = 1
    def forward(self, f, z0, span=(0.0, 1.0), steps=1, *, alpha):
        return z0

class Reading(Small):
    def __init__(self, state_shape, input_shape):
        super().__init__(state_shape)
        self.input_shape = input_shape
"""
TRAIN = """
from dataclasses import dataclass
import torch
from hyperdsl.training.settings import Settings, Share
from .solver import Small

def step(): pass

@dataclass(frozen=True)
class History:
    loss: list
    delta: dict
    seen: object

SETTINGS = {Small: Settings(iterations=7, seed=3, reference=step)}

def fit(solver, f, sample, span, *, seed=None, progress=True, settings=None, box=None, **others):
    if settings.iterations == 0:
        raise ValueError("no room")
    with torch.no_grad():
        solver.corrector.weight.fill_(seed)
    return History([1.0], {0.1: 0.5, 0.2: 0.25, 0.4: 0.125}, (settings, box, span))
"""


def make(folder: Path, name: str = "small", digest: str = "ab" * 32, marker: str = "0") -> Path:
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"from .solver import Small\nMARKER = {marker}\n")
    (package / "solver.py").write_text(SOLVER)
    (package / "train.py").write_text(TRAIN)
    solvers = [{"name": "Small", "training": "fit"}, {"name": "Plain"}]
    (package / "certificate.json").write_text(json.dumps({"sha256": digest, "solvers": solvers}))
    return package


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return load_package(make(tmp_path))


def test_packages_of_one_name_do_not_meet(tmp_path: Path) -> None:
    first = load_package(make(tmp_path / "a", marker="1"))
    second = load_package(make(tmp_path / "b", marker="2"))
    assert (first.module.MARKER, second.module.MARKER) == (1, 2)
    assert first.solvers["Small"] is not second.solvers["Small"]
    assert first.train().Small is first.solvers["Small"]
    assert second.train().Small is second.solvers["Small"]
    assert "small" not in sys.modules
    assert (first.name, first.spec_sha256, list(first.solvers)) == ("small", "ab" * 32, ["Small", "Plain", "Reading"])


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="is not a generated package"):
        load_package(tmp_path)
    broken = make(tmp_path, "broken")
    (broken / "solver.py").write_text("import no_such_module\n")
    before = set(sys.modules)
    with pytest.raises(PackageError, match="cannot be imported: ModuleNotFoundError"):
        load_package(broken)
    assert set(sys.modules) == before
    bare = make(tmp_path, "bare")
    (bare / "__init__.py").write_text("")
    (bare / "solver.py").write_text("")
    with pytest.raises(PackageError, match="holds no solver"):
        load_package(bare)
    uncertain = make(tmp_path, "uncertain")
    (uncertain / "certificate.json").write_text("[]")
    with pytest.raises(PackageError, match="does not hold an object"):
        load_package(uncertain)


def test_a_solver_is_chosen_by_name(package: Package) -> None:
    assert package.choose("Plain") is package.solvers["Plain"]
    with pytest.raises(PackageError, match=r"several solvers.*Small, Plain"):
        package.choose()
    with pytest.raises(PackageError, match="no solver Large; it has Small, Plain"):
        package.choose("Large")
    assert package.training_name("Small") == "fit"
    assert package.training_name("Plain") is None
    assert replace(package, solvers={"Plain": package.solvers["Plain"]}).choose() is package.solvers["Plain"]


def test_solvers_are_built_for_the_problem(package: Package) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first: Any
    again: Any
    first, again = (build_solver(package, CLASSICAL["lorenz"], "Small", seed=4) for _ in range(2))
    other: Any = build_solver(package, CLASSICAL["lorenz"], "Small", seed=5)
    weight, same, different = (solver.corrector.weight for solver in (first, again, other))
    assert weight.shape == (3, 3)
    assert weight.dtype == torch.float64
    assert torch.equal(weight, same)
    assert not torch.equal(weight, different)
    assert torch.equal(torch.get_rng_state(), before)
    assert list(build_solver(package, CLASSICAL["lorenz"], "Plain").parameters()) == []
    with pytest.raises(PackageError, match="reads x, which lorenz has not"):
        build_solver(package, CLASSICAL["lorenz"], "Reading")


def test_training_passes_settings_on_and_saves(package: Package, tmp_path: Path) -> None:
    problem, output = CLASSICAL["pendulum"], tmp_path / "deep" / "w.safetensors"
    changes = {"eps": (0.1, 0.2), "dtype": "float32", "states": (("noise", 1.0, 0.5),)}
    trained = train_package(package, problem, solver="Small", output=output, overrides=changes, seed=9)
    settings, box, span = trained.history.seen
    assert (settings.eps, settings.steps, settings.dtype, settings.iterations) == ((0.1, 0.2), None, torch.float32, 7)
    assert settings.states == (package.train().Share("noise", 1.0, 0.5),)
    assert box[0].tolist() == [-2.0, -2.0]
    assert span == problem.span
    assert trained.mid_range == 0.25
    origin = read_origin(output)
    assert (origin.spec_sha256, origin.solver, origin.problem, origin.seed) == ("ab" * 32, "Small", "pendulum", 9)
    assert origin.settings["iterations"] == 7
    assert origin.settings["reference"] == "step"
    assert origin.overrides["dtype"] == "float32"
    assert origin.delta == {"0.1": 0.5, "0.2": 0.25, "0.4": 0.125}
    assert origin.versions["torch"] == torch.__version__
    fresh: Any = build_solver(package, problem, "Small")
    assert load_weights(output, fresh, package) == origin
    assert torch.equal(fresh.corrector.weight, torch.full((2, 2), 9.0, dtype=torch.float64))


def test_the_specs_seed_and_the_default_place(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trained = train_package(package, CLASSICAL["pendulum"], solver="Small")
    assert trained.path == Path("runs/small/pendulum/Small.safetensors") == default_path(package, "pendulum", "Small")
    assert read_origin(trained.path).seed == 3


@pytest.mark.parametrize(
    ("solver", "overrides", "error", "message"),
    [
        ("Small", {"speed": 1}, PackageError, "no setting speed; it has batch, clip,"),
        ("Plain", {}, PackageError, "Plain has no training"),
        ("Small", {"iterations": 0}, TrainingError, "Small cannot be trained on pendulum: no room"),
    ],
)
def test_trainings_that_cannot_be_are_refused(
    package: Package, solver: str, overrides: dict[str, object], error: type[EvaluationError], message: str
) -> None:
    with pytest.raises(error, match=message):
        train_package(package, CLASSICAL["pendulum"], solver=solver, overrides=overrides)


def test_weights_of_another_solver_or_shape_are_refused_and_another_text_is_told(
    package: Package, tmp_path: Path
) -> None:
    solver, path = build_solver(package, CLASSICAL["lorenz"], "Small"), tmp_path / "w.safetensors"
    origin = Origin("ab" * 32, "Small", "lorenz", 0, {})
    save_weights(path, solver, replace(origin, solver="Other"))
    with pytest.raises(WeightsError, match="weights of Other, not of Small"):
        load_weights(path, solver, package)
    save_weights(path, solver, replace(origin, spec_sha256="cd" * 32))
    (told,) = of_another_version(load_weights(path, solver, package), package)
    assert told == "The weights were trained with another version of small's spec (cdcdcdcdcdcd, now abababababab)."
    save_weights(path, solver, origin)
    assert of_another_version(load_weights(path, solver, package), package) == []
    with pytest.raises(WeightsError, match="does not fit Small"):
        load_weights(path, build_solver(package, CLASSICAL["pendulum"], "Small"), package)


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"not safetensors at all")
    with pytest.raises(WeightsError, match="is not a weights file"):
        read_origin(path)
    save_safetensors(path, {"a": torch.ones(1)}, {"solver": "Small"})
    with pytest.raises(WeightsError, match="is not a weights file"):
        read_origin(path)
    with pytest.raises(FileNotFoundError):
        read_origin(tmp_path / "absent.safetensors")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]
    assert path.read_text() == "old"
    write_atomically(path, lambda temporary: temporary.write_text("new"))
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]


def test_boxes_have_the_states_shape() -> None:
    problem = Problem(
        lambda s, z: z, lambda n, g: torch.ones(n, 1, 2), (0, 1), (1, 2), box=((0.0, 1.0), (2.0, 3.0)), name="p"
    )
    box = box_tensors(problem)
    assert box is not None
    assert box[1].tolist() == [[2.0, 3.0]]
    assert box[1].dtype == torch.float32


def test_mid_range_is_the_geometric_mean() -> None:
    assert mid_range({0.01: 1.0, 0.1: 2.0, 0.5: 3.0, 1.0: 4.0}) == 2.0
    assert mid_range({-0.01: 1.0, -0.1: 2.0, -1.0: 4.0}) == 2.0
