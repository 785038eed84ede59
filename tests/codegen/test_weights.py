"""Weights are read from safetensors by the runtime itself, which trusts no file."""

from __future__ import annotations

import json
import os
import struct
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from hyperdsl.runtime.corrector import Corrector
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


def written(solver: Any, path: Path) -> bytes:
    with torch.no_grad():
        for value in solver.state_dict().values():
            value.uniform_(0.5, 1.0)
    solver.save(path)
    return path.read_bytes()


def test_saved_weights_come_back_with_what_is_known_of_them(everything: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "new" / "weights.safetensors"
    solver = everything.HyperHeun((3,))
    trained = {"eps": [0.1, 0.4], "s": [0.0, 2.0], "steps": [1, 20]}
    solver.remember({"trained": json.dumps(trained), "problem": "p"})
    written(solver, path)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert load_file(path).keys() == solver.state_dict().keys()  # others' readers read it
    fresh = everything.HyperHeun((3,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fresh.load(path)
    assert all(torch.equal(value, solver.state_dict()[name]) for name, value in fresh.state_dict().items())
    assert fresh.about == solver.about
    fresh.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_changed_byte_and_a_lost_end_are_seen(everything: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    solver = everything.HyperHeun((2,))
    solver.remember({"problem": "van_der_pol"})
    whole = written(solver, path)
    size = 8 + int.from_bytes(whole[:8], "little")
    places = [whole.index(b"van_der_pol"), whole.index(b"identity") + 15, size + 5, len(whole) - 1]
    damaged = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    before = [value.clone() for value in solver.state_dict().values()]
    for content in (*damaged, whole[:-1], whole[: size + 3], whole[:100], whole + b"\0"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"weights\.safetensors"):
            solver.load(path)
    assert all(map(torch.equal, solver.state_dict().values(), before))


def test_weights_of_another_solver_are_refused(everything: ModuleType, tmp_path: Path) -> None:
    """Whose tensors have the same names and shapes: in a file of today, and in one of 0.1."""
    path = tmp_path / "weights.safetensors"
    heun, other = everything.HyperHeun((3,)), everything.HyperHeun((3,))
    written(heun, path)
    with pytest.raises(ValueError, match="another solver's weights, those of HyperHeun, whose base is"):
        _renamed(other, base_digest="0" * 16).load(path)
    with pytest.raises(ValueError, match="whose residual_power is 3, where that of HyperHeun is 2"):
        _renamed(other, residual_power=2).load(path)
    bounded = everything.HyperHeun((3,))
    bounded.corrector.bound = 7.0
    with pytest.raises(ValueError, match="whose bound is"):
        bounded.load(path)
    save_file(heun.state_dict(), path, {"solver": "HyperEuler"})
    with pytest.raises(ValueError, match="those of HyperEuler, not of HyperHeun"):
        heun.load(path)


def test_weights_of_another_form_of_output_are_refused(everything: ModuleType, tmp_path: Path) -> None:
    """Those of an absolute g, of today, of before there were forms and of 0.1, in a relative one, and the reverse."""
    path = tmp_path / "weights.safetensors"
    relative, absolute = everything.HyperHeun((3,)), everything.HyperHeun((3,))
    layers = list(absolute.corrector.net)
    absolute.corrector = Corrector((3,), ("z", "dz", "s", "eps"), bound=relative.corrector.bound)
    absolute.corrector.net = nn.Sequential(nn.Linear(8, 16), *layers[1:])
    before = [value.clone() for value in relative.state_dict().values()]
    written(absolute, path)
    with pytest.raises(ValueError, match="another solver's weights, those of HyperHeun, whose"):
        relative.load(path)
    described = absolute.corrector.described()
    absolute.corrector.described = lambda: {name: value for name, value in described.items() if name != "output"}
    written(absolute, path)
    del absolute.corrector.described
    absolute.load(path)  # what says nothing of its form is absolute
    with pytest.raises(ValueError, match="another solver's weights, those of HyperHeun, whose"):
        relative.load(path)
    save_file(absolute.state_dict(), path, {"solver": "HyperHeun"})  # as 0.1 wrote them
    with pytest.raises(ValueError, match="another solver's weights"):
        relative.load(path)
    assert all(map(torch.equal, relative.state_dict().values(), before))
    with pytest.warns(UserWarning, match=r"hyperdsl 0\.1"):
        absolute.load(path)
    written(relative, path)
    with pytest.raises(ValueError, match="another solver's weights, those of HyperHeun, whose"):
        absolute.load(path)


def _renamed(solver: Any, **facts: object) -> Any:
    """The solver with other facts of its class."""
    solver.__class__ = type("HyperHeun", (type(solver),), facts)
    return solver


def test_files_of_0_1_load_with_a_warning(everything: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    solver = everything.HyperHeun((3,))
    save_file(solver.state_dict(), path, {"solver": "HyperHeun", "problem": "p"})
    with pytest.warns(everything.WeightsWarning, match=r"hyperdsl 0\.1"):
        solver.load(path)
    assert solver.about == {"solver": "HyperHeun", "problem": "p"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_neither_read_nor_written(
    everything: ModuleType, tmp_path: Path, value: float
) -> None:
    path = tmp_path / "weights.safetensors"
    solver = everything.HyperHeun((3,))
    poor = everything.HyperHeun((3,))
    with torch.no_grad():
        next(poor.parameters()).view(-1)[0] = value
    save_file(poor.state_dict(), path)
    with pytest.raises(ValueError, match="the file is damaged"):
        solver.load(path)
    with pytest.raises(ValueError, match="is not written"):
        poor.save(tmp_path / "poor")
    assert not (tmp_path / "poor").exists()


def test_a_failed_write_leaves_the_old_file(
    everything: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    solver = everything.HyperHeun((3,))
    whole = written(solver, path)

    def full(handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        solver.save(path)
    assert path.read_bytes() == whole
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
