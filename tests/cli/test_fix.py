"""`check --fix`: what is fixed for certain, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hyperdsl.cli import application
from hyperdsl.diagnostics import has_errors
from hyperdsl.fixing import fixed, mended
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.source import SpecFile

RUNNER = CliRunner()
NEWCOMERS = Path(__file__).parents[1] / "diagnostics" / "newcomers"
WRONG = """\
method mine {
    order: 3(2);
    tableau {
        0. |
        1 | +1
          | 1/2, 1/2
          | 1, 0
        --+------
    }
}
"""
MENDED = """\
method mine {
    order 2(1)
    tableau {
        0 |
        1 | 1
        --+------
          | 1/2, 1/2
          | 1, 0
    }
}
"""
CURED = (
    *("amp", "b_brackets", "brackets", "capital", "colon_pipe", "decimal", "equals_decl", "full_matrix", "minus"),
    *("brace_next_line", "name_quoted", "norule", "oneline", "oneline_semi", "order_colon", "order_eq", "plus"),
    *("rule_end", "rule_eq", "rule_plain", "seed_eq", "semicolons", "solver_colon", "spaces_sep", "trailing_comma"),
    *("two_stmts", "unicode_frac", "weights_nobar", "name_first", "stars"),
)
"""First specs that are sound once what is certain is fixed."""


def test_a_spec_is_mended_round_by_round(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(WRONG, encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--fix", str(spec)])
    assert spec.read_text("utf-8") == MENDED
    assert result.exit_code == 0
    assert f"fixed {spec.as_posix()}:2: claim order 2 [H201]" in result.stdout
    assert not result.stderr


def test_line_ends_and_the_byte_order_mark_are_kept(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_bytes(b"\xef\xbb\xbf" + WRONG.replace("\n", "\r\n").encode())
    assert RUNNER.invoke(application(), ["check", "--fix", str(spec)]).exit_code == 0
    assert spec.read_bytes() == b"\xef\xbb\xbf" + MENDED.replace("\n", "\r\n").encode()


def test_what_remains_is_said(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(MENDED.replace("1/2, 1/2", "1/2, 1/3").replace("order 2", "order = 2"), encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--fix", "--json", str(spec)])
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(one["line"], one["title"]) for one in told["fixed"]] == [(2, "remove the `=`")]
    assert [one["code"] for one in told["diagnostics"]] == ["H201"]  # no weights are guessed
    assert "1/2, 1/3" in spec.read_text("utf-8")


def test_swapped_rows_and_rows_that_miss_their_c_are_left_alone(tmp_path: Path) -> None:
    for name, change in (
        ("swapped", ("1/2, 1/2\n          | 1, 0", "1, 0\n          | 1/2, 1/2")),
        ("c", ("1 | 1", "2 | 1")),
    ):
        spec = tmp_path / f"{name}.hyper"
        spec.write_text(MENDED.replace(*change), encoding="utf-8")
        before = spec.read_bytes()
        result = RUNNER.invoke(application(), ["check", "--fix", str(spec)])
        assert result.exit_code == 1
        assert spec.read_bytes() == before, name


@pytest.mark.parametrize(
    "spec",
    [
        "method m {\n order 4\n tableau {\n 0 |\n 1/2 | 1/2\n 1/2 | 0, 1/2\n 1 | 0, 0, 1\n --+--\n"
        " | 1/6, 1/3, 1/6, 1/3\n }\n}\n",
        "method m {\n order 2\n tableau {\n 0 |\n 2/3 | 2/3\n --+--\n | 3/4, 1/4\n }\n}\n",
        "method m {\n order 4\n tableau {\n 1/3 | 1/6, 1/6\n 2/3 | 1/3, 1/3\n --+--\n | 1/2, 1/2\n }\n}\n",
        "multistep m {\n order 2\n z[n+1] = z[n] + h*(5/4*f[n] - 1/4*f[n-1])\n}\n",
    ],
)
def test_a_claim_that_so_many_stages_can_keep_is_not_lowered(spec: str, tmp_path: Path) -> None:
    """A mistyped coefficient is as likely as a wrong claim."""
    file = tmp_path / "mine.hyper"
    file.write_text(spec, encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--fix", str(file)])
    assert result.exit_code == 1
    assert file.read_text("utf-8") == spec
    assert "or correct the" in result.stderr


def test_a_link_is_written_through_and_what_is_read_only_stays(tmp_path: Path) -> None:
    real, link, shut = tmp_path / "real.hyper", tmp_path / "link.hyper", tmp_path / "shut.hyper"
    for command, text in ((["check", "--fix"], WRONG), (["fmt"], MENDED.replace("    order", "  order"))):
        real.write_text(text, encoding="utf-8")
        link.unlink(missing_ok=True)
        link.symlink_to(real.name)
        assert RUNNER.invoke(application(), [*command, str(link)]).exit_code == 0
        assert link.is_symlink()
        assert "    order 2(1)\n" in real.read_text("utf-8")
    for command, text in ((["check", "--fix"], WRONG), (["fmt"], MENDED.replace("    order", "  order"))):
        shut.unlink(missing_ok=True)
        shut.write_text(text, encoding="utf-8")
        shut.chmod(0o444)
        result = RUNNER.invoke(application(), [*command, str(shut)])
        assert result.exit_code == 2
        assert "read-only" in result.stderr
        assert shut.read_text("utf-8") == text


def test_standard_input_is_not_fixed() -> None:
    result = RUNNER.invoke(application(), ["check", "--fix", "-"], input=WRONG)
    assert result.exit_code == 2
    assert "`--fix` writes files" in result.stderr


def test_sound_files_are_not_written(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(MENDED, encoding="utf-8")
    before = spec.stat()
    assert RUNNER.invoke(application(), ["check", "--fix", str(spec)]).exit_code == 0
    assert spec.stat().st_ino == before.st_ino


@pytest.mark.parametrize("path", sorted(NEWCOMERS.glob("*.hyper")), ids=lambda path: path.stem)
def test_first_specs(path: Path) -> None:
    result = mended(SpecFile(path, path.name))
    texts = {str(path.resolve()): result.after}
    _, found = check_file(path, path.name, Project(texts=texts))
    assert not any(diagnostic.fix for diagnostic in found)
    assert (path.stem in CURED) <= (not has_errors(found))


def test_each_fix_alone_removes_its_message() -> None:
    tried = 0
    for path in sorted(
        [*NEWCOMERS.glob("*.hyper"), NEWCOMERS.parent / "dense.hyper", NEWCOMERS.parent / "one_line.hyper"]
    ):
        text = path.read_text("utf-8")
        for diagnostic in check_file(path, path.name, Project())[1]:
            if diagnostic.fix:
                after, _ = fixed(text, [diagnostic])
                texts = {str(path.resolve()): after.encode()}
                found = {
                    (one.code, one.message, one.place) for one in check_file(path, path.name, Project(texts=texts))[1]
                }
                spans = {(code, message, place.span) for code, message, place in found if place}
                assert diagnostic.place
                assert (diagnostic.code, diagnostic.message, diagnostic.place.span) not in spans, path.name
                tried += 1
    assert tried > 50


SWAPPED = """method pair {
    order 2(3)
    tableau {
        0           |
        2 - sqrt(2) | 1 - sqrt(2)/2, 1 - sqrt(2)/2
        1           | sqrt(2)/4, sqrt(2)/4, 1 - sqrt(2)/2
        ------------+---------------------------------------------------
                    | 1/3 - sqrt(2)/12, 1/3 + sqrt(2)/4, 1/3 - sqrt(2)/6
                    | sqrt(2)/4, sqrt(2)/4, 1 - sqrt(2)/2
    }
}
"""
SWAPPED_ROSENBROCK = """method pair {
    order 2(3)
    tableau {
        0 |
        1 | 1
        1 | 1, 0
        --+--------------
          | 2/3, 0, 1/3
          | 1/3, 1/3, 1/3
    }
    gamma {
        1/2 + sqrt(3)/6
        -1, 1/2 + sqrt(3)/6
        -1/2 - sqrt(3)/6, -1/2 - sqrt(3)/3, 1/2 + sqrt(3)/6
    }
}
"""
WRONG_DENSE = """method heun {
    order 2
    tableau {
        0 |
        1 | 1
        --+----------
          | 1/2, 1/2
    }
    dense 2 {
        | theta - 1/2*theta^3, 1/2*theta^3
    }
}
"""


@pytest.mark.parametrize("text", [SWAPPED, SWAPPED_ROSENBROCK, WRONG_DENSE])
def test_a_claim_is_not_fixed_where_the_coefficients_may_be_at_fault(tmp_path: Path, text: str) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(text, encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--fix", str(spec)])
    assert result.exit_code == 1
    assert spec.read_text("utf-8") == text
    assert ("exchange the rows of weights" in result.output + result.stderr) == ("order 2(3)" in text)


def test_dense_output_beyond_the_methods_order_is_claimed_lower(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(WRONG_DENSE.replace("dense 2", "dense 3").replace("theta^3", "theta^2"), encoding="utf-8")
    assert RUNNER.invoke(application(), ["check", "--fix", str(spec)]).exit_code == 0
    assert "dense 2 {" in spec.read_text("utf-8")
