"""What fuzzing has kept is looked at again: texts that reached something of their own, findings, specs of all kinds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz import parts, runner, text

TEXTS = json.loads((text.CORPUS.parent / "texts.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def look() -> Iterator[text.Text]:
    with text.looking() as made:
        yield made


@pytest.mark.parametrize("part", range(8))
def test_kept_texts_end_in_diagnostics(look: text.Text, part: int) -> None:
    assert len(TEXTS) > 100
    for kept in TEXTS[part::8]:
        look.look_at(kept.encode("latin-1"))


@pytest.mark.parametrize("path", text.entries(), ids=lambda path: path.stem)
def test_findings_stay_fixed(look: text.Text, path: Path) -> None:
    look.look_at(path.read_bytes())
    assert look.code(path.read_bytes()) in text.EXIT_CODES


@pytest.mark.parametrize("path", parts.entries(), ids=lambda path: path.stem)
def test_kept_specs_compute_what_they_say(path: Path) -> None:
    runner.look_at(parts.loaded(path.read_text("utf-8")))


def test_a_changed_coefficient_is_seen() -> None:
    """Of the numbers beside a text, as it would be of the text."""
    kept = parts.loaded(parts.entries()[0].read_text("utf-8"))
    whole = [part for part in kept if part.solver and part.kind == "tableau" and not part.network]
    part = next(part for part in whole if len(part.numbers["c"]) > 3)
    numbers = {**part.numbers, "a": [["1/1000"] * len(row) for row in part.numbers["a"]]}
    with pytest.raises(AssertionError):
        runner.look_at([replace(part, numbers=numbers)])
