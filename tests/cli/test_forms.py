"""Standard input, and the forms of messages that other programs read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hyperdsl.cli import application
from hyperdsl.diagnostics.explained import codes
from hyperdsl.diagnostics.forms import workflow_command
from hyperdsl.diagnostics.model import Diagnostic
from hyperdsl.source import Place, Source, Span

RUNNER = CliRunner()
SOUND = """\
method mine {
    order 2
    tableau {
        0 |
        1 | 1
        --+----------
          | 1/2, 1/2
    }
}

solver Mine {
    base mine
}
"""
WRONG = SOUND.replace("order 2", "order 3")


def test_check_reads_standard_input() -> None:
    sound = RUNNER.invoke(application(), ["check", "-"], input=SOUND)
    assert (sound.exit_code, sound.stderr) == (0, "")  # a text without a file's name can have a solver
    assert sound.stdout.startswith("<stdin>\n")
    wrong = RUNNER.invoke(application(), ["check", "-"], input=WRONG)
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("<stdin>:2:11: error[H201]")


def test_standard_input_imports_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "methods.hyper").write_text(
        SOUND.split("solver", maxsplit=1)[0].replace("mine", "other"), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    spec = 'import "methods.hyper"\n\nsolver Other {\n    base other\n}\n'
    assert RUNNER.invoke(application(), ["check", "-"], input=spec).exit_code == 0
    absent = RUNNER.invoke(application(), ["check", "-"], input=spec.replace("methods", "absent"))
    assert absent.exit_code == 1
    assert "<stdin>:1:8: error[H306]" in absent.stderr


def test_standard_input_is_bounded_and_decoded() -> None:
    assert "H004" in RUNNER.invoke(application(), ["check", "-"], input="#" * (2**20 + 1)).stderr
    assert "H002" in RUNNER.invoke(application(), ["check", "-"], input=b"\xff").stderr


def test_fmt_prints_standard_input_in_the_canonical_layout() -> None:
    result = RUNNER.invoke(application(), ["fmt", "-"], input=SOUND.replace("    order 2", "order   2"))
    assert (result.exit_code, result.stdout, result.stderr) == (0, SOUND, "")
    broken = RUNNER.invoke(application(), ["fmt", "-"], input="method mine {")
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert "<stdin>:1:13" in broken.stderr


def test_fmt_check_of_standard_input_prints_no_spec() -> None:
    same = RUNNER.invoke(application(), ["fmt", "--check", "-"], input=SOUND)
    assert (same.exit_code, same.stdout) == (0, "")
    other = RUNNER.invoke(application(), ["fmt", "--check", "-"], input=SOUND + "\n\n")
    assert (other.exit_code, other.stdout) == (1, "would change <stdin>\n")


def test_other_commands_take_no_standard_input() -> None:
    result = RUNNER.invoke(application(), ["compile", "-"], input=SOUND)
    assert result.exit_code == 2
    assert "there is no file or folder `-`" in result.stderr


def test_a_line_each(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(WRONG, encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--output-format", "concise", str(spec)])
    (line,) = result.stderr.splitlines()
    assert line == f"{spec.as_posix()}:2:11: error[H201]: `mine` is claimed to have order 3, but has order 2"


def test_sarif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b.hyper").write_text(WRONG.split("solver")[0], encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--output-format", "sarif", "a b.hyper"])
    assert (result.exit_code, result.stderr) == (1, "")
    log = json.loads(result.stdout)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert (log["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    assert [rule["id"] for rule in rules] == list(codes())
    (found,) = run["results"]
    assert rules[found["ruleIndex"]]["id"] == found["ruleId"] == "H201"
    assert found["level"] == "error"
    (location,) = found["locations"]
    region = {"startLine": 2, "startColumn": 11, "endLine": 2, "endColumn": 12}
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "a%20b.hyper"}, "region": region}
    (fix,) = found["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["replacements"] == [{"deletedRegion": region, "insertedContent": {"text": "2"}}]


def test_sarif_of_sound_specs_has_no_results(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(SOUND, encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--output-format", "sarif", str(spec)])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["runs"][0]["results"] == []


def test_workflow_commands_are_escaped() -> None:
    place = Place(Source("a,b:c%.hyper", "x\n"), Span(1, 1, 1, 2))
    told = workflow_command(Diagnostic("H999", "note", "50 %, on\ntwo lines: a, b", place, ("fact",), "act"))
    assert told == (
        "::notice title=hyperdsl H999,file=a%2Cb%3Ac%25.hyper,line=1,col=1,endLine=1,endColumn=2"
        "::50 %25, on%0Atwo lines: a, b%0Anote: fact%0Ahelp: act"
    )


def test_github(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(WRONG, encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--output-format", "github", str(spec)])
    assert (result.exit_code, result.stderr) == (1, "")
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"::error title=hyperdsl H201,file={spec.as_posix()},line=2,col=11,")


def test_json_and_another_form_are_refused(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(SOUND, encoding="utf-8")
    result = RUNNER.invoke(application(), ["check", "--json", "--output-format", "sarif", str(spec)])
    assert result.exit_code == 2


@pytest.mark.parametrize("command", ["check", "compile", "fmt"])
def test_commands_for_specs_share_the_forms(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.hyper").write_text("method mine {", encoding="utf-8")

    def told(form: str) -> Result:
        result = RUNNER.invoke(application(), [command, "--output-format", form, "mine.hyper"])
        assert result.exit_code == 1
        return result

    found = [diagnostic["code"] for diagnostic in json.loads(told("json").stdout)["diagnostics"]]
    assert found
    assert [result["ruleId"] for result in json.loads(told("sarif").stdout)["runs"][0]["results"]] == found
    assert [line.split("[", 1)[1][:4] for line in told("concise").stderr.splitlines()] == found
    assert [line.split()[2][:4] for line in told("github").stdout.splitlines()] == found


@pytest.mark.parametrize("form", ["json", "sarif"])
@pytest.mark.parametrize("command", ["compile", "fmt"])
def test_what_was_written_is_not_mixed_into_forms_for_programs(
    command: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.hyper").write_text(SOUND.replace("    order 2", "  order 2"), encoding="utf-8")
    result = RUNNER.invoke(application(), [command, "--output-format", form, "mine.hyper"])
    told = json.loads(result.stdout)
    assert (result.exit_code, "mine" in result.stderr) == (0, True)
    if form == "json":
        assert told["diagnostics"] == []
        assert told["changed"] == [line.split(" ", 1)[1] for line in result.stderr.splitlines()] != []


def test_fmt_prints_one_text_only() -> None:
    result = RUNNER.invoke(application(), ["fmt", "--output-format", "sarif", "-"], input=SOUND)
    assert (result.exit_code, result.stdout) == (2, "")
