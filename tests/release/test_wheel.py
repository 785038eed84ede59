"""The wheel holds what the tree has, and is enough for the compiler where there is no torch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import hyperdsl

ROOT = Path(__file__).parents[2]
BUILD = "import setuptools.build_meta as backend; backend.build_wheel('dist')"
EXTRAS = ("train", "lsp", "notebook", "cluster", "docs")
HIDING = """import sys
from importlib.machinery import PathFinder

class Shown(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Shown
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the tree, as `pip install` unpacks it."""
    tree = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "hyperdsl", tree / "hyperdsl", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tree / "dist").glob("*.whl")
    assert wheel.name == f"hyperdsl-{hyperdsl.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tree / "installed")
    return tree / "installed"


def test_every_file_of_the_tree_is_in_the_wheel(unpacked: Path) -> None:
    """Code, templates, the library, the studies' specs, weights, style sheets, py.typed."""

    def files(folder: Path) -> set[str]:
        found = (path for path in (folder / "hyperdsl").rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix() for path in found if path.suffix != ".pyc"}

    assert files(unpacked) == files(ROOT)
    assert "hyperdsl/py.typed" in files(unpacked)


def test_the_compiler_asks_for_little(unpacked: Path) -> None:
    (info,) = unpacked.glob("*.dist-info")
    needed = [Requirement(text) for text in PathDistribution(info).requires or ()]
    alone = {one.name for one in needed if one.marker is None}
    assert alone == {"lark", "sympy", "mpmath", "python-flint", "jinja2", "typer", "rich", "ruff"}


def run(unpacked: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`hyperdsl` from the wheel, where of what the extras bring nothing can be imported."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {Requirement(text).name.replace("-", "_") for key in EXTRAS for text in extras[key]}
    imported = {"sklearn", "pygls", "IPython", "psycopg2", "numpy", *names}
    (folder / "sitecustomize.py").write_text(f"HIDDEN = {sorted(imported)!r}\n{HIDING}")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{unpacked}:{folder}", "HYPERDSL_CACHE": "", "HOME": "/"}
    line = [sys.executable, "-m", "hyperdsl", *arguments]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_compiler_works_alone(unpacked: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "specs/hyper_heun.hyper", tmp_path)
    where = subprocess.run(
        [sys.executable, "-c", "import hyperdsl; print(hyperdsl.__file__)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(unpacked)
    for line, code in (
        (("check", "hyper_heun.hyper"), 0),
        (("compile", "hyper_heun.hyper"), 0),
        (("migrate", "generated/hyper_heun", "--check"), 0),
        (("fmt", "hyper_heun.hyper", "--check"), 0),
        (("show", "hyper_heun.hyper"), 0),
        (("show", "rk4"), 0),
        (("list", "stiff"), 0),
        (("explain", "H201"), 0),
        (("new", "mine", "--yes"), 0),
        (("check", "mine/mine.hyper"), 0),
        (("diff", "hyper_heun.hyper", "mine/mine.hyper"), 1),
        (("lsp",), 2),
        (("--version",), 0),
    ):
        done = run(unpacked, tmp_path, *line)
        assert done.returncode == code, (line, done.stdout, done.stderr)
    for file in ("solver.py", "train.py", "_runtime/corrector.py"):
        assert (tmp_path / "generated/hyper_heun" / file).read_bytes() == (
            ROOT / "generated/hyper_heun" / file
        ).read_bytes()


@pytest.mark.parametrize("command", ["train", "evaluate", "report", "verify"])
def test_what_needs_torch_says_how_to_get_it(unpacked: Path, tmp_path: Path, command: str) -> None:
    options = () if command == "verify" else ("--problem", "van_der_pol")
    done = run(unpacked, tmp_path, command, str(ROOT / "generated/hyper_heun"), *options)
    assert (done.returncode, done.stderr) == (2, "hyperdsl: this command needs torch: pip install 'hyperdsl[train]'\n")


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    (section, *_) = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    major, minor, _ = hyperdsl.__version__.split(".")
    assert section == hyperdsl.__version__
    assert (ROOT / f"docs/releases/{major}.{minor}.md").is_file()
    assert f"\nversion: {hyperdsl.__version__}\n" in (ROOT / "CITATION.cff").read_text()
