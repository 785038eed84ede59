"""Files that are whole or not there, and folders that do not grow for ever."""

from __future__ import annotations

import os
from pathlib import Path

from hyperdsl.evaluation.files import remove_oldest


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "middle", "oldest")):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(bytes(100))
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "data-1.part").write_bytes(bytes(500))  # being written
    remove_oldest(tmp_path, 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data-1.part",
        "middle.safetensors",
        "newest.safetensors",
    ]
    remove_oldest(tmp_path, 50)
    assert [path.name for path in tmp_path.iterdir()] == ["data-1.part"]
    remove_oldest(tmp_path / "none", 50)
