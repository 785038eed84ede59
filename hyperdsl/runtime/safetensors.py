"""The safetensors format, read and written with torch and the standard library alone; no file is trusted."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

SUM = "sha256"
"""The metadata's name for the checksum of the tensors and of all other metadata."""
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def serialised(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file's bytes, its metadata with the checksum of all that it holds; complex tensors as real and imaginary parts.

    TypeError for a tensor of another dtype than those of weights.
    """
    parts = {name: torch.view_as_real(one) if one.is_complex() else one for name, one in tensors.items()}
    for name, tensor in parts.items():
        if tensor.dtype not in _NAMES:
            raise TypeError(f"{name!r} is {tensor.dtype}, which a weights file does not hold")
    told = metadata or {}
    header: dict[str, Any] = {"__metadata__": dict(sorted({**told, SUM: checksum(parts, told)}.items()))}
    numbers = bytearray()
    for name, tensor in sorted(parts.items(), key=lambda item: (-item[1].itemsize, item[0])):  # so each is aligned
        begin = len(numbers)
        numbers += _bytes(tensor)
        offsets = [begin, len(numbers)]
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": [*tensor.shape], "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(numbers)


def deserialised(data: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file and its metadata; ValueError where it is damaged: where its checksum, if any, is wrong."""
    header, numbers = _split(data)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("not a safetensors file: its metadata are no texts")
    entries = {name: _entry(name, value) for name, value in header.items()}
    end = 0
    for name, (_, _, begin, stop) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if begin != end:
            raise ValueError(f"not a safetensors file: {name!r} overlaps another tensor or leaves a gap")
        end = stop
    if end != len(numbers):
        raise ValueError("not a safetensors file: its tensors do not fill it")
    tensors = {
        name: _tensor(numbers[begin:stop], dtype, shape) for name, (dtype, shape, begin, stop) in entries.items()
    }
    if SUM in metadata and metadata[SUM] != checksum(tensors, metadata):
        raise ValueError("the file is damaged: its checksum is not that of what it holds")
    return tensors, metadata


def checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """The sha256 of tensors, with their names, dtypes and shapes, and of the metadata but for the checksum itself."""
    digest = hashlib.sha256()

    def add(part: bytes | bytearray) -> None:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)

    for name, tensor in sorted(tensors.items()):
        add(name.encode())
        add(f"{_NAMES[tensor.dtype]} {[*tensor.shape]}".encode())
        add(_bytes(tensor))
    for name, value in sorted(metadata.items()):
        if name != SUM:
            add(name.encode())
            add(value.encode())
    return digest.hexdigest()


def _tensor(numbers: bytes, dtype: torch.dtype, shape: list[int]) -> Tensor:
    flat = torch.frombuffer(bytearray(numbers), dtype=dtype) if numbers else torch.empty(0, dtype=dtype)
    try:
        return flat.reshape(shape)
    except RuntimeError:
        raise ValueError(f"not a safetensors file: no tensor has the shape {shape!r}") from None


def _bytes(tensor: Tensor) -> bytearray:
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    held = bytearray(flat.numel())
    if held:
        torch.frombuffer(held, dtype=torch.uint8).copy_(flat)
    return held


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header, whose length is in the first 8 bytes, and the numbers after it."""
    if data[:2] in (b"PK", b"\x80\x02"):  # a zip archive, or a pickle
        raise ValueError(
            "not a safetensors file but one of torch.save: use solver.load_state_dict(torch.load(file)), or a file "
            "that solver.save wrote"
        )
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ValueError("not a safetensors file: it is shorter than its header says")
    try:
        header = json.loads(data[8 : 8 + size].decode(), object_pairs_hook=_without_repeats)
    except RecursionError:
        raise ValueError("not a safetensors file: its header is nested too deeply") from None
    if isinstance(header, dict):
        return header, data[8 + size :]
    raise ValueError("not a safetensors file: its header is no object")


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
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * _DTYPES[dtype].itemsize:
        raise ValueError(f"not a safetensors file: the bytes of {name!r} do not fit its shape")
    return _DTYPES[dtype], shape, offsets[0], offsets[1]


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("not a safetensors file: a name comes twice in its header")
    return dict(pairs)
