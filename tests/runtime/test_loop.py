"""The adaptive loop: step sizes by the rule, events, statuses, dense output, and which estimate decides."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.runtime.control import Control
from hyperdsl.runtime.each import EachProblem
from hyperdsl.runtime.field import Counted
from hyperdsl.runtime.loop import TRUST, Attempt, Problem
from hyperdsl.runtime.outcome import SolveError, Status
from hyperdsl.runtime.solution import Piece, polynomials
from hyperdsl.runtime.state import Restore, beside
from tests.runtime.methods import CONTROL, HeunEuler

Z = torch.tensor([1.0, 2.0], dtype=torch.float64)
ABSOLUTE = replace(CONTROL, rtol=0.0, atol=1.0)
"""e is the error itself, of a state of one number."""


def constant(s: Tensor, z: Tensor) -> Tensor:
    return torch.ones_like(z)


def growing(s: Tensor, z: Tensor) -> Tensor:
    return z


def posed(attempt: Callable[[float], Attempt], control: Control, length: float, **more: Any) -> tuple[Any, list[float]]:
    """A solution of one number by steps that are made of their size, and the sizes tried."""
    sizes: list[float] = []

    def tried(s: Tensor, z: Tensor, eps: Tensor, dz: Tensor) -> Attempt:
        sizes.append(float(eps))
        return attempt(float(eps))

    start = torch.zeros(1, dtype=torch.float64)
    problem = Problem(tried, Counted(constant), start, Restore(), **more)
    return problem.solve(control, (0, length), dense=False)[0], sizes


def one(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_steps_follow_the_error() -> None:
    solution, sizes = posed(lambda eps: Attempt(one(0), one(4 * eps**2)), replace(ABSOLUTE, first_step=0.1), 2)
    assert sizes[:3] == pytest.approx([0.1, 0.45, 0.45])  # 0.9 / sqrt(4)
    assert (solution.status, solution.s, solution.statistics.rejected) == (Status.SUCCESS, 2, 0)
    assert sum(sizes) == pytest.approx(2)


def test_a_proportional_part_remembers_the_error_before() -> None:
    control = replace(ABSOLUTE, gains=(0.4, 0.3, 0.0), first_step=0.1)
    _, sizes = posed(lambda eps: Attempt(one(0), one(4 * eps**2)), control, 5)
    e = [4 * eps**2 for eps in sizes]
    second = sizes[0] * 0.9 * e[0] ** (-0.7 / 2)
    third = second * 0.9 * e[1] ** (-0.7 / 2) * e[0] ** (0.4 / 2)
    assert sizes[1:3] == pytest.approx([second, third])


def test_no_step_grows_or_shrinks_too_fast() -> None:
    control = replace(ABSOLUTE, first_step=1e-3)
    _, sizes = posed(lambda eps: Attempt(one(0), one(1e-9)), control, 5)
    assert sizes[:3] == pytest.approx([1e-3, 1e-2, 1e-1])
    solution, sizes = posed(lambda eps: Attempt(one(0), one(1e6 * eps**2)), replace(control, first_step=1.0), 1.05)
    assert sizes[:3] == pytest.approx([1.0, 0.2, 0.04])
    assert solution.statistics.rejected > 3
    _, sizes = posed(
        lambda eps: Attempt(one(0), one(math.nan if eps > 0.5 else 0.1)), replace(control, first_step=1), 2
    )
    assert sizes[1] == pytest.approx(0.2)  # where the error is no number


def test_a_step_after_a_rejection_does_not_grow() -> None:
    errors = iter([1.05, 1e-3, 1e-3] + [0.5] * 99)
    _, sizes = posed(lambda eps: Attempt(one(0), one(next(errors))), replace(ABSOLUTE, first_step=0.1), 5)
    assert sizes[1] == pytest.approx(0.1 * 0.9 / math.sqrt(1.05))
    assert sizes[2] == sizes[1]
    assert sizes[3] == pytest.approx(10 * sizes[2])


def test_the_longest_step_of_a_problem() -> None:
    _, sizes = posed(lambda eps: Attempt(one(0), one(1e-9)), replace(ABSOLUTE, first_step=1.0), 2, most=0.25)
    assert sizes == pytest.approx([0.25] * 8)


def test_the_larger_of_error_and_doubt_counts() -> None:
    for error, doubt in ((0.1, 2.0), (2.0, 0.1)):
        solution, _ = posed(
            lambda eps, e=error, d=doubt: Attempt(one(0), one(e * eps**2), doubt=one(d * eps**2)),  # type: ignore[misc]
            replace(ABSOLUTE, first_step=1.0),
            1,
        )
        assert solution.statistics.rejected == 1


@pytest.mark.parametrize(
    ("learned", "embedded", "end"),
    [
        (0.01, 0.5, 7.0),  # trusted
        (0.6, 0.5, 3.0),  # larger than the embedded error
        (0.0, 0.5, 3.0),  # says nothing
        (1e-5, 50.0, 7.0),  # trusted but for its size
    ],
)
def test_a_learned_term_is_trusted_or_fallen_back_from(learned: float, embedded: float, end: float) -> None:
    attempt = Attempt(one(7.0), one(learned), base=one(3.0), embedded=one(embedded))
    solution, _ = posed(lambda eps: attempt, replace(ABSOLUTE, first_step=1.0, embedded_power=3), 1)
    assert solution.z.tolist() == [end]
    e, power = {0.01: (0.01, 2), 1e-5: (50 / TRUST, 3)}.get(learned, (embedded, 3))
    assert solution.step == pytest.approx(0.9 * e ** (-1 / power))


def test_a_learned_term_of_zero_is_no_estimate() -> None:
    with pytest.raises(ValueError, match="train the corrector first"):
        posed(lambda eps: Attempt(one(0), one(0)), ABSOLUTE, 1, learned=True)
    solution, _ = posed(lambda eps: Attempt(one(0), one(0)), ABSOLUTE, 1)
    assert solution.status is Status.SUCCESS


@pytest.mark.parametrize("name", ["rtol", "atol", "first_step", "max_steps"])
@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan])
def test_control_takes_positive_numbers(name: str, value: float) -> None:
    given: dict[str, Any] = dict.fromkeys(("rtol", "atol", "first_step", "max_steps"))
    changes: dict[str, Any] = {name: 3}
    with pytest.raises(ValueError, match=f"{name} must be positive, not {value}"):
        CONTROL.changed(**given | {name: value})
    assert CONTROL.changed(**given | {name: 3}) == replace(CONTROL, **changes)
    assert CONTROL.changed(**given) == CONTROL


@pytest.mark.parametrize("end", [2.0, -2.0])
def test_an_event_ends_the_solve_at_its_time(end: float) -> None:
    solution = HeunEuler().solve(
        constant, Z, (0.0, end), event=lambda s, z: z[0] - 1 - math.copysign(1 / 3, end), first_step=0.5
    )
    assert abs(solution.s - math.copysign(1 / 3, end)) <= 4 * 2.0**-53
    assert torch.allclose(solution.z, Z + solution.s, rtol=0, atol=1e-15)
    assert solution.status is Status.SUCCESS
    assert solution.span == (0, end)
    with pytest.raises(ValueError, match="outside the solution"):
        solution.dense(end)


def test_an_event_at_the_start_is_none() -> None:
    assert HeunEuler().solve(constant, Z, (0.0, 2.0), event=lambda s, z: z[0] - 1).s == 2
    assert HeunEuler().solve(constant, Z, (0.0, 2.0), event=lambda s, z: 1 - z[0]).s == 2
    again = HeunEuler().solve(constant, Z, (0.0, 2.0), event=lambda s, z: s * (1.5 - s), dense=False)
    assert again.s == pytest.approx(1.5, rel=1e-15)
    assert again.pieces == ()


def jumping(s: Tensor, z: Tensor) -> Tensor:
    return torch.where(s < 1, 0.0, 1e30) * torch.ones_like(z)


def ending(s: Tensor, z: Tensor) -> Tensor:
    return torch.where(s < 1, 1.0, math.nan) * torch.ones_like(z)


@pytest.mark.parametrize(
    ("f", "options", "status", "text"),
    [
        (growing, {"max_steps": 3}, Status.MAX_STEPS, "the budget of steps is used up"),
        (jumping, {}, Status.STEP_TOO_SMALL, "the steps became too small"),
        (ending, {}, Status.NONFINITE, "not finite there"),
        (lambda s, z: z * math.nan, {}, Status.NONFINITE, "not finite there"),
    ],
)
def test_solves_that_do_not_reach_the_end(f: Any, options: dict[str, Any], status: Status, text: str) -> None:
    solution = HeunEuler().solve(f, Z, (0.0, 2.0), throw=False, **options)
    assert solution.status is status
    assert solution.s <= 1
    assert solution.statistics.evaluations > 0
    with pytest.raises(SolveError, match=text) as caught:
        HeunEuler()(f, Z, (0.0, 2.0), **options)
    assert (caught.value.status, caught.value.s) == (status, solution.s)
    assert caught.value.solution.statistics.accepted == solution.statistics.accepted
    if status is Status.MAX_STEPS:
        assert solution.statistics.accepted + solution.statistics.rejected == 3


def test_the_tolerance_is_kept() -> None:
    errors = []
    for rtol in (1e-3, 1e-5):
        end = HeunEuler()(growing, Z, (0, 1), rtol=rtol, atol=1e-9)
        errors.append(float((end / (Z * math.e) - 1).abs().max()))
        assert 1e-2 * rtol < errors[-1] < 3 * rtol
    assert errors[1] < errors[0] / 20


def test_states_at_times_between_steps() -> None:
    times = [0.0, 0.3, 0.3, 1.1, 2.0]
    solution = HeunEuler().odeint(lambda s, z: 2 * s * torch.ones_like(z), Z, times)
    assert torch.allclose(solution, Z + torch.tensor(times, dtype=torch.float64)[:, None] ** 2)
    assert torch.equal(HeunEuler().odeint(growing, Z, [1.0, 1.0]), torch.stack([Z, Z]))
    assert HeunEuler().odeint(growing, Z[:0], [0.0, 1.0]).shape == (2, 0)


def test_times_that_are_none() -> None:
    solver = HeunEuler()
    assert torch.equal(solver.odeint(growing, Z, [0, 1, 1]), solver.odeint(growing, Z, torch.tensor([0, 1, 1])))
    assert solver.odeint(growing, Z, torch.tensor([2, 1])).shape == (2, 2)
    for none in (torch.zeros(0), torch.zeros(1, 2), torch.tensor(1.0)):
        with pytest.raises(ValueError, match="a list of one or more times"):
            solver.odeint(growing, Z, none)
    for mixed in ([0, 2, 1], [1, 1, 0, 1]):
        with pytest.raises(ValueError, match="must ascend or descend"):
            solver.odeint(growing, Z, mixed)
    with pytest.raises(ValueError, match="times must be finite"):
        solver(growing, Z, (0, math.inf))


def test_dense_weights_are_polynomials() -> None:
    rows = ((1, -4 / 3, 5 / 9), (0, 1, -2 / 3))
    theta = torch.tensor([[0.0, 0.5, 1.0]], dtype=torch.float64)
    weights = polynomials(rows, theta)
    assert weights.shape == (1, 3, 2)
    for part, both in zip(theta[0].tolist(), weights[0].tolist(), strict=True):
        assert both == pytest.approx([sum(c * part ** (k + 1) for k, c in enumerate(row)) for row in rows], abs=1e-15)


def test_dense_output_of_the_methods_own() -> None:
    stages = torch.tensor([[1.0, 10.0], [2.0, 20.0]], dtype=torch.float64)

    def weights(theta: Tensor) -> Tensor:
        return torch.stack((theta, theta**2), -1)

    piece = Piece(1.0, 0.5, Z, 9 * Z, Z, Z, stages, weights)
    assert torch.equal(piece.at(1.25), Z + torch.tensor([0.5 + 2.5, 1 + 5], dtype=torch.float64))


def test_dense_output_by_hermite_is_exact_for_cubics() -> None:
    def cubic(s: float) -> Tensor:
        return torch.tensor([s**3 - 2 * s**2 + 3], dtype=torch.float64)

    def slope(s: float) -> Tensor:
        return torch.tensor([3 * s**2 - 4 * s], dtype=torch.float64)

    for eps in (0.5, -0.5):
        piece = Piece(1.0, eps, cubic(1), cubic(1 + eps), slope(1), slope(1 + eps))
        for part in (0, 0.2, 0.7, 1):
            assert torch.allclose(piece.at(1 + part * eps), cubic(1 + part * eps), rtol=1e-14, atol=0)


@pytest.mark.parametrize("end", [2.0, -2.0])
def test_dense_output_over_a_solve(end: float) -> None:
    solution = HeunEuler().solve(lambda s, z: 2 * s * torch.ones_like(z), Z, (0.0, end), first_step=0.1)
    times = end * torch.tensor([[0.0, 0.01, 0.3], [0.5, 0.9, 1.0]], dtype=torch.float64)
    states = solution.dense(times)
    assert states.shape == (2, 3, 2)
    assert torch.allclose(states, Z + times[..., None] ** 2)
    for outside in (-0.1 * end, 1.1 * end):
        with pytest.raises(ValueError, match="outside the solution"):
            solution.dense(outside)
    with pytest.raises(ValueError, match="nothing was kept"):
        HeunEuler().solve(growing, Z, (0.0, end), dense=False).dense(0.0)


def test_samples_with_steps_of_their_own() -> None:
    rates = torch.tensor([0.1, 5.0], dtype=torch.float64)
    z = torch.ones(2, 1, dtype=torch.float64)

    def attempt(rate: Tensor) -> Callable[[Tensor, Tensor, Tensor, Tensor], Attempt]:
        def tried(s: Tensor, z: Tensor, eps: Tensor, dz: Tensor) -> Attempt:
            h = beside(eps, z) if eps.ndim else eps
            k2 = rate * (z + h * dz)
            return Attempt(z + h / 2 * (dz + k2), h / 2 * (k2 - dz))

        return tried

    def problem(kind: type[Problem], rate: Tensor, z: Tensor) -> Problem:
        return kind(attempt(rate), Counted(lambda s, z: rate * z), z, Restore())

    own, _ = problem(EachProblem, rates[:, None], z).solve(CONTROL, (0, 1), dense=False)
    alone = [problem(Problem, rate, z[:1]).solve(CONTROL, (0, 1), dense=False)[0] for rate in rates]
    accepted = [solution.statistics.accepted for solution in alone]
    assert own.statistics.accepted.tolist() == accepted
    assert accepted[1] > 5 * accepted[0]
    assert torch.allclose(own.z, torch.cat([solution.z for solution in alone]), rtol=1e-12)
