"""The data of trainings: made by all processes together, kept in a cache, and mapped where they exceed memory."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from hyperdsl.training.checkpoint import hashed, reduced
from hyperdsl.training.files import remove_left, renamed_to, sync
from hyperdsl.training.rows import Columns, real
from hyperdsl.training.targets import Targets

if TYPE_CHECKING:
    from hyperdsl.training.alone import Launched

MEMORY = 2**30  # bytes of training data; more of it is kept in a file


@dataclass(frozen=True)
class Store:
    """Where a training's data come from: a cache's folder, or made now, by each process its share of the groups."""

    folder: Path | None
    identity: str
    fabric: Launched
    quiet: bool | None

    def data(self, targets: Targets, prepare: Callable[[], Callable[[int], Columns]]) -> Columns:
        """The columns of all rows; `prepare` gives the function that makes a group of them."""
        fabric, settings = self.fabric, targets.settings
        decisive = (
            settings.states,
            targets.steps,
            targets.grids,
            settings.substeps,
            settings.reference.__name__,
            targets.rows,
        )
        more = (
            settings.seed,
            targets.generator.initial_seed(),
            targets.dtype,
            targets.trained,
            settings.loss,
            targets.ranges,
        )
        path = (
            None
            if self.folder is None
            else self.folder / f"{hashed(self.identity, repr(decisive), repr(more))[:32]}.safetensors"
        )
        found = _read_data(path) if path and path.is_file() else None
        there = reduced(fabric, torch.tensor(float(found is not None), device=fabric.device), "sum")
        if found is None or float(there) < fabric.world_size:
            found = self.made(targets, prepare, path if fabric.is_global_zero else None)
        elif path:
            path.touch()  # used last now, for whoever tidies the folder up
        device = fabric.device if sum(column.nbytes for column in found.values()) <= MEMORY else torch.device("cpu")
        return tuple(_column(found, k, device) for k in range(1 + max(int(name.rstrip("c")) for name in found)))

    def made(
        self, targets: Targets, prepare: Callable[[], Callable[[int], Columns]], path: Path | None
    ) -> dict[str, Tensor]:
        """The columns of all rows by name, made now and kept in `path`."""
        with ExitStack() as leaving:
            return self._made(targets, prepare, path, leaving)

    def _made(
        self,
        targets: Targets,
        prepare: Callable[[], Callable[[int], Columns]],
        path: Path | None,
        leaving: ExitStack,
    ) -> dict[str, Tensor]:
        """As `made`; what is not to last is removed on `leaving`."""
        fabric, rows = self.fabric, targets.rows
        group, table, part = prepare(), None, None
        for k in tqdm(
            _share(targets.groups, fabric.global_rank, fabric.world_size),
            "targets",
            disable=self.quiet,
            leave=False,
        ):
            named = {
                f"{i}{'c' * column.is_complex()}": real(column)
                for i, column in enumerate(
                    group(min(k, targets.groups - 1))
                )  # of a process without a group: its shapes
                if column is not None
            }
            if table is None:
                large = sum(column.nbytes for column in named.values()) * targets.groups > MEMORY
                part = _part(path) if path or large else None
                if part:
                    leaving.callback(part.unlink, missing_ok=True)  # its data stay as long as they are mapped
                table = _mapped(part, named, rows * targets.groups) if part else _zeros(named, rows * targets.groups)
            for name, column in named.items() if k < targets.groups else ():
                table[name][k * rows : (k + 1) * rows] = column
        assert table is not None
        for column in table.values() if fabric.world_size > 1 else ():
            for piece in torch.split(column, 2**16):
                piece.copy_(reduced(fabric, piece.to(fabric.device), "sum"))
        if part and path:
            _seal(part)
            renamed_to(part, path)
        return table


def _share(groups: int, part: int, parts: int) -> range:
    """A process's groups, which are neighbours, for these are made together; beyond the last where it has none."""
    first, end = part * groups // parts, (part + 1) * groups // parts
    return range(first, end) if first < end else range(groups, groups + 1)


def _column(named: Mapping[str, Tensor], k: int, device: torch.device) -> Tensor | None:
    """Column k, None where there is none."""
    column = named.get(str(k), named.get(f"{k}c"))
    if column is None:
        return None
    column = column.to(device, copy=column.device.type == device.type == "cpu" and column.nbytes <= MEMORY)
    return column if str(k) in named else torch.view_as_complex(column)


def _zeros(like: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """Columns of `rows` rows in memory."""
    return {name: column.new_zeros(rows, *column.shape[1:]) for name, column in like.items()}


_TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_UNSEALED = "0" * 64


def _part(path: Path | None) -> Path:
    """A new file for columns, beside `path`; what killed processes left there is removed."""
    folder = path.parent if path else Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    if path:
        remove_left(folder, "data-*.part")
    handle, name = tempfile.mkstemp(".part", "data-", folder)
    os.close(handle)
    Path(name).chmod(0o644)  # a cache may be shared
    return Path(name)


def _mapped(path: Path, like: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """Columns of `rows` rows in a safetensors file, which takes what is put into them as they come."""
    header: dict[str, Any] = {"__metadata__": {"sha256": _UNSEALED}}
    end = 0
    for name, column in sorted(like.items(), key=lambda item: -item[1].itemsize):  # so that each is aligned
        size = rows * column[0].nbytes
        shape = [rows, *column.shape[1:]]
        header[name] = {"dtype": _TYPES[column.dtype], "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
        if hasattr(os, "posix_fallocate") and end:
            file.flush()
            os.posix_fallocate(file.fileno(), 0, 8 + len(text) + end)  # a full disk is an error here, later a signal
    data = torch.from_file(str(path), shared=True, size=8 + len(text) + end, dtype=torch.uint8)[8 + len(text) :]
    ends = {name: header[name]["data_offsets"] for name in like}
    return {name: data[slice(*ends[name])].view(like[name].dtype).view(rows, *like[name].shape[1:]) for name in like}


def _seal(path: Path) -> None:
    """Put the hash of a file's data into its header, and all of it on the disk."""
    with path.open("r+b") as file:
        header = file.read(int.from_bytes(file.read(8), "little"))
        file.seek(8 + header.index(_UNSEALED.encode()))
        place = file.tell()
        file.seek(8 + len(header))
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(place)
        file.write(digest.encode())
    sync(path)


def _read_data(path: Path) -> dict[str, Tensor] | None:
    """The columns of a sealed file, mapped; None where it is damaged."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            sealed = (file.metadata() or {}).get("sha256")
        with path.open("rb") as stream:
            stream.seek(8 + int.from_bytes(stream.read(8), "little"))
            if hashlib.file_digest(stream, "sha256").hexdigest() != sealed:
                return None
        return load_file(path)
    except (OSError, safetensors.SafetensorError):
        return None
