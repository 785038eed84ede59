"""Files that are whole or not there, and folders that do not grow for ever."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save

from hyperdsl.evaluation.files import remove_oldest


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    data = save({"0": torch.zeros(25)}, {"sha256": "0" * 64})
    newest, middle, oldest = paths = [tmp_path / f"{32 * name}.safetensors" for name in "abc"]
    for age, path in enumerate(paths):
        path.write_bytes(data)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "data-1.part").write_bytes(bytes(500))  # being written
    remove_oldest(tmp_path, 2 * len(data) + 50)
    assert names(tmp_path) == [newest.name, middle.name, "data-1.part"]
    assert not oldest.exists()
    remove_oldest(tmp_path, 50)
    assert names(tmp_path) == ["data-1.part"]
    remove_oldest(tmp_path / "none", 50)


def test_somebody_s_own_files_in_a_cache_stay(tmp_path: Path) -> None:
    """`--cache` may name any folder: weights in it, or files by names like ours, are not the cache's to remove."""
    data = save({"0": torch.zeros(25)}, {"sha256": "0" * 64})
    theirs = save({"weight": torch.zeros(25)}, {"solver": "Mine"})
    (tmp_path / "model.safetensors").write_bytes(data)
    (tmp_path / f"{32 * 'd'}.safetensors").write_bytes(theirs)
    (tmp_path / f"{32 * 'e'}.safetensors").write_bytes(b"damaged")
    (tmp_path / "outside").write_bytes(data)
    (tmp_path / f"{32 * 'f'}.safetensors").symlink_to(tmp_path / "outside")
    before = names(tmp_path)
    remove_oldest(tmp_path, 0)
    assert names(tmp_path) == before
