"""The command line as a user meets it: streams, exit codes, JSON, files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hyperdsl.cli import application
from hyperdsl.theory.numbers import budget

ROOT = Path(__file__).parents[2]
HEUN = """method heun_like {
    order 2
    tableau {
        0 |
        1 | 1
        --+----------
          | 1/2, 1/2
    }
}
"""
PLAIN = HEUN + "\nsolver Plain {\n    base heun_like\n}\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "specs" / "plain.hyper"
    path.parent.mkdir()
    path.write_text(PLAIN)
    return path


def test_check_prints_orders_and_exits_0(spec: Path) -> None:
    done = run("check", spec)
    assert done.exit_code == 0
    assert "heun_like" in done.stdout
    assert done.stderr == ""


def test_check_json_is_the_documented_object(spec: Path) -> None:
    done = run("check", spec, "--json")
    found = json.loads(done.stdout)
    assert found["diagnostics"] == []
    (file,) = found["files"]
    assert file["path"] == spec.as_posix()
    assert len(file["sha256"]) == 64
    (method,) = file["methods"]
    error = method.pop("principal_error")
    assert error == pytest.approx(5**0.5 / 12, rel=1e-15)
    assert method == {
        "name": "heun_like",
        "kind": "explicit",
        "stages": 2,
        "claimed_order": 2,
        "order": 2,
        "order_autonomous": 2,
        "claimed_embedded_order": None,
        "embedded_order": None,
        "stage_order": 1,
        "fsal": False,
        "proof": "exact",
        "tolerance": None,
        "conditions": 2,
        "real_stability": 2.0,
        "imaginary_stability": 0.0,
        "symplectic": False,
        "symmetric": False,
        "l_stable": False,
        "stiffly_accurate": False,
        "parameters": [],
    }
    assert file["solvers"] == [
        {
            "name": "Plain",
            "base": "heun_like",
            "base_parameters": {},
            "corrector": None,
            "corrector_output": None,
            "order": 2,
            "residual_power": None,
            "evaluations_per_step": 2,
        }
    ]
    assert file["multisteps"] == file["predictor_correctors"] == []


def test_json_infinity_is_text_and_a_family_has_null(tmp_path: Path) -> None:
    path = tmp_path / "more.hyper"
    path.write_text(
        "method be {\n order 1\n tableau {\n 1 | 1\n --+--\n | 1\n }\n}\n"
        "method family(alpha) {\n where 0 < alpha <= 1\n order 2\n tableau {\n 0 |\n alpha | alpha\n --+--\n"
        " | 1 - 1/(2*alpha), 1/(2*alpha)\n }\n}\n"
    )
    backward, family = json.loads(run("check", path, "--json").stdout)["files"][0]["methods"]
    assert backward["kind"] == "dirk"
    assert backward["real_stability"] == backward["imaginary_stability"] == "inf"
    assert family["principal_error"] is None
    assert family["real_stability"] is None
    assert family["parameters"] == [{"name": "alpha", "range": "0 < alpha <= 1"}]


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("order 2", "order 3", "[τ,τ]"),
        ("1/2, 1/2", "1/2, 1/2 + 1e-14", "Σ b_i = 1"),
        ("1 | 1\n", "1 | 1 + 1e-14\n", "row 2"),
        ("1/2, 1/2", "1/4, 3/4", "Σ b_i c_i = 1/2"),
    ],
)
def test_a_wrong_claim_is_refused_with_its_tree_or_row(spec: Path, before: str, after: str, named: str) -> None:
    spec.write_text(PLAIN.replace(before, after))
    done = run("check", spec)
    assert done.exit_code == 1
    assert named in done.stderr


def test_swapped_weight_rows_are_refused(tmp_path: Path) -> None:
    text = (ROOT / "hyperdsl/library/embedded.hyper").read_text("utf-8")
    start = text.index("method bosh3")
    bosh3 = text[start : text.index("}\n}\n", start) + 4]
    lines = bosh3.splitlines()
    rule = next(i for i, line in enumerate(lines) if "-+-" in line)
    lines[rule + 1], lines[rule + 2] = lines[rule + 2], lines[rule + 1]
    path = tmp_path / "swapped.hyper"
    path.write_text("\n".join(lines) + "\n")
    done = run("check", path)
    assert done.exit_code == 1
    assert "row 2 of the weights has order 3" in done.stderr


def test_diagnostics_of_json_have_places(spec: Path) -> None:
    spec.write_text(PLAIN.replace("order 2", "order 3"))
    done = run("check", spec, "--json")
    assert done.exit_code == 1
    (diagnostic, *_) = json.loads(done.stdout)["diagnostics"]
    assert diagnostic["code"] == "H201"
    assert (diagnostic["line"], diagnostic["column"], diagnostic["end_line"], diagnostic["end_column"]) == (
        2,
        11,
        2,
        12,
    )
    assert diagnostic["path"] == spec.as_posix()
    assert diagnostic["notes"]
    assert diagnostic["help"]


def test_missing_path_is_wrong_usage(tmp_path: Path) -> None:
    done = run("check", tmp_path / "absent.hyper")
    assert done.exit_code == 2
    assert "absent.hyper" in done.stderr
    assert run("check", tmp_path).exit_code == 2


def test_compile_twice_in_two_folders_gives_the_same_bytes(spec: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run("compile", spec.parent, "-o", tmp_path / name).exit_code == 0
    folders = [tmp_path / name / "plain" for name in ("one", "two")]
    first, second = ({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.*")} for folder in folders)
    assert first == second
    top = {path.name for path in first if len(path.parts) == 1}
    assert top == {"__init__.py", "solver.py", "certificate.json", "test_plain.py"}


def test_compile_check_sees_one_changed_character(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    assert run("compile", spec, "-o", out).exit_code == 0
    assert run("compile", spec, "-o", out, "--check").exit_code == 0
    spec.write_text(PLAIN.replace("1/2, 1/2", "2/4, 1/2"))
    before = {path: path.read_bytes() for path in (out / "plain").rglob("*.*")}
    assert run("compile", spec, "-o", out, "--check").exit_code == 1
    assert {path: path.read_bytes() for path in (out / "plain").rglob("*.*")} == before


def test_compile_refuses_to_overwrite_what_it_did_not_write(spec: Path, tmp_path: Path) -> None:
    own = tmp_path / "generated" / "plain" / "solver.py"
    own.parent.mkdir(parents=True)
    own.write_text("mine = 1\n")
    done = run("compile", spec, "-o", tmp_path / "generated")
    assert done.exit_code == 2
    assert "solver.py" in done.stderr
    assert [path.name for path in own.parent.iterdir()] == ["solver.py"]
    assert own.read_text() == "mine = 1\n"


def test_compile_writes_nothing_of_a_bad_run(spec: Path, tmp_path: Path) -> None:
    (spec.parent / "wrong.hyper").write_text(PLAIN.replace("order 2", "order 3"))
    assert run("compile", spec.parent, "-o", tmp_path / "generated").exit_code == 1
    assert not (tmp_path / "generated").exists()


def test_two_specs_of_one_stem_are_an_error(spec: Path, tmp_path: Path) -> None:
    other = spec.parent / "sub" / spec.name
    other.parent.mkdir()
    other.write_text(PLAIN)
    done = run("compile", spec.parent, "-o", tmp_path / "generated")
    assert done.exit_code == 1
    assert "H006" in done.stderr


def test_nor_can_stems_differ_in_case_alone(spec: Path, tmp_path: Path) -> None:
    (spec.parent / "twice").mkdir()
    for name in ("Mine.hyper", "mine.hyper"):
        (spec.parent / "twice" / name).write_text(PLAIN)
    done = run("compile", spec.parent / "twice", "-o", tmp_path / "generated")
    assert done.exit_code == 1
    assert "the other is" in done.stderr
    assert not (tmp_path / "generated").exists()


def test_folders_are_mirrored(spec: Path, tmp_path: Path) -> None:
    nested = spec.parent / "deep" / "nested.hyper"
    nested.parent.mkdir()
    shutil.move(spec, nested)
    assert run("compile", spec.parent, "-o", tmp_path / "generated").exit_code == 0
    assert (tmp_path / "generated/deep/nested/solver.py").is_file()


def test_fmt_lays_out_and_check_only_looks(spec: Path) -> None:
    spec.write_text(PLAIN.replace("    order 2", "  order   2  # two"))
    assert run("fmt", spec, "--check").exit_code == 1
    assert run("fmt", spec).exit_code == 0
    assert spec.read_text() == PLAIN.replace("    order 2", "    order 2  # two")
    assert run("fmt", spec, "--check").exit_code == 0


def test_fmt_leaves_a_file_that_it_cannot_parse(spec: Path) -> None:
    spec.write_text("method {\n")
    done = run("fmt", spec)
    assert done.exit_code == 1
    assert spec.read_text() == "method {\n"
    assert "error[" in done.stderr


def test_show_prints_tableau_conditions_and_stability(spec: Path) -> None:
    done = run("show", spec, "rk4")
    assert done.exit_code == 0
    assert "1/6  1/3  1/3  1/6" in done.stdout
    assert "Σ b_i a_ij a_jk c_k = 1/24" in done.stdout
    assert "[-2.785293563405282, 0], imaginary [0, 2.8284271247461903i]" in done.stdout
    assert "heun_like" in run("show", spec).stdout
    assert run("show", spec, "rk5").exit_code == 2


def test_show_ends_at_the_bounds_of_a_file(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`library_method` has proven it before: what is shown beside it is counted by itself."""
    assert run("show", spec, "rk4").exit_code == 0
    monkeypatch.setattr(budget, "MOST_OPERATIONS", 10)
    done = run("show", spec, "rk4")
    assert done.exit_code == 1
    assert "`rk4` cannot be shown: the proofs of a file may take 10 operations" in done.stderr


def test_help_teaches_every_command() -> None:
    text = run("--help").stdout
    for command in ("check", "compile", "fmt", "show", "train", "evaluate"):
        assert command in text
