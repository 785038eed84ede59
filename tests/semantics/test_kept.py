"""What is kept from check to check changes nothing that is found, and a check that nobody waits for ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.semantics import check
from hyperdsl.semantics.methods import proofs, tableaux
from hyperdsl.semantics.reading.kept import Kept
from hyperdsl.semantics.reading.scope import Project, Scope
from hyperdsl.semantics.summary import summary, table_rows
from hyperdsl.theory.numbers.budget import Superseded, limited

ROOT = Path(__file__).parents[2]
FILE = ROOT / "specs" / "mine.hyper"
TEXT = "".join(
    (ROOT / "specs" / f"{name}.hyper").read_text("utf-8") for name in ("adaptive_bosh3", "hyper_heun", "abm4")
)
EDITS = (
    ("order 2", "order 3"),
    ("order 3(2)", "order 4(2)"),
    ("method heun", "method mine"),
    ("1/2, 1/2", "1/2, 1/3"),
    ("\ncorrector", "\n\n# a comment\ncorrector"),
    ("order 2", "order  2"),
    ("order 2", "\n    order 2"),
    ("method", "  method"),
    ("2/9", "2/"),
    ("", "\n\n"),
)


LIBRARY: dict[str, Scope] = {}


def found(text: str, kept: Kept | None) -> tuple[object, ...]:
    texts = {os.path.realpath(FILE): text.encode()}
    spec, diagnostics = check.check_file(FILE, "mine.hyper", Project(library=LIBRARY, texts=texts, kept=kept))
    return summary(spec), table_rows(spec), [(one, one.place and one.place.source.text) for one in diagnostics]


def test_texts_stand_in_place_of_files_and_what_is_kept_changes_nothing() -> None:
    kept, text = Kept(), TEXT
    assert found(text, kept) == found(text, None)
    for old, new in EDITS:
        for edited in (text.replace(old, new, 1), text):
            assert found(edited, kept) == found(edited, None), (old, new)
        text = text.replace(old, new, 1)
        assert found(text, kept) == found(text, None), (old, new)


def test_what_has_not_changed_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, read, original = Kept(), [], proofs.check_claim
    found(TEXT, kept)
    monkeypatch.setattr(
        tableaux, "check_claim", lambda report, name, *rest: read.append(name.text) or original(report, name, *rest)
    )
    found(TEXT.replace("order 2", "order 3", 1), kept)
    assert read == ["heun"]


def test_imports_are_read_from_texts(tmp_path: Path) -> None:
    main, other = tmp_path / "main.hyper", tmp_path / "other.hyper"
    texts = {
        os.path.realpath(main): b'import "other.hyper"\nsolver A {\n    base mine\n}\n',
        os.path.realpath(
            other
        ): b"method mine {\n    order 1\n    tableau {\n        0 |\n        --+--\n          | 1\n    }\n}\n",
    }

    def codes(kept: Kept) -> list[str]:
        diagnostics: tuple[Diagnostic, ...] = check.check_file(main, "main.hyper", Project(texts=texts, kept=kept))[1]
        return [diagnostic.code for diagnostic in diagnostics]

    kept = Kept()
    assert codes(kept) == []
    texts[os.path.realpath(other)] = texts[os.path.realpath(other)].replace(b"order 1", b"order 2")
    assert codes(kept) == ["H311"]
    del texts[os.path.realpath(other)]
    assert codes(kept)[0] == "H306"


def test_a_check_ends_once_it_is_superseded() -> None:
    text = (ROOT / "hyperdsl/library/explicit_9.hyper").read_bytes()
    asked: list[None] = []
    project = Project(texts={os.path.realpath(FILE): text})
    with pytest.raises(Superseded), limited(lambda: len(asked.append(None) or asked) > 2):
        check.check_file(FILE, "mine.hyper", project)
    assert len(asked) == 3
