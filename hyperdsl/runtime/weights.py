"""Weights from safetensors files, read with torch and the standard library alone."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def load_weights(module: nn.Module, file: str | os.PathLike[str]) -> None:
    """Put the tensors of a safetensors file into a module that has exactly those; ValueError where it has others."""
    tensors = read_safetensors(Path(file).read_bytes())
    own = module.state_dict()
    for name in sorted(own.keys() ^ tensors.keys()):
        raise ValueError(
            f"{file}: {name!r} is {'missing' if name in own else 'unknown'}: these are another solver's weights"
        )
    for name, value in tensors.items():
        if value.shape != own[name].shape:
            raise ValueError(f"{file}: {name!r} has shape {tuple(value.shape)}, not {tuple(own[name].shape)}")
    module.load_state_dict(tensors)


def read_safetensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file: the header's length in 8 bytes, a JSON header, then the numbers."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ValueError("not a safetensors file: it is shorter than its header says")
    try:
        header = json.loads(data[8 : 8 + size].decode(), object_pairs_hook=_without_repeats)
    except RecursionError:
        raise ValueError("not a safetensors file: its header is nested too deeply") from None
    described = header.items() if isinstance(header, dict) else [("header", header)]
    entries = {name: _entry(name, value) for name, value in described if name != "__metadata__"}
    numbers = data[8 + size :]
    end = 0
    for name, (_, _, begin, stop) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if begin != end:
            raise ValueError(f"not a safetensors file: {name!r} overlaps another tensor or leaves a gap")
        end = stop
    if end != len(numbers):
        raise ValueError("not a safetensors file: its tensors do not fill it")
    return {
        name: torch.frombuffer(bytearray(numbers[begin:stop]), dtype=dtype).reshape(shape)
        for name, (dtype, shape, begin, stop) in entries.items()
    }


def _entry(name: str, value: Any) -> tuple[torch.dtype, list[int], int, int]:
    """A tensor's dtype, shape, and where its bytes begin and stop."""
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"not a safetensors file: {name!r} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"{name!r} has the dtype {dtype!r}, which no solver's weights have")
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError(f"not a safetensors file: {name!r} has the shape {shape!r} and the offsets {offsets!r}")
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * _DTYPES[dtype].itemsize or 0 in shape:
        raise ValueError(f"not a safetensors file: the bytes of {name!r} do not fit its shape")
    return _DTYPES[dtype], shape, offsets[0], offsets[1]


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("not a safetensors file: a name comes twice in its header")
    return dict(pairs)
