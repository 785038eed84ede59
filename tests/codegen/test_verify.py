"""`verify` against packages as they are made, moved, laid out anew, changed in a character, and made to do harm."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ruff
from torch import Tensor
from typer.testing import CliRunner, Result

from hyperdsl import compiler
from hyperdsl.cli import application
from hyperdsl.codegen.torch import printer
from hyperdsl.plan import plan
from hyperdsl.runtime.fixed import FixedSteps
from hyperdsl.source import SpecFile
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.verifying.found import Difference, NoPackageError
from hyperdsl.verifying.steps import findings
from hyperdsl.verifying.verify import verify
from tests.codegen.adaptive import spec
from tests.codegen.conftest import Package, compiled

FURTHER = """
predictor_corrector plain {
    predict ab2
    correct am1
    mode PEC
}
control halves {
    error doubling
    per_sample yes
}
control pair {
    error embedded
}
corrector small {
    inputs z, dz, s, eps
    layers linear(8), prelu
    bound 3/2
}
solver Pec {
    base plain
}
solver Bdf {
    base bdf3
}
solver Adams {
    base am2
}
solver Family {
    base third_order(u = 1/5 .. 2/5, v = 3/5 .. 4/5)
    control halves
}
solver Tsit {
    base tsit5
    control pair
}
hypersolver Hyper {
    base heun
    corrector small
}
"""


def difference(folder: Path) -> Difference | None:
    ((_, _, found),) = verify([folder])
    return found


def command(*arguments: object) -> Result:
    return CliRunner().invoke(application(), ["verify", *map(str, arguments)])


@pytest.fixture(scope="module")
def further(package: Package) -> Path:
    return package(FURTHER, "further")


@pytest.fixture
def moved(further: Path, tmp_path: Path) -> Path:
    """A copy under another name."""
    return Path(shutil.copytree(further, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__")))


def change(folder: Path, file: str, before: str, after: str) -> int:
    """Put a text in place of another that stands there; the line."""
    path = folder / file
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")
    return text.count("\n", 0, text.index(before)) + 1


def test_every_kind_passes(everything_folder: Path, further: Path, package: Package) -> None:
    folders = [everything_folder, further, package(spec(2000), "adaptive")]
    for folder, (_, expected, found) in zip(folders, verify(folders), strict=True):
        assert found is None, folder
        assert expected is not None
        assert len(expected.plans) > 5


def test_bounds_of_steps_are_facts(package: Package) -> None:
    control = "control c {\n    error embedded\n    max_step 1/2\n    min_step 1e-9\n}\n"
    folder = package(control + "solver S {\n    base bosh3\n    control c\n}\n", "bounded")
    assert difference(folder) is None
    line = change(folder, "solver.py", "max_step=0.5", "max_step=0.6")
    found = difference(folder)
    assert found is not None
    assert (found.path, found.line) == (folder / "solver.py", line)


def test_where_a_package_lies_and_how_it_is_laid_out_does_not_count(moved: Path) -> None:
    for file in ("solver.py", "train.py", "__init__.py"):
        text = (moved / file).read_text("utf-8")
        (moved / file).write_text(text + "\n# A remark.\n", "utf-8")
    subprocess.run(
        [ruff.find_ruff_bin(), "format", "--isolated", "--no-cache", "--line-length=70", "solver.py", "train.py"],
        cwd=moved,
        check=True,
        capture_output=True,
    )
    certificate = json.loads((moved / "certificate.json").read_text("utf-8"))
    (moved / "certificate.json").write_text(json.dumps(certificate, indent=4), "utf-8")
    assert difference(moved) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [("1 / 2 * k1 + 1 / 2 * k2", "0.5 * (k2 + k1)"), ("k1 = f(s, z)\n", "slope = f(s, z)\n        k1 = slope\n")],
)
def test_what_computes_the_same_passes(moved: Path, before: str, after: str) -> None:
    change(moved, "solver.py", before, after)
    assert difference(moved) is None


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("solver.py", "1 / 2 * k1 + 1 / 2 * k2", "1 / 2 * k1 + 1 / 3 * k2", "has 0.3333333333333333 eps of k2 = f("),
        ("solver.py", "k2 = f(s + eps, z + eps * k1)", "k2 = f(s + eps, z - eps * k1)", "where the spec has k2"),
        ("solver.py", "k2 = f(s + eps, z + eps * k1)", "k2 = f(eps + eps, z + eps * k1)", "where the spec has k2"),
        ("solver.py", "2 * k2), (k1,)", "2 * k2), (k2,)", "what g reads"),
        ("solver.py", "alpha=0.335480655492357)", "alpha=0.335480655492356)", "by the spec"),
        ("solver.py", "0.0017800110522257714", "0.0017800110522257717", "the embedded error"),
        ("solver.py", "2.763706197274826", "2.763706197274827", "dense output"),
        ("solver.py", "(f1,) = history.derivatives", "(f0,) = history.derivatives", "formal values"),
        ("solver.py", "(6 / 11,)", "(7 / 11,)", "where the spec has slope 1 of the equations"),
        ("solver.py", "6 / 11 * eps", "7 / 11 * eps", "of slope 1 of the equations"),
        ("solver.py", "(), (fp, f0)", "(), (fp, fp)", "what the next step gets"),
        ("solver.py", "safety=0.9,", "safety=0.8,", "`0.8`, by the spec `0.9`"),
        ("solver.py", "max_steps=4096", "max_steps=4095", "4096"),
        ("solver.py", "dense_order = 4", "dense_order = 5", "by the spec `4`"),
        ("solver.py", "residual_power = 3", "residual_power = 2", "by the spec `3`"),
        ("solver.py", "(order 2, proven)", "(order 3, proven)", "by the spec"),
        ("solver.py", '("u", 1 / 5', '("u", 1 / 6', "1 / 5"),
        ("solver.py", "nn.PReLU()", "nn.ReLU()", "PReLU"),
        ("solver.py", "bound=3 / 2", "bound=3 / 4", "3 / 2"),
        ("solver.py", "order = 2", "order = 2 +", "it is no Python"),
        ("solver.py", "sha256 of the spec: ", "sha256 of the spec: 0", "the first lines"),
        ("train.py", "SETTINGS", "SETTING", "by the spec"),
        ("__init__.py", '"Hyper"', '"Hyped"', "Hyped"),
        ("test_further.py", "0.8", "0.1", "by the spec"),
        ("_runtime/fixed.py", "base + eps", "base - eps", "not the runtime"),
        ("certificate.json", '"stage_order": 1', '"stage_order": 2', "stage_order is 2, by the spec 1"),
        ("certificate.json", "1/5 .. 2/5", "1/5 .. 3/5", ""),
    ],
)
def test_the_first_difference_is_named(moved: Path, file: str, before: str, after: str, said: str) -> None:
    if before not in (moved / file).read_text("utf-8"):
        pytest.fail(f"{file} holds no {before}")
    line = change(moved, file, before, after)
    found = difference(moved)
    assert found is not None
    if file == "certificate.json" and not said:  # the sources are others, so everything is
        return
    assert found.path == moved / file
    assert found.line == line
    assert said in found.text


def test_a_missing_file_and_one_that_hides_another(moved: Path) -> None:
    (moved / "solver").mkdir()
    found = difference(moved)
    assert found is not None
    assert "hides solver.py" in found.text
    (moved / "_runtime" / "fixed.py").unlink()
    found = difference(moved)
    assert found is not None
    assert found.path == moved / "_runtime" / "fixed.py"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import torch\n", "import torch\nimport os\n\nos.mkdir({marker!r})\n"),
        ("class Hyper(", "open({marker!r}, 'w')\n\n\nclass Hyper("),
        ("    order = 2\n", "    order = [2, open({marker!r}, 'w')][0]\n"),
        ("k1 = f(s, z)\n", "k1 = f(s, z)\n        open({marker!r}, 'w')\n"),
        ("k1 = f(s, z)\n", "k1 = f(s, z, open({marker!r}, 'w'))\n"),
        ("k1 = f(s, z)\n", "k1 = __import__('pathlib').Path({marker!r}).touch()\n"),
        ("k1 = f(s, z)\n", "k1 = [f(s, z) for _ in open({marker!r}, 'w').name]\n"),
        ("k1 = f(s, z)\n", "k1 = f(s, 9**9**9 * z)\n"),
        ("k1 = f(s, z)\n", "k1 = torch.load({marker!r})\n"),
    ],
)
def test_nothing_but_steps_is_ever_run(moved: Path, tmp_path: Path, before: str, after: str) -> None:
    marker = tmp_path / "marker"
    line = change(moved, "solver.py", before, after.format(marker=str(marker)))
    found = difference(moved)
    assert found is not None
    assert line <= found.line <= line + 2
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("../../../escaped.hyper", ""), ("/escaped.hyper", ""), ("a\\b.hyper", ""), ("b.hyper", 1), ("c.txt", "")],
)
def test_sources_are_data(moved: Path, name: str, text: Any) -> None:
    path = moved / "certificate.json"
    certificate = json.loads(path.read_text("utf-8"))
    certificate["sources"][name] = text
    path.write_text(json.dumps(certificate), "utf-8")
    assert difference(moved) is not None
    assert not (moved.parent / "escaped.hyper").exists()


def test_a_spec_at_fault_and_one_of_no_text(moved: Path) -> None:
    path = moved / "certificate.json"
    certificate = json.loads(path.read_text("utf-8"))
    certificate["sources"]["further.hyper"] = "solver A {\n    base nothing\n}\n"
    path.write_text(json.dumps(certificate, indent=2), "utf-8")
    found = difference(moved)
    assert found is not None
    assert "there is no method called `nothing`" in found.text
    del certificate["sources"]
    path.write_text(json.dumps(certificate), "utf-8")
    found = difference(moved)
    assert found is not None
    assert "compile the spec again" in found.text


def test_imports_and_bytes_of_the_spec_are_kept(tmp_path: Path) -> None:
    """A byte-order mark, CRLF, and files beside and above the spec's folder."""
    (tmp_path / "pyproject.toml").touch()
    for name, text in {
        "shared/methods.hyper": 'import "deep/more.hyper"\nmethod one {\n    order 1\n    tableau {\n        0 |\n'
        "        --+--\n          | 1\n    }\n}\n",
        "shared/deep/more.hyper": "control c {\n    error doubling\n}\n",
        "specs/mine.hyper": '\ufeffimport "../shared/methods.hyper"\r\nsolver A {\r\n    base one\r\n}\r\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    checked = compiler.check([SpecFile(tmp_path / "specs/mine.hyper", str(tmp_path / "specs/mine.hyper"))])
    compiler.compile_checked(checked, tmp_path / "generated")
    sources = json.loads((tmp_path / "generated/mine/certificate.json").read_text("utf-8"))["sources"]
    assert list(sources) == ["mine.hyper", "../shared/deep/more.hyper", "../shared/methods.hyper"]
    shutil.move(tmp_path / "generated/mine", tmp_path / "mine")
    shutil.rmtree(tmp_path / "specs")
    shutil.rmtree(tmp_path / "shared")
    assert difference(tmp_path / "mine") is None


def test_a_fault_of_the_printer_is_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a package is what hyperdsl generates, and that is not what the plan says."""
    text = "solver A {\n    base heun\n}\n"
    assert difference(compiled(text, tmp_path, "sound")) is None

    def wrong(node: Any, eps: str) -> str:
        return "s" if node.value == Exact.of(1) else eps

    monkeypatch.setattr(printer, "_time", wrong)
    folder = compiled(text, tmp_path, "unsound")
    with pytest.raises(RuntimeError, match=r"A\.method: evaluates "):
        verify([folder])


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda f, s, z, eps: (z + eps / 2 * (f(s, z) + f(s + eps, z + eps * f(s, z))), ()), "too often"),
        (lambda f, s, z, eps: (z + eps * f(s, z), ()), "does not evaluate k2"),
        (lambda f, s, z, eps: (z + eps * f(s + eps / 2, z + eps / 2 * f(s, z)), ()), "where the spec has k2"),
    ],
)
def test_formal_values_tell_steps_apart(step: Callable[..., Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "a.hyper").write_text("solver A {\n    base heun\n}\n")
    checked = compiler.check([SpecFile(tmp_path / "a.hyper", "a.hyper")])

    class Wrong(FixedSteps):
        order = 2
        evaluations_per_step = 2

        def method(self, f: Any, s: Tensor, z: Tensor, eps: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            found: tuple[Tensor, tuple[Tensor, ...]] = step(f, s, z, eps)
            return found

    found = next(findings(plan(checked.specs[0].solvers[0]), Wrong, {}))
    assert said in found.text


def test_the_command(moved: Path, tmp_path: Path) -> None:
    done = command(moved)
    assert done.exit_code == 0
    assert "Pec, Bdf, Adams, Family, Tsit, Hyper" in done.stdout
    line = change(moved, "solver.py", "safety=0.9,", "safety=0.7,")
    done = command(moved)
    assert done.exit_code == 1
    assert f"{moved / 'solver.py'}:{line}: " in done.stdout
    (tmp_path / "nothing").mkdir()
    assert command(tmp_path / "nothing").exit_code == 2
    assert command(tmp_path / "absent").exit_code == 2
    with pytest.raises(NoPackageError):
        verify([moved, tmp_path / "nothing"])
