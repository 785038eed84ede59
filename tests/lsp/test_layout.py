"""The edits of formatting make a text what `hyperdsl fmt` makes of it, and touch no line that stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from hyperdsl.lsp.layout import formatted
from hyperdsl.lsp.texts import Text
from hyperdsl.source import Source
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.printer import print_file

SPEC = (Path(__file__).parents[2] / "specs" / "hyper_heun.hyper").read_text("utf-8")


def edited(raw: str) -> tuple[str, int]:
    """The text after formatting, its line ends made LF, and how many lines the edit writes."""
    text = Text(raw)
    edits = formatted(Source("a.hyper", raw.replace("\r\n", "\n")), text)
    changed = text
    for edit in edits:
        changed = changed.changed([types.TextDocumentContentChangePartial(edit.range, edit.new_text)])
    return changed.raw.replace("\r\n", "\n"), sum(edit.new_text.count("\n") + 1 for edit in edits)


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (SPEC, 0),
        ("", 0),
        (SPEC.replace("    order 2", "  order   2"), 1),
        (SPEC.replace("\n\ncorrector", "\n\n\n\n\ncorrector"), None),
        (SPEC.replace("\n\ncorrector", "\ncorrector"), None),
        (SPEC.rstrip("\n"), None),
        (SPEC + "\n\n\n", None),
        ("\n\n" + SPEC, None),
        (SPEC.replace("    order 2", "  order   2").replace("\n", "\r\n"), 1),
        (SPEC.replace("\n", "\r\n"), 0),
        ("# 𝑥 only\n   # comments", None),
        ("solver A { base rk4 } solver B { base rk4 }", None),
    ],
)
def test_edits_make_the_canonical_layout(raw: str, lines: int | None) -> None:
    tree, _ = parse(Source("a.hyper", raw.replace("\r\n", "\n")))
    assert tree is not None
    after, written = edited(raw)
    assert after == print_file(tree)
    if lines is not None:
        assert written == lines


def test_a_broken_text_stays() -> None:
    assert formatted(Source("a.hyper", "method {"), Text("method {")) == []
