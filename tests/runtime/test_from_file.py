"""`from_file`: a trained solver from its weights alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from generated.conditioned_hyper_midpoint import HyperMidpoint
from generated.graded import Spaced
from generated.hyper_euler import HyperEuler
from generated.hyper_heun import HyperHeun
from hyperdsl.runtime.safetensors import deserialised, serialised


def field(s: Tensor, z: Tensor) -> Tensor:
    return -z


def trained(dtype: torch.dtype = torch.float64) -> HyperHeun:
    solver = HyperHeun(state_shape=(2, 3)).to(dtype)
    with torch.no_grad():
        for weight in solver.parameters():
            weight.add_(0.01)
    solver.remember({"problem": "none"})
    return solver


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_file_is_enough(tmp_path: Path, dtype: torch.dtype) -> None:
    solver, z0 = trained(dtype), torch.ones(4, 2, 3, dtype=dtype)
    solver.save(tmp_path / "a.safetensors")
    again = HyperHeun.from_file(tmp_path / "a.safetensors")
    assert type(again) is HyperHeun
    assert torch.equal(again(field, z0, (0.0, 1.0), 3), solver(field, z0, (0.0, 1.0), 3))
    assert again.about == {"problem": "none"}
    assert {value.dtype for value in again.buffers()} == {dtype}


def test_inputs_and_learned_numbers(tmp_path: Path) -> None:
    conditioned = HyperMidpoint(state_shape=(2,), input_shape=(5,))
    conditioned.save(tmp_path / "a.safetensors")
    assert HyperMidpoint.from_file(tmp_path / "a.safetensors").corrector.input_shape == (5,)
    graded = Spaced()
    graded.increments.data += 0.5
    graded.save(tmp_path / "b.safetensors")
    again = Spaced.from_file(tmp_path / "b.safetensors")
    assert torch.equal(again.increments, graded.increments)


def test_another_solvers_weights_are_refused(tmp_path: Path) -> None:
    trained().save(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="another solver's weights, those of HyperHeun"):
        HyperEuler.from_file(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="another solver's weights"):
        Spaced.from_file(tmp_path / "a.safetensors")


def test_a_file_without_shapes_asks_for_them(tmp_path: Path) -> None:
    solver, file = trained(), tmp_path / "a.safetensors"
    solver.save(file)
    tensors, metadata = deserialised(file.read_bytes())
    del metadata["shapes"]
    file.write_bytes(serialised(tensors, metadata))
    with pytest.raises(ValueError, match="pass state_shape="):
        HyperHeun.from_file(file)
    assert HyperHeun.from_file(file, state_shape=(2, 3)).about == {"problem": "none"}
    file.write_bytes(serialised(tensors, {**metadata, "shapes": '{"state_shape": [-1]}'}))
    with pytest.raises(ValueError, match="shapes are none"):
        HyperHeun.from_file(file)


@pytest.mark.parametrize("shape", [[20_000_000], [2**31 - 1, 2**31 - 1, 2**31 - 1], [10**30], [5]])
def test_shapes_that_lie_are_found_before_memory_is_taken(tmp_path: Path, shape: list[int]) -> None:
    trained().save(tmp_path / "a.safetensors")
    tensors, told = deserialised((tmp_path / "a.safetensors").read_bytes())
    told = {name: value for name, value in told.items() if name != "sha256"}
    lie = serialised(tensors, {**told, "shapes": f'{{"state_shape": {shape}}}'})
    (tmp_path / "b.safetensors").write_bytes(lie)
    with pytest.raises(ValueError, match=r"b\.safetensors"):
        HyperHeun.from_file(tmp_path / "b.safetensors")
