"""Renaming over the files of a project, saved or not, and what it refuses."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from pygls.protocol import json_rpc

from hyperdsl.lsp.analysis import Analyst
from hyperdsl.lsp.renaming import RefusedError, references, renamed
from hyperdsl.lsp.server import AnsweredError, Server, make, serve

METHOD = "method {} {{\n    order 1\n    tableau {{\n        0 |\n        --+--\n          | 1\n    }}\n}}\n"
SOLVER = "solver {} {{\n    base {}\n}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project: methods in one file, solvers on them in a folder below."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "methods.hyper").write_text(METHOD.format("mine") + METHOD.format("other"), "utf-8")
    (tmp_path / "below" / "user.hyper").write_text(
        'import "../methods.hyper"\n' + SOLVER.format("A", "mine") + SOLVER.format("B", "rk4"), "utf-8"
    )
    (tmp_path / "alone.hyper").write_text(METHOD.format("mine"), "utf-8")
    return tmp_path


def rename(
    folder: Path, file: str, place: tuple[int, int], name: str, **texts: str
) -> dict[str, list[tuple[int, int]]]:
    """The places of each file where the new name goes; `texts` are those of open files, by their stem."""
    analyst, path = Analyst(), folder / file
    open_ = {os.path.realpath(folder / f"{stem}.hyper"): text.encode() for stem, text in texts.items()}
    found = analyst.analyse(path, open_).named(*place)
    assert found is not None
    changes = renamed(references(found[1], path, open_, analyst), name, open_, analyst)
    return {path.name: [(span.line, span.column) for span in spans] for path, spans in changes.items()}


def test_files_that_import_it_change_and_others_of_that_name_do_not(folder: Path) -> None:
    changes = {"methods.hyper": [(1, 8)], "user.hyper": [(3, 10)]}
    assert rename(folder, "methods.hyper", (1, 9), "new") == changes
    assert rename(folder, "below/user.hyper", (3, 12), "new") == changes
    assert rename(folder, "alone.hyper", (1, 9), "new") == {"alone.hyper": [(1, 8)]}


def test_open_files_count_as_they_are_typed(folder: Path) -> None:
    typed = SOLVER.format("C", "mine") + METHOD.format("mine")
    assert rename(folder, "alone.hyper", (2, 11), "new", alone=typed) == {"alone.hyper": [(2, 10), (4, 8)]}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other", "`other` is declared twice"),
        ("rk4", "would mean another declaration"),  # B means the library's
    ],
)
def test_a_name_that_is_taken_is_refused(folder: Path, name: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        rename(folder, "methods.hyper", (1, 9), name)


def test_nothing_is_renamed_where_uses_may_be_unknown(folder: Path) -> None:
    with (folder / "below" / "user.hyper").open("a", encoding="utf-8") as file:
        file.write("solver C {\n    base mine(\n}\n")
    with pytest.raises(RefusedError, match="mend `user"):
        rename(folder, "methods.hyper", (1, 9), "new")


def test_the_library_is_not_renamed(folder: Path) -> None:
    with pytest.raises(RefusedError, match="of the library"):
        rename(folder, "below/user.hyper", (6, 11), "new")


def test_what_is_refused_is_not_logged_with_its_calls(caplog: pytest.LogCaptureFixture) -> None:
    make()
    for error in (AnsweredError("no name"), ValueError("a bug")):
        try:
            raise error
        except (AnsweredError, ValueError):
            json_rpc.logger.exception("failed")
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [error]


def test_what_is_loaded_is_not_looked_through_while_one_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "start_io", lambda self: None)
    gc.unfreeze()
    serve()
    try:
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
