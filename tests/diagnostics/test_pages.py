"""The pages of `hyperdsl explain`: each bad spec gives its code, as it is shown, the mended one does not.

`python tests/diagnostics/test_pages.py` writes those messages anew; read what changed before committing it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from hyperdsl.diagnostics import Diagnostic, explained, has_errors, report_text
from hyperdsl.diagnostics.explained import Page, codes, page
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.reading.scope import Project

PAGES = [page(code) for code in codes()]
SHOWN = [one for one in PAGES if one.bad is not None]
PROSE = {"H001", "H002", "H003", "H005", "H006", "H219", "H220", "H221", "H222"}
"""Of files as bytes, of their names, of several specs, of other commands, of specs of many lines."""


def found_in(one: Page, spec: str, folder: Path) -> tuple[Diagnostic, ...]:
    for name, text in (*one.beside, ("spec.hyper", spec)):
        (folder / name).write_text(text, encoding="utf-8")
    return check_file(folder / "spec.hyper", "spec.hyper", Project())[1]


def message_of(one: Page, folder: Path) -> str:
    found = [diagnostic for diagnostic in found_in(one, one.bad or "", folder) if diagnostic.code == one.code]
    return report_text(found[:1])


def test_every_code_has_a_page() -> None:
    assert {one.code for one in PAGES if one.bad is None} == PROSE
    assert [one.code for one in PAGES if len(one.text) < 60 or "{problem}" in one.summary] == []


@pytest.mark.parametrize("one", SHOWN, ids=lambda one: one.code)
def test_the_bad_spec_gives_the_message(one: Page, tmp_path: Path) -> None:
    assert one.message
    assert one.message == message_of(one, tmp_path)


@pytest.mark.parametrize("one", SHOWN, ids=lambda one: one.code)
def test_the_mended_spec_has_no_fault(one: Page, tmp_path: Path) -> None:
    assert one.mended is not None
    found = found_in(one, one.mended, tmp_path)
    assert one.code not in {diagnostic.code for diagnostic in found}
    assert not has_errors(found)


@pytest.mark.parametrize("one", SHOWN, ids=lambda one: one.code)
def test_the_bad_spec_has_one_fault(one: Page, tmp_path: Path) -> None:
    found = found_in(one, one.bad or "", tmp_path)
    assert {diagnostic.code for diagnostic in found if diagnostic.severity == "error"} <= {one.code}


def test_an_unknown_code_has_no_page() -> None:
    with pytest.raises(KeyError):
        page("H999")


if __name__ == "__main__":
    folder = Path(explained.__file__).parent / "pages"
    for one in SHOWN:
        with tempfile.TemporaryDirectory() as scratch:
            path, message = folder / f"{one.code}.md", message_of(one, Path(scratch))
        path.write_text(
            path.read_text("utf-8").replace(f"```text\n{one.message}```", f"```text\n{message}```"), encoding="utf-8"
        )
