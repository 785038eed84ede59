"""The pages of docs/ say what is so: their blocks of Python run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


PAGES = [
    ("architecture.md", 5),
    ("implicit.md", 1),
    ("additive.md", 1),
    ("stiff.md", 2),
    ("guide/messages.md", 1),
    ("guide/libraries.md", 11),
    ("guide/editors.md", 1),
    ("guide/notebooks.md", 1),
    ("guide/package.md", 1),
]


@pytest.mark.parametrize(("name", "least"), PAGES)
def test_the_blocks_of_a_page_run(name: str, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    text = (ROOT / "docs" / name).read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= least
    names: dict[str, object] = {}
    with torch.random.fork_rng(devices=[]):
        for block in blocks:
            exec(compile(block, name, "exec"), names)


def test_every_place_that_a_page_names_is_there() -> None:
    for page in [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for place in re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|md|lark|jinja))?)`", page.read_text("utf-8")):
            inside = [*(ROOT / "hyperdsl").rglob(place.rstrip("/")), *(ROOT / "generated").rglob(place.rstrip("/"))]
            found = [ROOT / place, *inside]
            assert any(path.exists() for path in found), f"{page.name}: {place}"
