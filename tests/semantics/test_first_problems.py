"""What a first problem gets wrong is told with what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperdsl import compiler
from hyperdsl.source import SpecFile


@pytest.mark.parametrize(
    ("start", "advice"), [("-pi/2 .. pi/2", "write a decimal"), ("1 .. 1", "as a number alone"), ("2 .. 1", None)]
)
def test_ranges_that_are_none(start: str, advice: str | None, tmp_path: Path) -> None:
    path = tmp_path / "spec.hyper"
    path.write_text(f"problem p {{\n    x' = -x\n    x in {start}\n}}\n", "utf-8")
    found = compiler.check([SpecFile(path, "spec.hyper")]).diagnostics[0]
    assert advice in (found.help or "") if advice else found.help is None
