"""Parsing in parts finds what parsing the whole file finds, to the last span, whatever was parsed before."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperdsl.source import Source
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.parts import Parts, _split

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [*ROOT.glob("specs/*.hyper"), *ROOT.glob("tests/diagnostics/*.hyper"), *ROOT.glob("tests/syntax/*.hyper")]
)
PIECES = ("}", "{", "(", ")", "[", ",", "+", "|", "**", '"', "#", "\n", "}\n", "method m {\n", "\n}\n", "= ", "é", " ")


def flat(part: object) -> object:
    """A tree as plain values, spans included, which nodes leave out of their equality."""
    if isinstance(part, tuple):
        return [flat(one) for one in part]
    if isinstance(part, Source):
        return part.text
    if hasattr(part, "__dataclass_fields__"):
        return type(part).__name__, {name: flat(getattr(part, name)) for name in part.__dataclass_fields__}
    return part


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")


def same(parts: Parts, text: str) -> None:
    source = Source("a.hyper", text)
    assert flat(parts.parse(source)) == flat(parse(source))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_and_the_same_further_down(path: Path) -> None:
    parts, text = Parts(), text_of(path)
    for before in ("", "# above\n\n", "corrector c {\n}\n", "}\n", "method m {\n"):
        same(parts, before + text)


def test_a_file_is_parted_at_its_declarations() -> None:
    text = text_of(ROOT / "specs/hyper_heun.hyper")
    parts = list(_split(Source("a.hyper", text)))
    assert len(parts) == 4
    assert "".join(part for _, part in parts) == text


def test_unchanged_parts_are_the_same_objects() -> None:
    parts, text = Parts(), text_of(ROOT / "specs/hyper_heun.hyper")
    (before, _), (after, _) = (
        parts.parse(Source("a.hyper", one)) for one in (text, text.replace("linear(64)", "linear(32)"))
    )
    assert before is not None
    assert after is not None
    kept = [one is other for one, other in zip(before.items, after.items, strict=True)]
    assert kept == [True, False, True, True]


LONG = text_of(ROOT / "specs/hyper_heun.hyper") + text_of(ROOT / "specs/phased_hyper_heun.hyper")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(LONG)), st.integers(0, 40), st.sampled_from(PIECES)), max_size=6))
def test_any_edits(edits: list[tuple[int, int, str]]) -> None:
    parts, text = Parts(), LONG
    for at, cut, piece in edits:
        text = text[:at] + piece + text[at + cut :]
        same(parts, text)
