"""`hyperdsl migrate`, on what hyperdsl 0.1 wrote: of_0_1.tar.gz has a package and its spec of that release."""

from __future__ import annotations

import json
import shutil
import tarfile
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from hyperdsl.cli import application
from hyperdsl.evaluation.packages import load_package

PACKAGE, SPEC = Path("generated/hyper_heun"), Path("specs/hyper_heun.hyper")
ABSOLUTE = "    output absolute\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def _a_project_of_0_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(Path(__file__).with_name("of_0_1.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)


def everything() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_a_package_and_its_spec_become_those_of_today() -> None:
    before = everything()
    told = run("migrate", PACKAGE, "--check")
    assert (told.exit_code, everything()) == (1, before)
    assert f"would change {SPEC}\nwould change {PACKAGE}/__init__.py\n" in told.stdout
    done = run("migrate", PACKAGE)
    assert (done.exit_code, done.stdout) == (0, told.stdout.replace("would change", "wrote"))
    assert SPEC.read_text().replace(ABSOLUTE, "") == before[SPEC].decode()
    assert SPEC.read_text().count(ABSOLUTE) == 1
    assert run("fmt", SPEC, "--check").exit_code == 0
    assert run("compile", SPEC, "--check").exit_code == 0  # as if it had been compiled today
    assert run("verify", PACKAGE).exit_code == 0
    again = run("migrate", PACKAGE, SPEC, "--check")
    assert (again.exit_code, again.stdout) == (0, f"{PACKAGE}: nothing to be done\n{SPEC}: nothing to be done\n")


def test_a_spec_is_named_where_it_is_not_found() -> None:
    moved = SPEC.rename("hyper_heun.hyper").rename(Path("specs").parent / "elsewhere.hyper")
    said = run("migrate", PACKAGE)
    assert said.exit_code == 2
    assert "holds no text of its spec, and specs/hyper_heun.hyper is not the hyper_heun.hyper" in said.stderr
    assert "name that file with --spec" in said.stderr
    said = run("migrate", PACKAGE, "--spec", moved)
    assert (said.exit_code, "was made from hyper_heun.hyper, not from elsewhere.hyper" in said.stderr) == (2, True)
    Path("kept").mkdir()
    moved.rename("kept/hyper_heun.hyper")
    assert run("migrate", PACKAGE, "--spec", "kept/hyper_heun.hyper").exit_code == 0
    assert ABSOLUTE in Path("kept/hyper_heun.hyper").read_text()
    assert run("verify", PACKAGE).exit_code == 0


def test_a_package_that_holds_its_texts_is_made_from_them() -> None:
    assert run("migrate", PACKAGE).exit_code == 0
    shutil.rmtree("specs")
    certificate = PACKAGE / "certificate.json"
    older = json.loads(certificate.read_text()) | {"generated_by": "hyperdsl 0.1.7"}
    certificate.write_text(json.dumps(older))
    done = run("migrate", PACKAGE)
    assert (done.exit_code, done.stdout) == (0, f"wrote {certificate}\n")
    assert run("verify", PACKAGE).exit_code == 0


def test_weights_fit_the_migrated_package_and_say_what_they_belong_to() -> None:
    assert run("migrate", PACKAGE).exit_code == 0
    solver: Any = load_package(PACKAGE).choose(None)(state_shape=(2,)).double()
    with torch.no_grad():
        for value in solver.parameters():
            value.normal_()
    metadata = {"spec_sha256": "0" * 64, "solver": "HyperHeun", "problem": "van_der_pol", "seed": "3", "settings": "{}"}
    save_file(solver.state_dict(), "old.safetensors", metadata)
    assert run("migrate", "old.safetensors").exit_code == 2  # of which package?
    given = ("migrate", "old.safetensors", "--package", PACKAGE)
    before = Path("old.safetensors").read_bytes()
    told = run(*given, "--check")
    assert (told.exit_code, told.stdout) == (1, "would change old.safetensors\n"), told.output
    assert Path("old.safetensors").read_bytes() == before
    assert run(*given).stdout == "wrote old.safetensors\n"
    assert run(*given).stdout == "old.safetensors: nothing to be done\n"
    for name, value in load_file("old.safetensors").items():
        assert torch.equal(value, solver.state_dict()[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solver.load("old.safetensors")


def test_weights_of_another_form_are_refused() -> None:
    """Those of the spec of 0.1, compiled as it stands today: its corrector is relative then."""
    assert run("compile", SPEC).exit_code == 0
    solver = load_package(PACKAGE).choose(None)(state_shape=(2,)).double()
    state = {name: value for name, value in solver.state_dict().items() if "net" in name}
    metadata = {"spec_sha256": "0" * 64, "solver": "HyperHeun", "problem": "van_der_pol", "seed": "3", "settings": "{}"}
    save_file(state, "old.safetensors", metadata)
    said = run("migrate", "old.safetensors", "--package", PACKAGE)
    assert (said.exit_code, "does not fit HyperHeun" in said.stderr) == (2, True)


@pytest.mark.parametrize(
    ("path", "said"),
    [("specs", "not a generated package"), ("none.txt", "no folder of a package"), ("a.hyper", "H001")],
)
def test_other_things_are_refused(path: str, said: str) -> None:
    done = run("migrate", path)
    assert (done.exit_code in (1, 2), said in done.stderr) == (True, True), done.output


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{ inputs z, dz } # kept", "{ inputs z, dz\n    output absolute\n} # kept"),
        ("{\n    inputs z, dz  # kept\n}", "{\n    inputs z, dz  # kept\n    output absolute\n}"),
        ("{ inputs z, dz\n}", "{ inputs z, dz\n    output absolute\n}"),
    ],
)
def test_a_spec_gets_what_its_correctors_were_and_is_told_so(before: str, after: str) -> None:
    rest = "\nhypersolver Own {\n    base heun\n    corrector g\n}\n"
    Path("own.hyper").write_text(f"corrector g {before}{rest}")
    said = run("migrate", "own.hyper")
    assert (said.exit_code, Path("own.hyper").read_text()) == (0, f"corrector g {after}{rest}")
    assert "take it out of a spec that was written for 0.2" in said.stderr
    assert run("check", "own.hyper").exit_code == 0
    assert run("migrate", "own.hyper").stdout == "own.hyper: nothing to be done\n"
