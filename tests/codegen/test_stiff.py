"""Generated implicit solvers on stiff problems, beside SciPy's Radau."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from generated.sdirk_fixed import Bdf, Gauss, HyperBackwardEuler, Matrixless, Sdirk
from generated.stiff_radau import Radau, RadauPerSample
from generated.stiff_radau._runtime.outcome import SolveError, Status

RATES = (0.04, 1e4, 3e7)


def robertson(s: Tensor, z: Tensor, rates: Any = RATES) -> Tensor:
    a, b, c = z.unbind(-1)
    first, third = -rates[0] * a + rates[1] * b * c, rates[2] * b * b
    return torch.stack((first, -first - third, third), -1)


def matrix(s: Tensor, z: Tensor) -> Tensor:
    _, b, c = z.unbind(-1)
    zero = torch.zeros_like(b)
    first = (zero - RATES[0], RATES[1] * c, RATES[1] * b)
    third = (zero, 2 * RATES[2] * b, zero)
    rows = (first, [-one - other for one, other in zip(first, third, strict=True)], third)
    return torch.stack([torch.stack(list(row), -1) for row in rows], -2)


def van_der_pol(s: Tensor, z: Tensor, mu: float = 1e3) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y, mu * (1 - x**2) * y - x), -1)


def start(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@torch.no_grad()
@pytest.mark.parametrize(
    ("f", "z0", "end", "floor"), [(robertson, (1.0, 0, 0), 1e11, 1e-4), (van_der_pol, (2.0, 0), 1000.0, 1e-2)]
)
def test_as_precise_as_scipys_and_no_dearer(f: Any, z0: tuple[float, ...], end: float, floor: float) -> None:
    rtol, atol = 1e-4, 1e-4 * floor

    def plain(s: float, z: Any) -> Any:
        return f(torch.tensor(s), torch.tensor(z)).numpy()

    theirs = solve_ivp(plain, (0, end), z0, method="Radau", rtol=rtol, atol=atol)
    ours = Radau().solve(f, start(*z0), (0, end), rtol=rtol, atol=atol, dense=False)
    assert np.abs(ours.z.numpy() - theirs.y[:, -1]).max() <= 3 * rtol
    assert ours.statistics.evaluations <= 1.2 * theirs.nfev
    assert ours.statistics.factorisations <= 1.2 * theirs.nlu


@torch.no_grad()
def test_samples_have_steps_of_their_own() -> None:
    z0 = start(1, 0, 0).repeat(3, 1)
    rates = torch.tensor([RATES, (0.01, 3e4, 1e7), (0.1, 1e3, 1e8)]).double()
    solver, span = RadauPerSample(), (0.0, 10.0)
    found = solver.solve(lambda s, z: robertson(s, z, rates.T), z0, span, dense=False)
    assert set(found.status) == {Status.SUCCESS}
    assert len(set(found.statistics.accepted.tolist())) > 1
    for number, own in enumerate(rates.tolist()):
        alone = solver(lambda s, z, own=own: robertson(s, z, own), z0[:1], span)
        assert torch.allclose(found.z[number], alone[0], rtol=1e-9, atol=1e-14)


@torch.no_grad()
def test_a_given_jacobian_serves() -> None:
    z0, span = start(1, 0, 0).repeat(2, 1), (0.0, 0.1)
    solvers: list[Any] = [Radau(), RadauPerSample()]
    for solver in solvers:
        expected = solver.solve(robertson, z0, span)
        found = solver.solve(robertson, z0, span, jacobian=matrix)
        assert torch.allclose(found.z, expected.z, rtol=1e-9)
        assert solver.each or found.statistics == expected.statistics
        with pytest.raises(ValueError, match="jacobian returned the shape"):
            solver.solve(robertson, z0, span, jacobian=lambda s, z: matrix(s, z)[..., :2, :2])
    fixed: Any = Sdirk()
    assert torch.allclose(fixed(robertson, z0, span, 50, jacobian=matrix), fixed(robertson, z0, span, 50))


@torch.no_grad()
def test_dense_output_and_events_are_as_good_as_the_steps() -> None:
    solution = Radau().solve(robertson, start(1, 0, 0), (0.0, 10.0))
    for s in (0.3, 7.0):
        exact = Radau()(robertson, start(1, 0, 0), (0.0, s), rtol=1e-8, atol=1e-12)
        assert torch.allclose(solution.dense(s), exact, rtol=1e-4, atol=1e-8)
    ended = Radau().solve(robertson, start(1, 0, 0), (0.0, 1e3), event=lambda s, z: z[0] - 0.9)
    assert float(ended.z[0]) == pytest.approx(0.9, abs=1e-9)


@pytest.mark.parametrize("call", ["solve", "adjoint"])
def test_gradients_of_adaptive_steps_are_those_of_differences(call: str) -> None:
    z0, rates = start(1, 0, 0).requires_grad_(), start(0.04, 1e4, 3e7)
    scale = torch.ones(3, dtype=torch.float64, requires_grad=True)

    def end(scale: Tensor, z0: Tensor) -> Tensor:
        solver: Any = Radau() if call == "solve" else Radau().adjoint
        return solver(lambda s, z: robertson(s, z, rates * scale), z0, (0.0, 0.1), rtol=1e-7, atol=1e-11)[0]

    gradients = torch.autograd.grad(end(scale, z0), (scale, z0))
    with torch.no_grad():
        for i in range(3):
            h = torch.zeros(3, dtype=torch.float64)
            h[i] = 1e-4
            difference = (end(scale + h, z0) - end(scale - h, z0)) / 2e-4
            assert float(gradients[0][i]) == pytest.approx(float(difference), rel=1e-3)
    assert float(gradients[1][0]) != 0


@pytest.mark.parametrize("solver", [Sdirk(), Gauss(), Matrixless(), Bdf()], ids=lambda solver: type(solver).__name__)
def test_gradients_of_fixed_steps_are_those_of_differences(solver: Any) -> None:
    def end(rate: Tensor, z: Tensor) -> Tensor:
        found: Tensor = solver(lambda s, z: -rate * z * z.flip(-1) + s.cos(), z, (0.0, 1.0), 5)
        return found

    given = torch.tensor(2.0, dtype=torch.float64, requires_grad=True), start(1, 0.5).requires_grad_()
    assert torch.autograd.gradcheck(end, given, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("solver", [Sdirk(), Gauss(), Matrixless(), Bdf()], ids=lambda solver: type(solver).__name__)
def test_the_global_error_has_the_slope_of_the_order(solver: Any) -> None:
    phase = start(0, 1)

    def f(s: Tensor, z: Tensor) -> Tensor:
        apart = z - torch.sin(s + phase)
        return torch.cos(s + phase) - apart.flip(-1) * (2 + z * z)

    exact = torch.sin(2 + phase)
    errors = [float((solver(f, torch.sin(phase), (0.0, 2.0), steps) - exact).norm()) for steps in (24, 48)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(solver.order, abs=0.2)


@torch.no_grad()
def test_single_precision_is_as_good_as_its_digits() -> None:
    exact = Radau()(robertson, start(1, 0, 0), (0.0, 10.0), rtol=1e-6, atol=1e-10)
    found = Radau()(robertson, start(1, 0, 0).float(), (0.0, 10.0), rtol=1e-4, atol=1e-8)
    assert torch.allclose(found.double(), exact, rtol=1e-3, atol=1e-7)


@torch.no_grad()
def test_failures_end_with_a_status() -> None:
    with pytest.raises(SolveError) as caught:
        Radau()(lambda s, z: z * z, start(1), (0.0, 2.0))
    assert caught.value.status is Status.STEP_TOO_SMALL
    with pytest.raises(SolveError) as caught:
        Radau()(lambda s, z: torch.where(s > 0.5, torch.nan, -z), start(1), (0.0, 2.0))
    assert caught.value.status is Status.NONFINITE
    with pytest.raises(RuntimeError, match="were not solved"):
        HyperBackwardEuler((1,)).double()(lambda s, z: 1e3 * (z * z + 1), start(1), (0.0, 1.0), 2)


def test_a_corrector_on_an_implicit_base_learns() -> None:
    solver, net = HyperBackwardEuler((2,)).double(), nn.Linear(2, 2).double()

    def f(s: Tensor, z: Tensor) -> Tensor:
        found: Tensor = net(z)
        return found

    z = start(1, 0.5)
    base = solver.base_step(f, 0.0, z, 0.1)
    assert torch.equal(solver.step(f, 0.0, z, 0.1), base)
    solver.step(f, 0.0, z, 0.1).sum().backward()
    assert any(bool(p.grad.any()) for p in solver.corrector.parameters() if p.grad is not None)
    assert net.weight.grad is not None
