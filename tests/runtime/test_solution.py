"""Solutions: dense output at its own ends, copies, statuses and spans of samples, gradients of times, transforms."""

from __future__ import annotations

import copy
import io
import math
import multiprocessing
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.outcome import SolveError, Status
from tests.runtime.methods import AdjointHeunEuler, Family, HeunEuler, OwnHeunEuler

Z = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
SOLVERS: list[Any] = [HeunEuler(), OwnHeunEuler()]
CLOSE: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-8, "max_steps": 9999}


def falling(s: Tensor, z: Tensor) -> Tensor:
    return -z


def exploding(s: Tensor, z: Tensor) -> Tensor:
    return 1e30 * z * z


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("span", [(0.0, 0.1), (0.1, 0.0), (100.0, 100.7), (-0.3, 0.1)])
def test_dense_output_at_its_own_ends(solver: Any, span: tuple[float, float]) -> None:
    solution = solver.solve(falling, Z, span)
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        if dtype is torch.bfloat16 and span[0] == 100:
            continue  # which it cannot tell from 101
        ends = solution.dense(torch.tensor(span, dtype=dtype))
        assert torch.allclose(ends[0], Z, rtol=2e-3)
        assert torch.allclose(ends[1], solution.z, rtol=2e-3)
    ends = solution.dense(torch.linspace(*span, 11))
    assert torch.allclose(ends[-1], solution.z, rtol=1e-4)
    assert torch.allclose(solution.dense(list(span))[1], solution.z, rtol=1e-14)
    length = span[1] - span[0]
    for outside in (span[0] - 0.01 * length, span[1] + 0.01 * length, math.nan):
        with pytest.raises(ValueError, match="outside the solution"):
            solution.dense(outside)
    with pytest.raises(ValueError, match="outside the solution"):
        solution.dense(torch.tensor(span, dtype=torch.float32) + length)


@pytest.mark.parametrize("solver", SOLVERS)
def test_dense_output_has_gradients_of_its_times(solver: Any) -> None:
    s = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64, requires_grad=True)
    states = solver.solve(falling, Z, (0.0, 1.0), **CLOSE).dense(s)
    (found,) = torch.autograd.grad(states.sum(), s)
    assert torch.allclose(found, -6 * torch.exp(-s), rtol=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_solutions_are_copied_and_sent(solver: Any) -> None:
    z = Z.clone().requires_grad_()
    solution = solver.solve(falling, z, (0.0, 2.0), event=lambda s, z: (z[:, 0] if solver.each else z[0, 0]) - 0.5)
    file = io.BytesIO()
    torch.save(solution, file)
    file.seek(0)
    for other in (
        pickle.loads(pickle.dumps(solution)),
        copy.deepcopy(solution),
        torch.load(file, weights_only=False),
    ):
        assert torch.equal(other.dense([0.1, 0.3]), solution.dense([0.1, 0.3]))
        assert torch.equal(other.z, solution.z)
        assert not other.z.requires_grad
        assert other.status == solution.status
        assert torch.equal(torch.as_tensor(other.event_time), solution.event_time)
    assert solution.z.requires_grad
    again = pickle.loads(pickle.dumps(solver))
    assert torch.equal(again(falling, Z, (0.0, 1.0)), solver(falling, Z, (0.0, 1.0)))


def test_a_compiled_solver_is_sent_as_it_was() -> None:
    solver = HeunEuler()
    solver.compile(backend="eager")
    for again in (pickle.loads(pickle.dumps(solver)), copy.deepcopy(solver)):
        assert "attempt" not in vars(again)
        assert torch.equal(again(falling, Z, (0.0, 1.0)), HeunEuler()(falling, Z, (0.0, 1.0)))
    assert "attempt" in vars(solver)


def failing(fixed: bool) -> Tensor:
    z = torch.ones(2, requires_grad=True) * 1
    if fixed:
        return Family()(exploding, z, (0.0, 2.0), 4, alpha=0.5)
    return HeunEuler()(exploding, z, (0.0, 2.0))


@pytest.mark.parametrize("fixed", [True, False])
def test_failures_are_sent(fixed: bool) -> None:
    with pytest.raises(SolveError) as caught:
        failing(fixed)
    error = caught.value
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(other) is SolveError
        assert str(other) == str(error)
        assert (other.status, other.step, other.evaluations) == (error.status, error.step, error.evaluations)
        assert type(other.solution) is type(error.solution)


def test_failures_come_back_from_other_processes() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        for fixed in (True, False):
            with pytest.raises(SolveError, match="finite"):
                pool.map_async(failing, [fixed]).get(timeout=60)


def test_statuses_of_samples_are_told() -> None:
    rates = torch.tensor([[1.0], [1e30], [math.nan], [1e31]], dtype=torch.float64)
    z = torch.ones(4, 1, dtype=torch.float64)
    for shown, text in (
        (4, r"3 of 4 samples failed, also 2 \(nonfinite\), 3 \(\w+\); sample 1 stopped at s ="),
        (2, "^sample 1 stopped"),
    ):
        with pytest.raises(SolveError, match=text) as caught:
            OwnHeunEuler()(lambda s, z, n=shown: rates[:n] * z * z, z[:shown], (0.0, 0.5))
        assert caught.value.status is caught.value.solution.status[1]
        assert caught.value.solution.status[0] is Status.SUCCESS


def test_samples_have_spans_of_their_own() -> None:
    ends = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
    starts = torch.tensor([0.0, 0.5, 0.0])
    solution = OwnHeunEuler().solve(falling, Z, (starts, ends), **CLOSE)
    assert torch.allclose(solution.z, Z * torch.exp(starts - ends)[:, None], rtol=1e-4)
    assert torch.equal(solution.s, ends)
    times = torch.stack((starts.double(), (starts + ends) / 2, ends))
    states = OwnHeunEuler().odeint(falling, Z, times, **CLOSE)
    assert torch.allclose(states, Z * torch.exp(starts - times)[:, :, None], rtol=1e-4)
    with pytest.raises(ValueError, match="outside the solution"):
        solution.dense(0.2)  # which not all samples have
    both = OwnHeunEuler().solve(falling, Z, (0.0, ends.abs()), **CLOSE)
    assert torch.allclose(both.dense(0.7), Z * math.exp(-0.7), rtol=1e-4)
    for wrong in ((0.0, torch.ones(2)), (torch.ones(3, 1), 0.0)):
        with pytest.raises(ValueError, match=r"one for each sample, of shape \(3,\)"):
            OwnHeunEuler()(falling, Z, wrong)
    with pytest.raises(ValueError, match="must ascend or descend, for each sample"):
        OwnHeunEuler().odeint(falling, Z, torch.tensor([[0.0, 0, 0], [1, 1, 1], [2, 2, 0]]))
    with pytest.raises(ValueError, match="finite"):
        OwnHeunEuler()(falling, Z, (0.0, torch.tensor([1.0, math.inf, 1.0])))
    for call in (lambda: HeunEuler()(falling, Z, (0.0, ends)), lambda: HeunEuler().odeint(falling, Z, times)):
        with pytest.raises(ValueError, match="`per_sample yes`"):
            call()
    with pytest.raises(TypeError, match="not a tuple"):
        OwnHeunEuler()(falling, (Z, Z), (0.0, 1.0))
    for none in (1.0, (0.0, 1.0, 2.0), "ab", None):
        for solver in SOLVERS:
            with pytest.raises((ValueError, TypeError), match=r"span is|times are"):
                solver(falling, Z, none)


@pytest.mark.parametrize("solver", SOLVERS)
def test_gradients_of_times(solver: Any) -> None:
    s = torch.tensor([0.2, 0.5, 1.0], dtype=torch.float64, requires_grad=True)
    with_start = Z.clone().requires_grad_()
    states = solver.odeint(falling, with_start, s, **CLOSE)
    for k in range(3):
        found, by_z = torch.autograd.grad(states[k].sum(), (s, with_start), retain_graph=True)
        right = torch.zeros(3, dtype=torch.float64)
        decay = 6 * math.exp(float((s[0] - s[k]).detach()))
        right[0], right[k] = decay, right[k] - decay
        right[0] = decay - decay if k == 0 else decay
        assert torch.allclose(found, right, rtol=1e-4)
        assert torch.allclose(by_z, torch.full_like(by_z, decay / 6), rtol=1e-4)
    assert torch.equal(states[0], Z)
    plain = solver.odeint(falling, Z, s.detach(), **CLOSE)
    assert torch.equal(states, plain)
    for call in (solver.solve, solver):
        end = call(falling, Z, (s[0], s[2]), **CLOSE)
        (found,) = torch.autograd.grad((end if isinstance(end, Tensor) else end.z).sum(), s)
        assert torch.allclose(found, 6 * math.exp(-0.8) * torch.tensor([1.0, 0.0, -1.0]).double(), rtol=1e-4)
    (first,) = torch.autograd.grad(solver(falling, with_start, (s[0], s[2])).sum(), s, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        first.sum().backward()


def test_gradients_of_times_by_the_adjoint_problem() -> None:
    s = torch.tensor([0.2, 1.0], dtype=torch.float64, requires_grad=True)
    span = (s[0], s[1])
    for f, z in ((falling, Z), (lambda s, z: 1j * z, Z + 1j)):
        ends = HeunEuler()(f, z, span, rtol=1e-5), AdjointHeunEuler().adjoint(f, z, span, rtol=1e-5, weights=())
        numbers = [end.real.square() + 2 * end.imag if end.is_complex() else end for end in ends]
        plain, adjoint = (torch.autograd.grad(number.sum(), s)[0] for number in numbers)
        assert bool(plain.all())
        assert torch.allclose(plain, adjoint, rtol=1e-3)


def test_gradients_of_samples_own_times() -> None:
    ends = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64, requires_grad=True)
    end = OwnHeunEuler()(falling, Z, (0.0, ends), **CLOSE)
    assert torch.allclose(torch.autograd.grad(end.sum(), ends)[0], -(Z[:, 0] * torch.exp(-ends)), rtol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_states_of_half_precision_stay_so(solver: Any, dtype: torch.dtype) -> None:
    solution = solver.solve(falling, torch.ones(3, 2, dtype=dtype), (100.0, 101.0), rtol=1e-2, atol=1e-2)
    assert solution.z.dtype is dtype
    assert solution.dense([100.5]).dtype is dtype
    assert torch.allclose(solution.z.float(), torch.full((3, 2), math.exp(-1)), rtol=2e-2)
    assert solver.odeint(falling, torch.ones(3, 2, dtype=dtype), [0.0, 1.0], rtol=1e-2, atol=1e-2).dtype is dtype


class Solving(nn.Module):
    """A model that solves adaptively."""

    def forward(self, z: Tensor) -> Tensor:
        return HeunEuler()(falling, z, (0.0, 1.0))


@pytest.mark.parametrize("solver", SOLVERS)
def test_transforms_that_hide_numbers_are_refused(solver: Any) -> None:
    batches = torch.ones(2, 3, 1)
    text = "pass the batch itself" if solver.each else "give its control `per_sample yes`"
    with pytest.raises(RuntimeError, match=f"torch.vmap hides: .*{text}"):
        torch.vmap(lambda z: solver(falling, z, (0.0, 1.0)))(batches)
    with pytest.raises(RuntimeError, match=r"torch\.vmap hides"):
        torch.vmap(lambda rate: solver(lambda s, z: rate * z, batches[0], (0.0, 1.0)))(batches)
    with pytest.raises(RuntimeError, match=r"torch\.vmap hides"):
        torch.func.grad(lambda z: torch.vmap(lambda z: solver(falling, z, (0.0, 1.0)))(z).sum())(batches)
    with pytest.raises(RuntimeError, match="meta and fake tensors"):
        solver(falling, batches[0].to("meta"), (0.0, 1.0))
    gradient = torch.func.grad(lambda z: solver(falling, z, (0.0, 1.0)).sum())(Z)
    assert torch.allclose(gradient, torch.full_like(Z, math.exp(-1)), rtol=1e-2)


def test_export_of_an_adaptive_solve_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"torch\.export, meta and fake tensors"):
        torch.export.export(Solving(), (torch.ones(2),))
