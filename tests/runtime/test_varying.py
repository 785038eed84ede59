"""Solvers of variable order and step, for all samples and for each."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from hyperdsl.runtime.backward import BackwardSteps, NearbySolvable
from hyperdsl.runtime.control import Control
from hyperdsl.runtime.newton import Ahead, Rule
from hyperdsl.runtime.outcome import Status
from hyperdsl.runtime.varying import AdamsSteps, Orders
from hyperdsl.runtime.varying_each import EachOrder, EachOrders
from hyperdsl.theory.multistep.variable import Variable


def made(*bases: type, order: int, raised: bool = False) -> Any:
    """A solver on these classes, with the numbers of its orders."""
    numbers = Variable(order, AdamsSteps in bases, raised).numbers
    rows = {
        name: tuple(tuple(map(float, row)) for row in getattr(numbers, name)) for name in ("corrections", "changes")
    }
    control = Control(1e-6, 1e-8, (0.0, 1.0, 0.0), 2, 0.9, 0.2, 10.0, None, 20_000)
    about = {"order": order + raised, "evaluations_per_step": 1, "error": "embedded", "control": control}
    about["dense_order"] = order
    return type("Made", bases, {**about, **rows, "errors": tuple(map(float, numbers.errors))})()


BDF, ADAMS = made(BackwardSteps, order=5), made(AdamsSteps, order=8)
EACH_BDF, EACH_ADAMS = made(EachOrder, BackwardSteps, order=5), made(EachOrder, AdamsSteps, order=8)
ALL = [BDF, ADAMS, EACH_BDF, EACH_ADAMS, made(AdamsSteps, order=3, raised=True)]


def forced(s: Tensor, z: Tensor) -> Tensor:
    """z' = −2 z + sin s."""
    return -2 * z + (torch.sin(s)[:, None] if s.ndim else torch.sin(s))


def forced_exact(s: float, z: float) -> float:
    return (z + 0.2) * math.exp(-2 * s) + 0.4 * math.sin(s) - 0.2 * math.cos(s)


def hires(s: Any, z: Any) -> Any:
    a, b, c, d, e, f, g, h = z
    meet = 280 * f * h
    return (
        -1.71 * a + 0.43 * b + 8.32 * c + 0.0007,
        1.71 * a - 8.75 * b,
        -10.03 * c + 0.43 * d + 0.035 * e,
        8.32 * b + 1.71 * c - 1.12 * d,
        -1.745 * e + 0.43 * f + 0.43 * g,
        -meet + 0.69 * d + 1.71 * e - 0.43 * f + 0.69 * g,
        meet - 1.81 * g,
        -meet + 1.81 * g,
    )


@pytest.mark.parametrize("solver", ALL, ids=lambda solver: type(solver).__mro__[1].__name__ + str(solver.order))
def test_state_everywhere(solver: Any) -> None:
    """The end, the times between, backwards, in single precision, and of complex states."""
    z = torch.ones(3, 2, dtype=torch.float64)
    times = torch.linspace(0, 2, 7, dtype=torch.float64)
    states = solver.odeint(forced, z, times, rtol=1e-7, atol=1e-9)
    for s, state in zip(times.tolist(), states, strict=True):
        assert float((state - forced_exact(s, 1.0)).abs().max()) < 5e-6
    back = solver(forced, states[-1], (2.0, 0.0), rtol=1e-7, atol=1e-9)
    assert float((back - z).abs().max()) < 1e-4
    single = solver(forced, z.float(), (0.0, 2.0), rtol=1e-4, atol=1e-5)
    assert single.dtype is torch.float32
    assert float((single - forced_exact(2.0, 1.0)).abs().max()) < 1e-3
    turned = solver(lambda s, z: (-1 + 3j) * z, z.to(torch.complex128), (0.0, 1.0))
    assert float((turned - torch.exp(torch.tensor(-1 + 3j))).abs().max()) < 1e-4


@pytest.mark.parametrize("solver", [BDF, EACH_BDF, ADAMS])
def test_dense_output_and_events(solver: Any) -> None:
    """The history's polynomials meet at the ends of steps, and events are found on them."""
    z = torch.ones(2, 1, dtype=torch.float64)
    solution = solver.solve(forced, z, (0.0, 2.0))
    times = torch.linspace(0, 2, 41, dtype=torch.float64)
    exact = torch.tensor([forced_exact(s, 1.0) for s in times.tolist()], dtype=torch.float64)[:, None, None]
    assert float((solution.dense(times) - exact).abs().max()) < 1e-4
    if not solver.each:
        ends = [piece.at(piece.s + piece.eps) - piece.end for piece in solution.pieces]
        assert float(torch.stack(ends).abs().max()) < 1e-14
    event = (lambda s, z: z[:, 0] - 0.5) if solver.each else (lambda s, z: z[0, 0] - 0.5)
    ended = solver.solve(forced, z, (0.0, 2.0), event=event, rtol=1e-8, atol=1e-10)
    assert float((ended.z - 0.5).abs().max()) < 1e-8
    assert forced_exact(float(torch.as_tensor(ended.s).flatten()[0]), 1.0) == pytest.approx(0.5, abs=1e-6)


def test_as_scipy_does() -> None:
    """HIRES: of SciPy's BDF the error within three times, evaluations and factorisations within 1.5 times."""
    start, end, tolerance = [1.0, 0, 0, 0, 0, 0, 0, 0.0057], 321.8122, 1e-5
    exact = solve_ivp(hires, (0, end), start, method="Radau", rtol=1e-11, atol=1e-15).y[:, -1]
    theirs = solve_ivp(hires, (0, end), start, method="BDF", rtol=tolerance, atol=1e-3 * tolerance)
    z = torch.tensor(start, dtype=torch.float64)
    ours = BDF.solve(lambda s, z: torch.stack(hires(s, z)), z, (0.0, end), rtol=tolerance, atol=1e-3 * tolerance)
    errors = [float(abs(found / exact - 1).max()) for found in (ours.z.numpy(), theirs.y[:, -1])]
    assert errors[0] <= 3 * errors[1]
    assert ours.statistics.evaluations <= 1.5 * theirs.nfev
    assert ours.statistics.factorisations <= 1.5 * theirs.nlu


def van_der_pol(mu: Any) -> Any:
    return lambda s, z: torch.stack((z[..., 1], mu * (1 - z[..., 0] ** 2) * z[..., 1] - z[..., 0]), -1)


def test_factors_serve_steps_near_by() -> None:
    """Where many steps are refused, no more factorisations than SciPy's, whose steps after refused ones have none."""
    ours = theirs = 0
    for tolerance in (3e-4, 1e-4):
        found = solve_ivp(
            lambda s, z: (z[1], 1e3 * (1 - z[0] ** 2) * z[1] - z[0]),
            (0, 2000),
            (2, 0),
            "BDF",
            rtol=tolerance,
            atol=1e-5,
        )
        z = torch.tensor([2.0, 0.0], dtype=torch.float64)
        solution = BDF.solve(van_der_pol(1e3), z, (0.0, 2000.0), rtol=tolerance, atol=1e-5, dense=False)
        assert solution.statistics.rejected > 20
        ours, theirs = ours + solution.statistics.factorisations, theirs + found.nlu
    assert ours <= theirs


def test_how_near_is_what_is_asked_for() -> None:
    """Factors of a step a tenth shorter serve loose tolerances, and not tight ones; a sample's are its own affair."""
    z = torch.ones(2, 1, dtype=torch.float64)
    for kappa, made in ((1e-2, 1), (1e-5, 2)):
        equations = NearbySolvable(lambda s, z: -100 * z, z, Rule(iterations=4), each=True)
        for sizes in ((1.0, 1.0), (1.1, 1.0)):
            eps = torch.tensor(sizes, dtype=torch.float64)
            equations.ahead = Ahead(z, 1e-2 * torch.ones_like(z), kappa)
            equations.begin(eps, z)
            equations.doubt()
            (found,) = equations.increments(eps, (eps, z, (1.0,)))
            assert torch.allclose(found, -100 * eps[:, None] / (1 + 100 * eps[:, None]), atol=1e-4)
            assert not bool(equations.unsolved.any())
        assert (equations.factorisations, equations.jacobians) == (made, 1)


def test_factors_of_samples_do_not_hang_on_each_other() -> None:
    """Each has the steps of a batch of its own, matrices that are taken anew included."""
    rates, z = torch.tensor([1.0, 30.0, 300.0], dtype=torch.float64), torch.tensor([[2.0, 0.0]] * 3).double()
    found = EACH_BDF.solve(van_der_pol(rates), z, (0.0, 3.0), rtol=1e-4, atol=1e-6)
    for index, rate in enumerate(rates):
        alone = EACH_BDF.solve(van_der_pol(rate), z[:1], (0.0, 3.0), rtol=1e-4, atol=1e-6)
        assert int(found.statistics.accepted[index]) == int(alone.statistics.accepted[0])
        assert torch.allclose(found.z[index], alone.z[0], rtol=1e-9, atol=1e-9)


def test_orders_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tight tolerances lead to the highest order and not beyond it, from the first one on."""
    taken, seen = Orders.taken, list[int]()

    def watched(self: Orders, size: float) -> float:
        seen.append(self.order)
        return taken(self, size)

    monkeypatch.setattr(Orders, "taken", watched)
    for solver, tolerance in ((BDF, 1e-7), (made(BackwardSteps, order=2), 1e-5), (ADAMS, 1e-9)):
        seen.clear()
        solver(forced, torch.ones(1, dtype=torch.float64), (0.0, 3.0), rtol=tolerance, atol=tolerance / 100)
        assert seen[0] == 1
        assert max(seen) == solver.order


@pytest.mark.parametrize(("each", "joint"), [(EACH_BDF, BDF), (EACH_ADAMS, ADAMS)])
def test_each_sample_for_itself(each: Any, joint: Any) -> None:
    """Each sample has the steps and orders that it has alone."""
    rates = torch.tensor([1.0, 5.0, 20.0], dtype=torch.float64)
    z = torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64)

    def turning(rate: Tensor) -> Any:
        return lambda s, z: torch.stack((z[..., 1], -(rate**2) * z[..., 0]), -1)

    found = each.solve(turning(rates), z, (0.0, 1.0), rtol=1e-5, atol=1e-7)
    for index, rate in enumerate(rates):
        alone = joint.solve(turning(rate), z[index], (0.0, 1.0), rtol=1e-5, atol=1e-7)
        assert int(found.statistics.accepted[index]) == alone.statistics.accepted
        assert int(found.statistics.rejected[index]) == alone.statistics.rejected
        assert torch.allclose(found.z[index], alone.z, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("solver", [BDF, EACH_BDF, ADAMS, EACH_ADAMS])
def test_starts_anew_where_f_jumps(solver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a stop the history is given up: its polynomial knows nothing of the other side."""
    begun = list[Tensor | None]()
    kind = EachOrders if solver.each else Orders
    begin = kind.begin

    def watched(self: Any, z: Tensor, dz: Tensor, *which: Tensor) -> None:
        begun.append(z)
        begin(self, z, dz, *which)

    monkeypatch.setattr(kind, "begin", watched)

    def jumping(s: Tensor, z: Tensor) -> Tensor:
        late = s[:, None] >= 1 if s.ndim else s >= 1
        return torch.where(late, z, -z)

    z = torch.ones(2, 1, dtype=torch.float64)
    solution = solver.solve(jumping, z, (0.0, 2.0), rtol=1e-7, atol=1e-9, stops=[1.0])
    assert float((solution.z - 1).abs().max()) < 1e-5
    assert len(begun) == 2
    assert bool((solution.statistics.rejected < 3) if not solver.each else (solution.statistics.rejected < 3).all())
    unseen = solver.solve(jumping, z, (0.0, 2.0), rtol=1e-7, atol=1e-9)
    assert float((unseen.z - 1).abs().max()) < 1e-4


@pytest.mark.parametrize("solver", [BDF, EACH_BDF, ADAMS])
def test_gradients(solver: Any) -> None:
    """By the state, a weight of f and the end, against differences; the adjoint gives the same."""

    def end(weight: Tensor, z: Tensor, last: Any, solve: Any = solver) -> Tensor:
        def field(s: Tensor, z: Tensor) -> Tensor:
            return -weight * z**2 + torch.cos(z.flip(-1))

        found = solve(field, z, (0.0, last), rtol=1e-8, atol=1e-10)
        return (found * torch.tensor([1.0, -2.0], dtype=torch.float64)).sum()

    def numbers() -> tuple[Tensor, Tensor, Tensor]:
        return tuple(torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (1.5, [[1.0, 0.5]], 0.6))  # type: ignore[return-value]

    weight, z, last = numbers()
    found = torch.autograd.grad(end(weight, z, last), (weight, z, last))
    again = torch.autograd.grad(end(weight, z, last, solver.adjoint), (weight, z, last))
    h = 1e-4
    with torch.no_grad():
        along = torch.tensor([[0.3, -1.0]], dtype=torch.float64)
        expected = (
            (end(weight + h, z, last) - end(weight - h, z, last)) / (2 * h),
            (end(weight, z + h * along, last) - end(weight, z - h * along, last)) / (2 * h),
            (end(weight, z, last + h) - end(weight, z, last - h)) / (2 * h),
        )
    for gradients in (found, again):
        assert float(gradients[0]) == pytest.approx(float(expected[0]), abs=2e-6)
        assert float((gradients[1] * along).sum()) == pytest.approx(float(expected[1]), abs=2e-6)
        assert float(gradients[2]) == pytest.approx(float(expected[2]), abs=2e-6)


def test_jacobian_of_the_user() -> None:
    """It is asked for in place of derivatives, and one of another shape is refused."""
    z, asked = torch.tensor([2.0, 0.0], dtype=torch.float64), list[float]()

    def field(s: Tensor, z: Tensor) -> Tensor:
        return torch.stack((z[1], 50 * (1 - z[0] ** 2) * z[1] - z[0]))

    def jacobian(s: Tensor, z: Tensor) -> Tensor:
        asked.append(float(s))
        zero, one = torch.zeros_like(z[0]), torch.ones_like(z[0])
        rows = (zero, one, -100 * z[0] * z[1] - 1, 50 * (1 - z[0] ** 2))
        return torch.stack(rows).reshape(2, 2)

    given = BDF.solve(field, z, (0.0, 2.0), jacobian=jacobian)
    own = BDF.solve(field, z, (0.0, 2.0))
    assert len(asked) >= given.statistics.jacobians >= 1
    assert given.statistics.accepted == own.statistics.accepted
    assert torch.allclose(given.z, own.z, rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="jacobian"):
        BDF.solve(field, z, (0.0, 2.0), jacobian=lambda s, z: torch.eye(3, dtype=torch.float64))


def test_stiff_problem_is_solved_in_few_steps() -> None:
    """z' = −10⁶ (z − cos s) − sin s: Adams runs out of steps, BDF takes no heed of it."""

    def stiff(s: Tensor, z: Tensor) -> Tensor:
        return -1e6 * (z - torch.cos(s)) - torch.sin(s)

    z = torch.zeros(1, dtype=torch.float64)
    solution = BDF.solve(stiff, z, (0.0, 3.0), rtol=1e-6, atol=1e-8)
    assert float((solution.z - math.cos(3.0)).abs()) < 1e-5
    assert solution.statistics.accepted < 200
    failed = ADAMS.solve(stiff, z, (0.0, 3.0), rtol=1e-6, atol=1e-8, max_steps=300, throw=False)
    assert failed.status is Status.MAX_STEPS


def test_what_is_not_defined() -> None:
    """A step without a history, and a compiled one, are refused with the reason."""
    z = torch.zeros(1, dtype=torch.float64)
    for solver in (BDF, ADAMS):
        with pytest.raises(TypeError, match="history"):
            solver.step(forced, 0.0, z, 0.1)
        with pytest.raises(TypeError, match="orders"):
            solver.compile()
