"""Adaptive solvers: the failure contract, tolerances, times, events, and the steps that training covers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from hyperdsl.evaluation.packages import load_package
from tests.codegen.adaptive import (
    CONTROLS,
    SOLVERS,
    SURE,
    Field,
    Small,
    beside,
    given_to,
    made,
    pendulum,
    spec,
)

Build = Callable[[str], ModuleType]

TABLE: dict[str, tuple[Field, str]] = {
    "NaN": (lambda s, z: torch.where(beside(s, z) > 0.5, math.nan, 1.0) * z, "NONFINITE"),
    "blow-up": (lambda s, z: z * z, "STEP_TOO_SMALL"),
    "stiff": (lambda s, z: -1e7 * z, "MAX_STEPS"),
}


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize("name", SOLVERS)
def test_where_peers_hang_there_is_a_status(adaptive: ModuleType, short: ModuleType, name: str, case: str) -> None:
    """FINDINGS: f that turns NaN, y' = y², y' = -1e7 y."""
    f, status = TABLE[case]
    module, steps = (short, 200) if status == "MAX_STEPS" else (adaptive, 2000)
    solver = made(module, name)
    z = torch.ones(3, 1, dtype=torch.float64)
    budget = steps * solver.evaluations_per_step * 2
    if case != "NaN" and name in ("LearnedHeun",):
        solution = solver.solve(f, z, (0.0, 2.0), throw=False)  # nothing but g speaks of the error here
        assert solution.statistics.evaluations <= budget
        assert bool(solution.z.isfinite().all())
        return
    with pytest.raises(module.SolveError) as caught:
        solver(f, z, (0.0, 2.0), **given_to(name))
    error = caught.value
    assert error.status is module.Status[status]
    assert 0 <= error.s < 1.1
    assert error.evaluations <= budget
    assert 0 < error.step < 1
    for fact in (f"s = {error.s:.6g}", f"size {error.step:.3g}", f"{error.evaluations} evaluations", "throw=False"):
        assert fact in str(error)
    found = solver.solve(f, z, (0.0, 2.0), throw=False, **given_to(name))
    assert bool(found.z.isfinite().all())
    assert found.statistics.evaluations == error.evaluations


@pytest.mark.parametrize("case", TABLE)
def test_fixed_steps_are_never_silently_nan(build: Build, case: str) -> None:
    """The same three where the steps are fixed: the end is not finite, and said so."""
    fixed = build("solver Plain {\n base rk4\n}\nhypersolver Hyper {\n base euler\n corrector external\n}\n")
    z = torch.ones(3, 1, dtype=torch.float64)
    for solver in (fixed.Plain(), fixed.Hyper(Small())):
        with pytest.raises(fixed.SolveError, match="not finite at s = 2") as caught:
            solver(TABLE[case][0], z, (0.0, 2.0), 60)
        assert caught.value.status is fixed.Status.NONFINITE
        assert caught.value.evaluations == 60 * solver.evaluations_per_step
        assert not bool(solver(TABLE[case][0], z, (0.0, 2.0), 60, check=False).isfinite().all())


def nasty(kind: str, size: float, jump: float) -> Field:
    fields: dict[str, Field] = {
        "power": lambda s, z: size * z.abs() ** 1.5,
        "exponential": lambda s, z: size * torch.exp(z),
        "sign": lambda s, z: -size * torch.sign(z - jump),
        "jump in s": lambda s, z: torch.where(beside(s, z) > jump, size, -1.0) * torch.cos(z),
        "NaN region": lambda s, z: size * torch.sqrt(1 - z),
        "pole": lambda s, z: size / (z - jump),
        "stiff": lambda s, z: -size * (z - torch.cos(beside(s, z))),
        "zero": lambda s, z: torch.zeros_like(z),
        "infinite": lambda s, z: torch.full_like(z, math.inf),
        "oscillating": lambda s, z: size * torch.cos(size * beside(s, z)) + 0 * z,
    }
    return fields[kind]


KINDS = ("power", "exponential", "sign", "jump in s", "NaN region", "pole", "stiff", "zero", "infinite", "oscillating")


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    name=st.sampled_from(list(SOLVERS)),
    kind=st.sampled_from(KINDS),
    size=st.sampled_from([1e-12, 1e-3, 1.0, 30.0, 1e4, 1e9]),
    scale=st.sampled_from([1e-12, 1.0, 1e12]),
    batch=st.sampled_from([0, 1, 3]),
    span=st.sampled_from([(0.0, 1.0), (1.0, -1.0), (0.5, 0.5), (0.0, 1e6), (0.0, 1e-9)]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 99),
)
def test_nasty_fields_end_with_a_status(
    short: ModuleType,
    name: str,
    kind: str,
    size: float,
    scale: float,
    batch: int,
    span: tuple[float, float],
    dtype: torch.dtype,
    seed: int,
) -> None:
    z = scale * torch.randn(batch, 2, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    solver, f = made(short, name), nasty(kind, size, 0.3)
    solution = solver.solve(f, z, span, throw=False, **given_to(name))
    assert solution.statistics.evaluations <= 202 * (solver.evaluations_per_step + 1)
    statuses = solution.status if isinstance(solution.status, list) else [solution.status]
    assert all(isinstance(status, short.Status) for status in statuses)
    assert solution.z.shape == z.shape
    assert bool(solution.z.isfinite().all())
    assert solution.z.dtype == dtype
    if batch == 0 or span[0] == span[1]:
        assert all(status is short.Status.SUCCESS for status in statuses)
        assert torch.equal(solution.z, z)


@pytest.fixture(scope="module")
def short(build: Build) -> ModuleType:
    """Solvers with a small budget of steps."""
    return build(spec(200))


@pytest.mark.parametrize("name", SOLVERS)
def test_integers_are_refused_before_any_evaluation(adaptive: ModuleType, name: str) -> None:
    called: list[Tensor] = []

    def f(s: Tensor, z: Tensor) -> Tensor:
        called.append(z)
        return z

    with pytest.raises(TypeError):
        made(adaptive, name)(f, torch.ones(2, 1, dtype=torch.long), (0.0, 1.0), **given_to(name))
    assert not called


@pytest.mark.parametrize("name", SURE)
def test_errors_follow_the_tolerance_both_ways(adaptive: ModuleType, name: str) -> None:
    """Forth and back again; requested times are where the solution is, whatever the steps."""
    solver, more = made(adaptive, name), given_to(name)
    z = torch.tensor([[1.0, 0.0], [0.1, 0.5]], dtype=torch.float64)
    times = torch.tensor([0.0, 0.0, 0.7, 1.5, 3.0, 3.0], dtype=torch.float64)
    exact = made(adaptive, "Dopri").odeint(pendulum, z, times, rtol=1e-11, atol=1e-12)
    for tolerance in (1e-3, 1e-5):
        states = solver.odeint(pendulum, z, times, rtol=tolerance, atol=tolerance, **more)
        assert states.shape == (6, 2, 2)
        assert torch.equal(states[0], z)
        assert torch.equal(states[1], z)
        assert float((states - exact).abs().max()) <= 30 * tolerance ** (solver.order / (solver.order + 1))
        back = solver.odeint(pendulum, states[-1], times.flip(0), rtol=tolerance, atol=tolerance, **more)
        assert float((back.flip(0) - exact).abs().max()) <= 90 * tolerance ** (solver.order / (solver.order + 1))
        solution = solver.solve(pendulum, z, (0.0, 3.0), rtol=tolerance, atol=tolerance, **more)
        assert torch.allclose(solution.dense(times), states, rtol=0, atol=1e-12)
        assert torch.allclose(solution.dense(1.5), states[3], rtol=0, atol=1e-12)
        assert torch.equal(solution.z, states[-1])
        with pytest.raises(ValueError, match="outside"):
            solution.dense(3.1)


def test_statistics_are_what_happened(adaptive: ModuleType) -> None:
    for name in ("Dopri", "Bosh", "Fehlberg", "Halves", "Both"):
        calls: list[float] = []

        def f(s: Tensor, z: Tensor, calls: list[float] = calls) -> Tensor:
            calls.append(float(s))
            return pendulum(s, z)

        solver = made(adaptive, name)
        found = solver.solve(f, torch.ones(2, dtype=torch.float64), (0.0, 5.0), dense=False).statistics
        assert found.evaluations == len(calls)
        steps, kept = found.accepted + found.rejected, name in ("Dopri", "Bosh")
        each = solver.evaluations_per_step - (0 if kept else 1)
        assert len(calls) == 2 + each * steps + (0 if kept else found.accepted - 1)


def test_the_first_step_and_the_budget_can_be_given(adaptive: ModuleType) -> None:
    solver = made(adaptive, "Dopri")
    z = torch.ones(2, dtype=torch.float64)
    times: list[float] = []

    def f(s: Tensor, z: Tensor) -> Tensor:
        times.append(float(s))
        return -z

    solver(f, z, (0.0, 1.0), first_step=0.125)
    assert times[:2] == [0.0, 0.125 / 5]
    with pytest.raises(adaptive.SolveError) as caught:
        solver(f, z, (0.0, 1.0), first_step=1e-6, max_steps=3)
    assert caught.value.status is adaptive.Status.MAX_STEPS
    for wrong in ({"rtol": 0.0}, {"atol": -1.0}, {"first_step": math.inf}, {"max_steps": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            solver(f, z, (0.0, 1.0), **wrong)
    with pytest.raises(ValueError, match="finite"):
        solver(f, z, (0.0, math.inf))
    wanted = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    for end, slope in (
        (solver(f, z, (0.0, wanted)), -math.exp(-1)),
        (solver.odeint(f, z, wanted * torch.arange(3))[2], -2 * math.exp(-2)),
        (solver.adjoint(f, z, (wanted, 2.0), weights=()), math.exp(-1)),
    ):
        (gradient,) = torch.autograd.grad(end.sum(), wanted)
        assert float(gradient) == pytest.approx(2 * slope, rel=1e-5)
    with pytest.raises(ValueError, match="ascend"):
        solver.odeint(f, z, [0.0, 2.0, 1.0])


def test_tuples_and_complex_states(adaptive: ModuleType) -> None:
    z = torch.ones(3, dtype=torch.float64)
    for name in ("Dopri", "Halves"):
        solver = made(adaptive, name)
        one, other = solver(lambda s, z: (-z[0], 2 * z[1]), (z, z[:1]), (0.0, 1.0))
        assert torch.allclose(one, z * math.exp(-1), rtol=1e-5)
        assert torch.allclose(other, z[:1] * math.exp(2), rtol=1e-5)
        turned = solver(lambda s, z: 1j * z, torch.ones(2, 1, dtype=torch.complex128), (0.0, math.pi))
        assert torch.allclose(turned, -torch.ones_like(turned), atol=1e-5)
    turned = made(adaptive, "Own")(lambda s, z: 1j * z, torch.ones(2, 1, dtype=torch.complex64), (0.0, math.pi))
    assert torch.allclose(turned, -torch.ones_like(turned), atol=1e-4)


def test_a_learned_term_of_zero_is_no_small_error(adaptive: ModuleType) -> None:
    class Zero(nn.Module):
        def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor) -> Tensor:
            return torch.zeros_like(z)

    z = torch.ones(2, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="train"):
        adaptive.LearnedHeun(Zero())(lambda s, z: -z, z, (0.0, 1.0))
    for name in ("Learned", "Both"):  # these know of the error without g
        end = getattr(adaptive, name)(Zero())(lambda s, z: -z, z, (0.0, 1.0), rtol=1e-4, atol=1e-4)
        assert torch.allclose(end, z * math.exp(-1), atol=2e-2)


def test_states_of_one_step_have_no_influence_on_f(adaptive: ModuleType) -> None:
    """f may return the same tensor each time."""
    kept = torch.ones(2, 1, dtype=torch.float64)
    for name in SOLVERS:
        end = made(adaptive, name)(
            lambda s, z: kept, torch.zeros(2, 1, dtype=torch.float64), (0.0, 1.0), **given_to(name)
        )
        assert torch.allclose(end, torch.ones_like(end), atol=0.02)
        assert torch.equal(kept, torch.ones_like(kept))


@pytest.mark.parametrize("name", ["Dopri", "Fehlberg", "Halves", "Both"])
def test_an_event_ends_the_solution(adaptive: ModuleType, name: str) -> None:
    """A ball that falls reaches the ground, forwards and backwards in time."""
    z = torch.tensor([5.0, 0.0], dtype=torch.float64)
    for sign in (1.0, -1.0):
        solution = made(adaptive, name).solve(
            lambda s, z: torch.stack((z[1], -9.81 + 0 * z[1])), z, (0.0, 3.0 * sign), event=lambda s, z: z[0], rtol=1e-6
        )
        assert solution.status is adaptive.Status.SUCCESS
        assert solution.s == pytest.approx(sign * math.sqrt(10 / 9.81), abs=1e-4)
        assert float(solution.z[0]) == pytest.approx(0, abs=1e-9)
        assert torch.allclose(solution.dense(solution.s), solution.z)
        with pytest.raises(ValueError, match="outside"):
            solution.dense(3.0 * sign)
    never = made(adaptive, name).solve(lambda s, z: 0 * z, z, (0.0, 1.0), event=lambda s, z: z[0])
    assert never.s == 1.0


def test_training_covers_the_steps_that_the_control_takes(package: Callable[[str, str], Path]) -> None:
    """Where its training names none: from the shortest to the longest step of a solve, for every estimate."""
    text = "corrector small {\n    inputs z, dz, s, eps\n    layers linear(16), tanh\n}\n"
    text += "training quick {\n    iterations 60\n    reference rk4 {\n        substeps 8\n    }\n}\n"
    text += CONTROLS.format(steps=2000)
    for name, base, control in (("A", "euler", "term"), ("B", "heun_euler", "pair"), ("C", "heun_euler", "own_both")):
        text += f"hypersolver {name} {{\n base {base}\n corrector small\n training quick\n control {control}\n}}\n"
    loaded = load_package(package(text, "visiting"))
    z = torch.tensor([[1.0, 0.0], [0.1, 0.5]], dtype=torch.float64)
    for name in ("A", "B", "C"):
        solver: Any = loaded.solvers[name]((2,)).double()
        solver.control = replace(solver.control, rtol=1e-3, atol=1e-4)
        loaded.train().fit(solver, pendulum_of_batch, lambda n, g: z.repeat(n // 2, 1), (0.0, 3.0), progress=False)
        smallest, largest = solver.corrector.eps_range.tolist()
        pieces = solver.solve(pendulum_of_batch, z, (0.0, 3.0)).pieces
        steps = torch.cat([torch.as_tensor(piece.eps, dtype=z.dtype).flatten() for piece in pieces]).abs()
        steps = steps[steps > 0]
        inside = (steps >= smallest) & (steps <= 1.02 * largest)
        assert float(inside.double().mean()) > 0.7
        assert largest < 3


def pendulum_of_batch(s: Tensor, z: Tensor) -> Tensor:
    angle, speed = z.unbind(-1)
    return torch.stack((speed, -torch.sin(angle)), -1)


def test_a_control_of_the_spec_bounds_steps(build: Build) -> None:
    module = build(
        "control c {\n error embedded\n rtol 1/2\n max_step 1/8\n min_step 1/64\n}\n"
        "solver Bounded {\n base dopri5\n control c\n}\n"
    )
    solver, sizes, z = module.Bounded(), list[float](), torch.ones(2, dtype=torch.float64)
    assert (solver.control.max_step, solver.control.min_step) == (0.125, 0.015625)
    solver(lambda s, z: -z, z, (0.0, 1.0), callback=lambda s, z, eps: sizes.append(eps))
    assert max(sizes) == 0.125
    assert min(sizes[:-1]) >= 0.015625
    longer = solver.solve(lambda s, z: -z, z, (0.0, 1.0), max_step=1.0)
    assert longer.statistics.accepted < len(sizes)
