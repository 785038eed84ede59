"""Safetensors files: written whole or not at all, and removed where a cache grows too large."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hyperdsl.training.files import write_whole

_DATA = re.compile(r"[0-9a-f]{32}\.safetensors")
"""How `training.store` names its data; their only metadata is `sha256`."""


def save_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes tensors and their metadata to `path`, whole or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, save(contiguous, dict(metadata)))


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
