"""Files that are whole or not there, and folders that do not grow for ever."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from hyperdsl.evaluation.files import remove_oldest, trained_once


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


def test_a_model_is_trained_once_for_each_recipe(tmp_path: Path) -> None:
    trained: list[str] = []

    def model_of(recipe: str) -> nn.Linear:
        def train() -> nn.Linear:
            trained.append(recipe)
            model = nn.Linear(2, 1)
            nn.init.constant_(model.weight, len(trained))
            return model

        return trained_once(lambda: nn.Linear(2, 1), train, tmp_path, 0, recipe)

    models = [model_of(recipe) for recipe in ("short", "short", "long", "short")]
    assert trained == ["short", "long"]
    assert [model.weight.mean().item() for model in models] == [1, 1, 2, 1]
    assert not any(parameter.requires_grad for model in models for parameter in model.parameters())
