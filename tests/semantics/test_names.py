"""Names of specs meet those of generated code nowhere."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperdsl.evaluation.weights import file_name
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.reading.names import GENERATED
from hyperdsl.semantics.reading.scope import Project

ROOT = Path(__file__).parents[2]


def top_level(path: Path) -> Iterator[str]:
    """The public names that a module defines or imports."""
    for node in ast.parse(path.read_text("utf-8")).body:
        match node:
            case ast.Import(names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name).split(".")[0] for alias in names)
            case ast.ClassDef(name) | ast.FunctionDef(name):
                yield name
            case ast.Assign(targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(name)):
                yield name


def test_every_name_that_generated_code_uses_is_reserved() -> None:
    for package in sorted((ROOT / "generated").iterdir()):
        own = {solver["name"] for solver in json.loads((package / "certificate.json").read_text())["solvers"]}
        own |= {
            "G",
            "Plain",
            "Relative",
            "Mlp",
            "Conv",
            "Jvp",
            "Narrow",
            "Family",
            "Single",
            "Small",
            "Last",
        }  # the correctors of specs/
        own |= {"vp_schedule"}  # no class is called like a path's function
        for module in package.glob("*.py"):
            names = {name for name in top_level(module) if not name.startswith(("_", "test_"))}
            assert names - own <= GENERATED


@pytest.mark.parametrize("name", ["Tensor", "nn", "torch", "Step", "_Own", "class", "__init__", "Settings"])
def test_reserved_names_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.hyper"
    path.write_text(f"solver {name} {{\n base rk4\n}}\n")
    assert [diagnostic.code for diagnostic in check_file(path, "a.hyper", Project())[1]] == ["H304"]


@pytest.mark.parametrize("name", ["k1", "base", "torch", "float", "_u", "pi", "lambda", "f"])
def test_reserved_parameters_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.hyper"
    path.write_text(f"method m({name}) {{\n order 1\n tableau {{\n 0 |\n --+--\n | 1\n }}\n}}\n")
    assert [diagnostic.code for diagnostic in check_file(path, "a.hyper", Project())[1]] == ["H304"]


@pytest.mark.parametrize(("one", "other"), [("Small", "small"), ("WideNet", "wide_net"), ("HyperRK4", "hyperRk4")])
def test_names_that_meet_are_refused(tmp_path: Path, one: str, other: str) -> None:
    path = tmp_path / "a.hyper"
    path.write_text(f"solver {one} {{\n base rk4\n}}\nsolver {other} {{\n base rk4\n}}\n")
    assert [diagnostic.code for diagnostic in check_file(path, "a.hyper", Project())[1]] == ["H305"]


SWEPT = """\
corrector g {{
    inputs z
}}

hypersolver {solver} {{
    base heun
    corrector g
}}

sweep {one} {{
    solver {solver}
    width 8 .. 16
}}

sweep {two} {{
    solver {solver}
    width 8 .. 16
}}
"""


@pytest.mark.parametrize(
    ("solver", "one", "two", "says"),
    [
        ("S", "wide", "widest", ""),
        ("Con", "wide", "widest", "Windows has a device of that name"),
        ("S", "aux", "widest", "Windows has a device of that name"),
        ("S", "wide", "Wide", "but for upper and lower case it is that of `wide`"),
    ],
)
def test_names_of_files_are_such_on_every_system(solver: str, one: str, two: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.hyper"
    path.write_text(SWEPT.format(solver=solver, one=one, two=two), "utf-8")
    _, found = check_file(path, path.name, Project())
    assert [says in diagnostic.message for diagnostic in found] == [True] * bool(says)
    assert file_name("nul") != "nul" == file_name("null")[:3]


def test_names_that_meet_are_told_once(tmp_path: Path) -> None:
    users = "".join(
        f"hypersolver {name} {{\n base rk4\n corrector small\n training fit\n}}\n" for name in ("Small", "B", "C")
    )
    path = tmp_path / "a.hyper"
    path.write_text(f"corrector small {{\n layers linear(8)\n}}\ntraining fit {{\n loss residual\n}}\n{users}")
    (told,) = check_file(path, "a.hyper", Project())[1]
    assert told.code == "H305"
    assert "`Small`" in told.message
