"""The arithmetic of an exported scheduler, without diffusers."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.exporting.diffusers import solve_of
from hyperdsl.exporting.errors import ExportError
from hyperdsl.exporting.staged import Noise, Solve, Staged, alphas_cumprod
from tests.exporting.loops import PREDICTS, SOLVERS, FourLearned, Graded, path_of, solved
from tests.runtime.methods import Adams, Family, HeunEuler, HyperEuler, Ones

BARS = alphas_cumprod("scaled_linear", 0.00085, 0.012, 1000)
NOISE = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def model(x: Tensor, tau: Any) -> Tensor:
    return torch.tanh(x) * (0.5 + tau / 1000)


def looped(staged: Staged, noise: Tensor) -> Tensor:
    x = staged.sigma * noise
    for tau in staged.times:
        x = staged.follow(model(x, tau), x)
    return x


@pytest.mark.parametrize("predicts", PREDICTS)
@pytest.mark.parametrize("case", SOLVERS, ids=lambda case: f"{type(case[0]).__name__}-{case[1]}")
def test_one_prediction_at_a_time_is_the_solvers_call(predicts: str, case: Any) -> None:
    flow = predicts == "flow_prediction"
    path, factor = path_of(None if flow else torch.tensor(BARS, dtype=torch.float64), predicts)
    staged = Staged(solve_of(*case), Noise(None if flow else BARS, 1000), predicts)
    own = solved(case[0], case[1], path, factor, model, NOISE)
    torch.testing.assert_close(looped(staged, NOISE), own, rtol=1e-9, atol=1e-9)


def test_euler_is_ddim() -> None:
    """Song et al. 2021, eq. 12 with η = 0, between the times of an equal grid of indices."""
    indices = [999, 749, 499, 249, 0]
    noise = Noise(BARS, 1000)
    points = [noise.straight(index) for index in indices]
    solver = Graded()
    solver.grid = tuple((point - points[0]) / (points[-1] - points[0]) for point in points)  # type: ignore[misc]
    staged = Staged(solve_of(solver), noise, "epsilon")
    assert staged.times == pytest.approx(indices[:-1], abs=1e-8)
    x = staged.sigma * NOISE
    expected = x
    for before, after in pairwise(indices):
        e = model(expected, before)
        data = (expected - math.sqrt(1 - BARS[before]) * e) / math.sqrt(BARS[before])
        expected = math.sqrt(BARS[after]) * data + math.sqrt(1 - BARS[after]) * e
    torch.testing.assert_close(looped(staged, NOISE), expected, rtol=1e-9, atol=1e-9)


def test_levels_and_times() -> None:
    noise = Noise(BARS, 1000)
    for index in (0, 1, 500, 998, 999):
        alpha, sigma = noise.at(index)
        assert alpha**2 == pytest.approx(BARS[index], rel=1e-12)
        assert alpha**2 + sigma**2 == pytest.approx(1, rel=1e-14)
    for tau in (0.0, 0.25, 17.75, 998.5, 999.0):
        assert noise.time(noise.straight(tau)) == pytest.approx(tau, abs=1e-7)
    assert [noise.time(t) for t in (-0.5, 0.0, 1.0, 1.5)] == [999, 999, 0, 0]
    flow = Noise(None, 1000)
    assert [flow.time(t) for t in (-0.5, 0.0, 0.25, 1.0, 1.5)] == [1000, 1000, 750, 0, 0]
    assert flow.at(250.0) == (0.75, 0.25)


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"])
def test_schedules_are_products_of_1_minus_beta(schedule: str) -> None:
    start, end, count = 1e-4, 0.02, 100
    match schedule:
        case "linear":
            betas = [start + (end - start) * i / 99 for i in range(count)]
        case "scaled_linear":
            betas = [(start**0.5 + (end**0.5 - start**0.5) * i / 99) ** 2 for i in range(count)]
        case "sigmoid":
            betas = [(end - start) / (1 + math.exp(6 - 12 * i / 99)) + start for i in range(count)]
        case _:

            def bar(t: float) -> float:
                return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

            betas = [min(0.999, 1 - bar((i + 1) / count) / bar(i / count)) for i in range(count)]
    products = [math.prod(1 - beta for beta in betas[: i + 1]) for i in range(count)]
    assert alphas_cumprod(schedule, start, end, count) == pytest.approx(products, rel=2e-5)
    assert alphas_cumprod("of mine", 0, 1, 3, [0.1, 0.5, 0.5]) == pytest.approx([0.9, 0.45, 0.225], rel=1e-6)
    with pytest.raises(ValueError, match="there is no schedule 'of mine'"):
        alphas_cumprod("of mine", 0, 1, 3)


def test_half_precision_is_added_in_float32() -> None:
    solve, noise = solve_of(FourLearned(), 1), Noise(BARS, 1000)
    staged, first = Staged(solve, noise, "epsilon"), NOISE.half()
    after = staged.follow(first / 2, first)
    assert after.dtype == torch.float16
    assert staged.slopes[0] is not None
    assert staged.slopes[0].dtype == torch.float32
    half, whole = (looped(Staged(solve, noise, "epsilon"), z) for z in (NOISE.half(), NOISE))
    assert (half - whole).abs().max() < 0.02 * whole.abs().max()


def test_no_more_slopes_are_kept_than_are_needed() -> None:
    staged, most = Staged(solve_of(Adams(), 20), Noise(BARS, 1000), "epsilon"), 0
    x = NOISE
    for tau in staged.times:
        x = staged.follow(model(x, tau), x)
        most = max(most, sum(slope is not None for slope in staged.slopes))
    assert most == 1  # the one before: the present one serves at once


def test_what_is_refused() -> None:
    euler = Solve((0.0,), ((1.0,),))
    staged = Staged(euler, Noise(BARS, 1000), "epsilon")
    with pytest.raises(ValueError, match=r"the model predicted \(3, 4, 4\) for a state of \(3, 2, 4\)"):
        staged.follow(torch.zeros(3, 4, 4), NOISE)
    staged.follow(NOISE, NOISE)
    with pytest.raises(ValueError, match="all 1 evaluations have been made: set_timesteps"):
        staged.follow(NOISE, NOISE)
    with pytest.raises(ValueError, match="prediction_type is one of epsilon, sample, v_prediction, flow_prediction"):
        Staged(euler, Noise(BARS, 1000), "score")
    for bars in ([0.5], [0.5, 0.5], [0.4, 0.5], [1.0, 0.5], [0.5, 0.0]):
        with pytest.raises(ValueError, match="falls strictly between 1 and 0"):
            Noise(bars, 2)


@pytest.mark.parametrize(
    ("solver", "word"),
    [
        (HyperEuler(Ones()), "HyperEuler has a corrector g.*`--as torch`"),
        (HeunEuler(), "HeunEuler chooses its steps by the state"),
        (Family(), r"free parameter alpha: .*`base family\(alpha = 1/2\)`"),
    ],
)
def test_solvers_that_no_scheduler_can_be(solver: Any, word: str) -> None:
    with pytest.raises(ExportError, match=word):
        solve_of(solver, 2)
