"""Whatever a file holds, reading it ends with a value and diagnostics."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperdsl.diagnostics import has_errors
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.units import unit_of
from hyperdsl.source import MAX_BYTES, Source
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.reader import decode

EVERYTHING = (Path(__file__).parent / "everything.hyper").read_text("utf-8")
PIECES = st.sampled_from(
    [
        *"{}()[]|,=+-*/^'<>\"#\n§",
        "..",
        "--+--",
        "**",
        "\n",
        " ",
        "method",
        "tableau",
        "order",
        "in",
        "x",
        "1/2",
        "2x",
        "\t",
    ]
)


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(max_examples=400, derandomize=True, deadline=None)
def test_any_text_is_read_or_reported(text: str) -> None:
    tree, found = parse(Source("a.hyper", text))
    assert tree is not None or has_errors(found)


@given(st.integers(0, len(EVERYTHING) - 1), st.integers(0, 40), st.lists(PIECES, max_size=4).map("".join))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_a_damaged_spec_is_read_or_reported(start: int, length: int, inserted: str) -> None:
    unit = unit_of(Source("a.hyper", EVERYTHING[:start] + inserted + EVERYTHING[start + length :]), None)
    assert isinstance(unit.report, Report)


@given(st.binary(max_size=200))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    source, found = decode(data, "a.hyper")
    assert source is not None or has_errors(found)


def test_every_statement_at_fault_is_reported_in_one_run() -> None:
    first = "training a {\n    seed ]\n    batch 3\n    seed 1 2\n}\n\n"
    text = f"{first}method b {{\n    order (\n}}\n\ncorrector c {{\n    bound *\n}}\n"
    tree, found = parse(Source("a.hyper", text))
    assert [diagnostic.place.span.line for diagnostic in found if diagnostic.place] == [2, 4, 8, 12]
    assert tree is not None
    assert [len(item.body.statements) for item in tree.items if hasattr(item, "body")] == [1, 0, 0]


@pytest.mark.parametrize(
    "brackets",
    ["(", "[", "{", "()" * 100_000, "(" * 300_000, "-" * 190_000, "1^" * 90_000, ")" * 190_000, "2y\n" * 60_000],
)
def test_hostile_nesting_ends(brackets: str) -> None:
    _, found = parse(Source("a.hyper", f"problem p {{\n    x' = {brackets}\n}}\n"))
    assert has_errors(found)


def test_size_is_bounded() -> None:
    source, found = decode(b"#" * (MAX_BYTES + 1), "a.hyper")
    assert source is None
    assert found[0].code == "H004"


def test_newlines_and_byte_order_mark() -> None:
    crlf, _ = decode(b"\xef\xbb\xbf" + EVERYTHING.replace("\n", "\r\n").encode(), "a.hyper")
    assert crlf is not None
    assert crlf.text == EVERYTHING
