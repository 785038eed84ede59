"""Every bad spec beside this file gets exactly the messages in the text file of its name.

`python tests/diagnostics/test_diagnostics.py` writes those texts anew; read what changed before committing it.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from hyperdsl.diagnostics import Diagnostic, as_json, catalogue, from_json, report
from hyperdsl.diagnostics.model import Entry
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.syntax.reader import read

HERE = Path(__file__).parent
SPECS = sorted([*HERE.glob("*.hyper"), *HERE.glob("newcomers/*.hyper")])
"""Beside them, in `newcomers`, what is written by who comes from another language."""
ELSEWHERE = {"H001", "H006", "H221", "H222"}
"""Of a file that is not there, of two files, of the second prover, of `show`: tested elsewhere or below."""


def diagnostics_of(path: Path) -> tuple[Diagnostic, ...]:
    return check_file(path, path.name, Project())[1]


def text_of(diagnostics: tuple[Diagnostic, ...]) -> str:
    stream = io.StringIO()
    report(diagnostics, Console(file=stream, color_system=None, width=120))
    return stream.getvalue()


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    assert text_of(diagnostics_of(path)) == path.with_suffix(".txt").read_text("utf-8")


def test_a_diagnostic_comes_back_from_json() -> None:
    found = diagnostics_of(HERE / "order_too_high.hyper")
    assert [diagnostic.fix is not None for diagnostic in found].count(True)
    for diagnostic in found:
        assert diagnostic.place is not None
        assert from_json(json.loads(json.dumps(as_json(diagnostic))), diagnostic.place.source) == diagnostic


def test_every_code_has_a_bad_spec() -> None:
    codes = {value.code for value in vars(catalogue).values() if isinstance(value, Entry)}
    seen = {diagnostic.code for path in SPECS for diagnostic in diagnostics_of(path)}
    assert codes - seen == ELSEWHERE


def test_codes_are_not_used_twice() -> None:
    codes = [value.code for value in vars(catalogue).values() if isinstance(value, Entry)]
    assert len(codes) == len(set(codes))


def test_unreadable_file(tmp_path: Path) -> None:
    source, found = read(tmp_path / "absent.hyper", "absent.hyper")
    assert source is None
    assert [diagnostic.code for diagnostic in found] == ["H001"]


if __name__ == "__main__":
    for spec in SPECS:
        spec.with_suffix(".txt").write_text(text_of(diagnostics_of(spec)), encoding="utf-8")
