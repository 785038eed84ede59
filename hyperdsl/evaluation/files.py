"""Safetensors files: written whole or not at all, kept of models, and removed where a cache grows too large."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from hyperdsl.training.files import write_whole
from hyperdsl.training.given import seeded

Model = TypeVar("Model", bound=nn.Module)

_DATA = re.compile(r"[0-9a-f]{32}\.safetensors")
"""How `training.store` names its data; their only metadata is `sha256`."""


def save_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes tensors and their metadata to `path`, whole or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, save(contiguous, dict(metadata)))


def trained_once(
    build: Callable[[], Model], train: Callable[[], Model], folder: Path, seed: int, recipe: object, more: object = ""
) -> Model:
    """The model of this seed and recipe, from `folder` where it was trained before; without gradients.

    build: an untrained one. train: a trained one. more: what its training depends on besides.
    """
    with seeded(seed):  # also where weights come from a file, a module draws its first ones
        model = build()
    key = hashlib.sha256(f"{recipe} {model} {more}".encode()).hexdigest()[:12]
    path = folder / f"{type(model).__name__.lower()}_{seed}_{key}.safetensors"
    if path.exists():
        model.load_state_dict(load_file(path))
    else:
        model = train()
        save_safetensors(path, model.state_dict(), {"recipe": str(recipe), "seed": str(seed)})
    return model.requires_grad_(False).eval()


def remove_oldest(folder: Path, limit: int) -> None:
    """Removes the training data in a folder that were used longest ago, until those left hold `limit` bytes.

    Somebody's own files, weights above all, are none of them.
    """
    found = sorted(filter(_is_data, folder.glob("*.safetensors")), key=lambda path: path.stat().st_mtime, reverse=True)
    held = 0
    for path in found:
        held += path.stat().st_size
        if held > limit:
            path.unlink(missing_ok=True)  # data that a process has mapped stay there for it


def _is_data(path: Path) -> bool:
    """Whether the store made the file: by its name and its metadata."""
    if not _DATA.fullmatch(path.name) or not stat.S_ISREG(path.lstat().st_mode):
        return False
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).keys() == {"sha256"}
    except (OSError, SafetensorError):
        return False
