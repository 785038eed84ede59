"""Calls at the edges: no time, no samples, what is no f(s, z) and tolerances that a dtype cannot hold."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from generated.abm4 import ABM4
from generated.adaptive_adams import Adams8
from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.adaptive_per_sample import PerSampleDopri5
from generated.hyper_heun import HyperHeun
from generated.imex_pairs import Ark3Adaptive, Ark3Each, ImexEuler, Split
from generated.sdirk_fixed import Bdf, Sdirk
from generated.stiff_bdf import StiffBDF
from generated.stiff_radau import Radau
from generated.stiff_rodas import Rodas5p

FIXED = [lambda: HyperHeun((2,)), ABM4, Bdf, Sdirk]
ADAPTIVE = [AdaptiveDopri5, PerSampleDopri5, Adams8, Rodas5p, StiffBDF, Radau]
SPLIT = [ImexEuler, Ark3Adaptive, Ark3Each]
Z0 = torch.tensor([[1.0, -0.5]])
Made = Callable[[], Any]


def decay(s: Tensor, z: Tensor) -> Tensor:
    return -z


def steps(make: Made) -> dict[str, int]:
    return {"steps": 6} if make in FIXED else {}


@pytest.mark.parametrize("make", FIXED + ADAPTIVE)
def test_spans_of_no_length_and_repeated_times_return_the_state(make: Made) -> None:
    solver = make()
    assert torch.equal(solver(decay, Z0, (1.0, 1.0), **steps(make)), Z0)
    solution = solver.solve(decay, Z0, (1.0, 1.0), **steps(make))
    assert torch.equal(solution.z, Z0)
    assert torch.equal(solution.dense([1.0])[0], Z0)
    states = solver.odeint(decay, Z0, [0.0, 0.5, 0.5, 1.0], **steps(make)) if make not in (ABM4, Bdf) else None
    if states is not None:
        assert torch.equal(states[1], states[2])
        assert torch.allclose(states[3], Z0 * math.exp(-1), rtol=1e-2)


@pytest.mark.parametrize("make", FIXED + ADAPTIVE)
def test_empty_batches_are_returned(make: Made) -> None:
    assert make()(decay, torch.ones(0, 2), (0.0, 1.0), **steps(make)).shape == (0, 2)


@pytest.mark.parametrize("make", SPLIT)
def test_additive_steps_take_no_time_and_no_samples_too(make: Made) -> None:
    solver, f = make(), Split(decay, decay)
    more = {"steps": 6} if make is ImexEuler else {}
    solution = solver.solve(f, Z0, (1.0, 1.0), **more)
    assert torch.equal(solution.z, Z0)
    assert torch.equal(solution.dense([1.0])[0], Z0)
    assert torch.equal(solver.odeint(f, Z0, [0.0, 0.0], **more)[1], Z0)
    assert solver(f, torch.ones(0, 2), (0.0, 1.0), **more).shape == (0, 2)


@pytest.mark.parametrize("make", FIXED + ADAPTIVE)
@pytest.mark.parametrize("f", [lambda z: -z, nn.Linear(2, 2)])
def test_what_is_no_f_of_two_arguments_is_told_of_them(make: Made, f: Any) -> None:
    with pytest.raises(TypeError, match=r"called as f\(s, z\).*`lambda s, z: f\(z\)`"):
        make()(f, Z0, (0.0, 1.0), **steps(make))


@pytest.mark.parametrize("make", FIXED)
def test_truth_values_are_no_numbers_of_steps(make: Made) -> None:
    with pytest.raises(TypeError, match="an integer, not True"):
        make()(decay, Z0, (0.0, 1.0), steps=True)


@pytest.mark.parametrize("make", FIXED + ADAPTIVE)
def test_methods_and_options_of_others_are_answered(make: Made) -> None:
    for name, told in (("method", "a solver is of one method"), ("options", "settings are keywords")):
        with pytest.raises(TypeError, match=told):
            make()(decay, Z0, (0.0, 1.0), **steps(make), **{name: "dopri5"})


@pytest.mark.parametrize("make", ADAPTIVE)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_tolerances_that_half_precision_does_not_hold_are_raised(make: Made, dtype: torch.dtype) -> None:
    eps = torch.finfo(dtype).eps
    with pytest.warns(UserWarning, match=rf"{str(dtype)[6:]}.*{4 * eps:.2g}"):
        found = make()(decay, torch.ones(1, 2, dtype=dtype), (0.0, 1.0), rtol=1e-6)
    assert torch.allclose(found.float(), torch.tensor(math.exp(-1)), rtol=16 * eps)  # four tolerances


@pytest.mark.parametrize("make", ADAPTIVE)
def test_single_precision_takes_the_tolerance_it_holds(make: Made) -> None:
    with pytest.warns(UserWarning, match="float32"):
        found = make()(decay, Z0, (0.0, 1.0), rtol=torch.tensor([1e-12, 1e-3]), atol=1e-9)
    assert torch.allclose(found, Z0 * math.exp(-1), rtol=3e-3)


@pytest.mark.parametrize("make", FIXED)
def test_steps_that_rounding_may_outweigh_are_told(make: Made) -> None:
    z0, solver = torch.ones(1, 2, dtype=torch.bfloat16), make().to(torch.bfloat16)
    with pytest.warns(
        UserWarning, match="each of 26 steps rounds the bfloat16 state by up to 0.004 .*at most 25 steps"
    ):
        solver(decay, z0, (0.0, 1.0), steps=26)
    with pytest.warns(UserWarning, match="each of 30 steps rounds the bfloat16"):
        solver.odeint(decay, z0, [0.0, 0.5, 1.0], steps=15)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solver(decay, z0, (0.0, 1.0), steps=25)
        make()(decay, Z0, (0.0, 1.0), steps=1000)


def test_sizes_of_states_are_tuples() -> None:
    with pytest.raises(TypeError, match=r"state_shape is a tuple of sizes such as \(2,\)"):
        HyperHeun(2)  # type: ignore[arg-type]


def test_files_of_torch_are_named(tmp_path: Path) -> None:
    solver, file = HyperHeun((2,)), tmp_path / "w.pt"
    torch.save(solver.state_dict(), file)
    with pytest.raises(ValueError, match=r"one of torch.save: use solver.load_state_dict"):
        solver.load(file)
