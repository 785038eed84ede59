"""Weights are read from safetensors by the runtime itself, which trusts no file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from hyperdsl.runtime.weights import load_weights


def file_of(header: object, numbers: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + numbers


def tensor(**changed: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changed}


MALICIOUS = {
    "empty": b"",
    "short": b"\x00\x01",
    "a size beyond the file": file_of({}, size=2**63),
    "a size beyond the file by one": file_of({}, size=3),
    "no JSON": file_of(b"{]"),
    "no UTF-8": file_of(b"\xff\xfe"),
    "a deep nest": file_of(b"[" * 200_000),
    "a list": file_of([]),
    "an endless integer": file_of(
        b'{"weight": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 8]}}'
    ),
    "an entry that is none": file_of({"weight": 3}),
    "an entry with more": file_of({"weight": tensor(run="x")}, bytes(8)),
    "an entry with less": file_of({"weight": {"dtype": "F32", "shape": [2]}}, bytes(8)),
    "an unknown dtype": file_of({"weight": tensor(dtype="I64")}, bytes(8)),
    "a dtype that is none": file_of({"weight": tensor(dtype=["F32"])}, bytes(8)),
    "a negative size": file_of({"weight": tensor(shape=[-2])}, bytes(8)),
    "a size of truth": file_of({"weight": tensor(shape=[True], data_offsets=[0, 4])}, bytes(4)),
    "a size of text": file_of({"weight": tensor(shape="2")}, bytes(8)),
    "a fraction": file_of({"weight": tensor(shape=[2.0])}, bytes(8)),
    "offsets backwards": file_of({"weight": tensor(data_offsets=[8, 0])}, bytes(8)),
    "offsets beyond the file": file_of({"weight": tensor()}, bytes(4)),
    "three offsets": file_of({"weight": tensor(data_offsets=[0, 8, 8])}, bytes(8)),
    "a gap": file_of({"weight": tensor(data_offsets=[4, 12])}, bytes(12)),
    "a tail": file_of({"weight": tensor()}, bytes(9)),
    "an overlap": file_of({"weight": tensor(), "other": tensor()}, bytes(8)),
    "a shape that does not fit": file_of({"weight": tensor(shape=[3])}, bytes(8)),
    "another shape": file_of({"weight": tensor(shape=[1, 2])}, bytes(8)),
    "another name": file_of({"weights": tensor()}, bytes(8)),
    "one name too many": file_of({"weight": tensor(), "z": tensor(data_offsets=[8, 16])}, bytes(16)),
    "no tensor": file_of({}),
    "a name twice": file_of(
        b'{"weight": ' + json.dumps(tensor()).encode() + b', "weight": ' + json.dumps(tensor()).encode() + b"}",
        bytes(8),
    ),
}


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))


@pytest.mark.parametrize("content", MALICIOUS.values(), ids=MALICIOUS.keys())
def test_odd_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    holder = Holder()
    with pytest.raises(ValueError, match=r"."):
        load_weights(holder, path)
    assert torch.equal(holder.weight, torch.ones(2))


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    numbers = struct.pack("<2f", 3.0, -4.5)
    path.write_bytes(file_of({"__metadata__": {"a": "b"}, "weight": tensor()}, numbers))
    holder = Holder()
    with pytest.warns(UserWarning, match="does not say what its weights belong to"):
        load_weights(holder, path)
    assert holder.weight.tolist() == [3.0, -4.5]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_was_saved_is_loaded(everything: ModuleType, tmp_path: Path, dtype: torch.dtype) -> None:
    trained = everything.HyperHeun((3,)).to(dtype)
    with torch.no_grad():
        for value in trained.state_dict().values():
            value.normal_()
    save_file(trained.state_dict(), tmp_path / "weights.safetensors", {"spec": "made"})
    fresh = everything.HyperHeun((3,)).to(dtype)
    with pytest.warns(UserWarning, match="does not say what its weights belong to"):
        fresh.load(tmp_path / "weights.safetensors")
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in fresh.state_dict().items())
    with pytest.raises(ValueError, match="shape"):
        everything.HyperHeun((4,)).load(str(tmp_path / "weights.safetensors"))
    with pytest.raises(ValueError, match="another solver"):
        everything.HyperAlpha((3,)).load(tmp_path / "weights.safetensors")
