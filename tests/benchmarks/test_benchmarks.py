"""Every benchmark runs, with its smallest settings; what it measures is its own affair."""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmarks

pytestmark = pytest.mark.usefixtures("timed_once")
NO_STUDY = {"faults", "image_features", "mutated", "rivals", "stiff_tolerances", "study", "unchanged"}
"""What they share or run; and the comparison with an earlier release, which needs one."""
MODULES = sorted({module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - NO_STUDY)
ROOT = Path(benchmarks.__file__).parent.parent


def numbers(value: object) -> Iterator[float]:
    """All numbers in a JSON value, those of a table's cells too."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            yield float(value)


@pytest.mark.parametrize("name", MODULES)
def test_it_runs_with_its_smallest_settings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(f"benchmarks.{name}")
    module.main(["--smallest", "--output", str(tmp_path)])
    (table,) = tmp_path.glob("*.md")
    text = table.read_text("utf-8")
    assert text.startswith(f"By `python -m benchmarks.{name} --smallest")
    assert "| --- |" in text
    for path in tmp_path.glob("*.json"):
        found = list(numbers(json.loads(path.read_text("utf-8"))))
        assert found
        assert not all(map(math.isnan, found))
