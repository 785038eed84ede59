"""Positions of clients: code units of three encodings, line ends of three kinds, a byte-order mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from hyperdsl.lsp.texts import Text
from hyperdsl.source import Span

ENCODINGS = ("utf-8", "utf-16", "utf-32")
LINE = "ε 𝑥 a\n"


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 7), ("utf-16", 4), ("utf-32", 3)])
def test_columns_are_code_units(encoding: str, character: int) -> None:
    text = Text(LINE, encoding)
    assert text.position(1, 4) == types.Position(0, character)
    assert text.at(types.Position(0, character)) == (1, 4)
    edit = types.TextDocumentContentChangePartial(text.range(Span(1, 3, 1, 4)), "y")
    assert text.changed([edit]).raw == "ε y a\n"


def test_a_byte_order_mark_is_no_column_of_the_compiler() -> None:
    text = Text("\ufeffmethod m {\r\n}\r\n")
    assert text.position(1, 8) == types.Position(0, 8)
    assert text.at(types.Position(0, 8)) == (1, 8)
    assert text.at(types.Position(0, 0)) == (1, 1)
    assert text.position(2, 2) == types.Position(1, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_positions_beyond_a_line_are_its_end(end: str) -> None:
    text = Text(f"ab{end}c")
    assert text.at(types.Position(0, 99)) == (1, 3)
    assert text.at(types.Position(99, 0)) == (2, 2)
    assert text.position(99, 1) == types.Position(1, 1)
    beyond = types.Range(types.Position(0, 99), types.Position(99, 99))
    assert text.changed([types.TextDocumentContentChangePartial(beyond, "!")]).raw == "ab!"


def test_separators_of_paragraphs_and_form_feeds_end_no_line() -> None:
    assert Text("a\u2028b\x0cc\x85d\n").lines == ("a\u2028b\x0cc\x85d\n", "")


@given(
    st.text(alphabet="aé𝑥\n\r ", max_size=30),
    st.text(alphabet="b𝑦\n", max_size=5),
    st.data(),
    st.sampled_from(ENCODINGS),
)
def test_changes_are_those_of_the_client(raw: str, new: str, data: st.DataObject, encoding: str) -> None:
    """The client's own arithmetic: places between characters, never inside a CRLF."""
    text = Text(raw, encoding)
    places = [
        (sum(map(len, text.lines[:line])) + column, text.position(line + 1, column + 1))
        for line, content in enumerate(text.lines)
        for column in range(len(content.rstrip("\r\n")) + 1)
    ]
    (start, first), (end, last) = sorted(data.draw(st.lists(st.sampled_from(places), min_size=2, max_size=2)))
    changed = text.changed([types.TextDocumentContentChangePartial(types.Range(first, last), new)])
    assert changed.raw == raw[:start] + new + raw[end:]


def test_a_whole_new_text_and_lone_surrogates() -> None:
    text = Text("a").changed([types.TextDocumentContentChangeWholeDocument("\ud800")])
    assert text.raw == "\ud800"
    with pytest.raises(UnicodeDecodeError):
        text.data.decode("utf-8")
    assert text.position(1, 2) == types.Position(0, 1)
