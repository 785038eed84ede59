"""Rosenbrock steps: stiff problems, gradients against finite differences, the user's Jacobian, what is refused."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from generated.stiff_rodas import HyperRos2, LangVerwer3, Rodas4, Rodas5p, SolveError
from hyperdsl.runtime.program import program

torch.set_num_threads(1)


def robertson(s: Tensor, z: Tensor) -> Tensor:
    x, y, w = z.unbind(-1)
    first, second, third = 0.04 * x, 1e4 * y * w, 3e7 * y * y
    return torch.stack((second - first, first - second - third, third), -1)


def van_der_pol(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y, 1000 * (1 - x * x) * y - x), -1)


def oregonator(s: Tensor, z: Tensor) -> Tensor:
    x, y, w = z.unbind(-1)
    slopes = (77.27 * (y + x * (1 - 8.375e-6 * x - y)), (w - (1 + x) * y) / 77.27, 0.161 * (x - w))
    return torch.stack(slopes, -1)


def waves(weights: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Coupled within a row, with time, and with weights."""

    def f(s: Tensor, z: Tensor) -> Tensor:
        now = s[:, None] if s.ndim else s
        return torch.tanh(z @ weights) + torch.sin(3 * now) * z**2 - 0.3 * z + torch.cos(now)

    return f


STIFF = {  # f, z0, span, the size of small components, and the end
    "robertson": (  # the test set of Mazzia & Magherini (2008)
        *(robertson, (1.0, 0.0, 0.0), 1e11, 1e-13),
        (0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050),
    ),
    "van_der_pol": (  # this and the next by SciPy's Radau with rtol 1e-12
        *(van_der_pol, (2.0, 0.0), 1500.0, 1e-3),
        (-1.35474591948738, 0.00162178872759),
    ),
    "oregonator": (
        *(oregonator, (1.0, 2.0, 3.0), 150.0, 1e-2),
        (1.00899541663406, 112.1664388662547, 1.00778322906532),
    ),
}


@pytest.mark.parametrize("name", STIFF)
def test_stiff_problems(name: str) -> None:
    """Errors follow the tolerance, in as many steps as a stiff solver needs, with a matrix each."""
    f, start, end, small, exact = STIFF[name]
    z0, known = (torch.tensor(values, dtype=torch.float64) for values in (start, exact))
    for tolerance in (1e-4, 1e-6):
        solution = Rodas5p().solve(f, z0, (0.0, end), rtol=tolerance, atol=tolerance * small, dense=False)
        error = float(((solution.z - known) / known).abs().max())
        assert error <= 10 * tolerance
        counted = solution.statistics
        assert counted.accepted < 800
        assert counted.jacobians == counted.factorisations == counted.accepted + counted.rejected


def test_between_steps_small_components_are_small() -> None:
    """Dense output of the method's own reads solutions of equations, no f beside the solution, which stiffness blows
    up: a cubic through f at the ends is off by the size of the small component."""
    z0 = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    times = torch.cat((torch.zeros(1), torch.logspace(-4, 6, 30))).double()
    fine = Rodas5p().odeint(robertson, z0, times, rtol=1e-8, atol=1e-16)
    found = Rodas5p().odeint(robertson, z0, times, rtol=1e-4, atol=1e-12)
    assert bool(((found - fine).abs() <= 1e-3 * fine.abs()).all())


def test_samples_of_their_own_steps() -> None:
    """A batch of rates per sample, each as if it were alone."""
    rates = torch.tensor([0.04, 4.0, 400.0], dtype=torch.float64)

    def decay(s: Tensor, z: Tensor) -> Tensor:
        return -rates[: len(z), None] * (z - torch.cos(s)[:, None])

    z0 = torch.tensor([[2.0], [2.0], [2.0]], dtype=torch.float64)
    solution = Rodas4().solve(decay, z0, (0.0, 10.0), rtol=1e-6, atol=1e-6, dense=False)
    times = torch.tensor([10.0], dtype=torch.float64)
    for i, rate in enumerate(rates.tolist()):
        a = 1 + rate**2  # z' = −r (z − cos s)
        exact = (rate**2 * torch.cos(times) + rate * torch.sin(times)) / a
        exact = exact + (2 - rate**2 / a) * torch.exp(-rate * times)
        assert torch.allclose(solution.z[i], exact, rtol=1e-5, atol=1e-5)
    first = Rodas4().solve(decay, z0[:1], (0.0, 10.0), rtol=1e-6, atol=1e-6, dense=False)
    assert torch.allclose(first.z[0], solution.z[0], rtol=1e-12, atol=1e-12)
    assert int(first.statistics.accepted[0]) == int(solution.statistics.accepted[0])


def agrees(run: Callable[[], Tensor], inputs: Sequence[Tensor]) -> None:
    """Gradients of a weighted sum against central differences along one direction each."""

    def value() -> Tensor:
        end = run()
        return (end * torch.arange(1.0, end.numel() + 1, dtype=end.dtype).reshape(end.shape)).sum()

    found = torch.autograd.grad(value(), inputs)
    generator = torch.Generator().manual_seed(1)
    for one, gradient in zip(inputs, found, strict=True):
        way = torch.randn(one.shape, generator=generator, dtype=one.dtype)
        ends = []
        for size in (1e-6, -1e-6):
            with torch.no_grad():
                one.add_(way, alpha=size)
                ends.append(float(value()))
                one.sub_(way, alpha=size)
        expected = (ends[0] - ends[1]) / 2e-6
        assert abs(float((gradient * way).sum()) - expected) <= 1e-6 * (1 + abs(expected))


def leaf(*values: float) -> Tensor:
    return torch.tensor(values if len(values) > 1 else values[0], dtype=torch.float64, requires_grad=True)


def test_gradients_of_steps() -> None:
    """By the state, both ends of the span, f's weights and g's: exact, through the matrix and ∂f/∂s too."""
    torch.manual_seed(0)
    weights = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    z, start, end = torch.randn(4, 3, dtype=torch.float64, requires_grad=True), leaf(0.1), leaf(0.7)
    f = waves(weights)
    agrees(lambda: LangVerwer3()(f, z, (start, end), 3), [z, start, end, weights])
    agrees(lambda: LangVerwer3().adjoint(f, z, (start, end), 3), [z, start, end, weights])
    loose: dict[str, Any] = {"first_step": 0.2, "rtol": 1.0, "atol": 1.0}
    agrees(lambda: Rodas5p()(f, z, (0.0, 0.2), **loose), [z, weights])
    agrees(lambda: Rodas5p().adjoint(f, z, (0.0, 0.2), **loose), [z, weights])
    agrees(lambda: Rodas4()(f, z, (0.0, 0.2), **loose), [z, weights])
    hyper = HyperRos2((3,)).double()
    for parameter in hyper.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    agrees(lambda: hyper(f, z, (0.0, 0.6), 2), [z, weights, *hyper.parameters()])


def test_second_gradients_are_refused() -> None:
    z = leaf(1.0, 2.0)
    end = LangVerwer3()(lambda s, z: -(z**3), z, (0.0, 1.0), 2)
    (gradient,) = torch.autograd.grad(end.sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated again"):
        torch.autograd.grad(gradient.sum(), z)


def test_transforms_take_the_whole_matrix() -> None:
    """vmap, jvp and compilers get the numbers of plain calls, and second derivatives too."""
    solver, f = LangVerwer3(), waves(torch.eye(3, dtype=torch.float64))
    z = torch.randn(4, 3, dtype=torch.float64)
    plain = solver(f, z, (0.0, 1.0), 2)
    mapped = torch.vmap(lambda one: solver(f, one, (0.0, 1.0), 2))(z)
    assert torch.allclose(mapped, plain, rtol=1e-12, atol=1e-12)
    compiled = torch.compile(solver, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(f, z, (0.0, 1.0), 2), plain, rtol=1e-12, atol=1e-12)
    way = torch.ones(3, dtype=torch.float64)
    moved = torch.func.jvp(lambda one: solver(f, one, (0.0, 1.0), 2), (z[0],), (way,))[1]
    ends = [solver(f, z[0] + size * way, (0.0, 1.0), 2) for size in (1e-6, -1e-6)]
    assert torch.allclose(moved, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)


def test_given_jacobians_are_held_against_f() -> None:
    def cubic(s: Tensor, z: Tensor) -> Tensor:
        return -(z**3)

    z = torch.randn(5, 3, dtype=torch.float64)
    plain = Rodas5p()(cubic, z, (0.0, 1.0))
    given = Rodas5p()(cubic, z, (0.0, 1.0), jacobian=lambda s, z: -3 * torch.diag_embed(z**2))
    assert torch.equal(plain, given)
    with pytest.raises(ValueError, match="not the derivative of f"):
        Rodas5p()(cubic, z, (0.0, 1.0), jacobian=lambda s, z: -2 * torch.diag_embed(z**2))
    with pytest.raises(ValueError, match=r"\(7, 7\)"):
        Rodas5p()(cubic, z, (0.0, 1.0), jacobian=lambda s, z: z.new_zeros(7, 7))


class Reversed(torch.autograd.Function):
    """−z, whose backward has the other sign."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        return -z

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


HIDING: dict[str, Any] = {
    "time as a number": lambda s, z: -3 * z * math.cos(2 * float(s.detach())),
    "some of the time": lambda s, z: -3 * z * torch.cos(s + s.detach()),
    "some of the state": lambda s, z: -3 * z.detach() * torch.cos(2 * s),
    "a backward of one's own": lambda s, z: 3 * Reversed.apply(z) * torch.cos(2 * s),
    "both, and other libraries": lambda s, z: torch.from_numpy(-3 * z.detach().numpy()) * math.cos(2 * float(s)),
}


@pytest.mark.filterwarnings("ignore:torch's gradient of f", "ignore:Converting a tensor")
@pytest.mark.parametrize("hidden", HIDING)
def test_the_order_holds_where_torch_does_not_see_what_f_reads(hidden: str) -> None:
    """z' = −3 z cos 2s: with torch's derivatives of these the order would be 1."""
    f, z = HIDING[hidden], torch.tensor([1.0, -2.0], dtype=torch.float64)
    exact = z * math.exp(-1.5 * math.sin(2))
    errors = [float((LangVerwer3()(f, z, (0.0, 1.0), n) - exact).abs().max()) for n in (20, 40)]
    assert math.log2(errors[0] / errors[1]) > 2.7
    solution = Rodas5p().solve(f, z, (0.0, 1.0), rtol=1e-8, atol=1e-8, dense=False)
    assert solution.statistics.accepted < 60
    assert torch.allclose(solution.z, exact, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:torch's gradient of f")
def test_samples_of_their_own_steps_too() -> None:
    z = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    for f in (lambda s, z: -3 * z * s.detach()[:, None], lambda s, z: -3 * z.detach() * s[:, None]):
        found = Rodas4().solve(f, z, (0.0, 1.0), rtol=1e-8, atol=1e-8, dense=False)
        assert torch.allclose(found.z, z * math.exp(-1.5), rtol=1e-6)
        assert int(found.statistics.accepted.max()) < 100


def test_what_torch_does_not_see_of_the_state_is_told() -> None:
    z = torch.ones(2, dtype=torch.float64)
    with pytest.warns(UserWarning, match="not the derivative of f"):
        LangVerwer3()(lambda s, z: -z.detach() - z, z, (0.0, 1.0), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (lambda s, z: z.relu() - 1, lambda s, z: (z - 1).abs() * s.detach(), lambda s, z: -1e9 * (z - 1)):
            LangVerwer3()(f, torch.tensor([0.0, 1.0], dtype=torch.float64), (0.0, 1.0), 2)


def test_jumps_in_time_are_no_derivatives() -> None:
    """Steps end where a table jumps, but for rounding: differences are taken beyond, not across."""

    def table(s: Tensor, z: Tensor) -> Tensor:
        return (1.0, -2.0, 3.0, 0.5, -1.0, 2.0, -3.0, 1.0, 4.0, 0.0, 0.0)[int(float(s.detach()) * 10)] - z * float(s)

    z = torch.ones(1, dtype=torch.float64)
    ends = [LangVerwer3()(table, z, (0.0, 1.0), steps) for steps in (10, 20, 2000)]
    assert all(abs(float(end - ends[-1])) < 0.5 for end in ends)


def test_f_has_a_derivative_by_time_where_a_step_begins_at_a_stop() -> None:
    stops = [0.1 * k for k in range(1, 10)]
    z = torch.tensor([1.0], dtype=torch.float64)
    counts = []
    for given in (stops, None):
        found = Rodas5p().solve(
            lambda s, z: -z + 1e4 * s, z, (0.0, 1.0), rtol=1e-4, atol=1e-4, stops=given, dense=False
        )
        counts.append(found.statistics.accepted + found.statistics.rejected)
    assert counts[0] <= counts[1] + 2 * len(stops)


@pytest.mark.parametrize("solver", [LangVerwer3, Rodas5p, Rodas4])
def test_an_f_that_changes_its_argument_is_told(solver: Any) -> None:
    steps = {"steps": 2} if solver is LangVerwer3 else {}
    with pytest.raises(ValueError, match="changed its argument"):
        solver()(lambda s, z: z.mul_(-1), torch.ones(3, 2), (0.0, 1.0), **steps)


def test_a_jacobian_is_held_against_f_where_torch_sees_none() -> None:
    z = torch.ones(2, dtype=torch.float64)
    for f in (lambda s, z: -3 * z.detach(), lambda s, z: -2 * z.detach() - z):
        right = Rodas5p()(f, z, (0.0, 1.0), rtol=1e-8, jacobian=lambda s, z: -3 * torch.eye(2))
        assert torch.allclose(right, z * math.exp(-3), rtol=1e-6)
        with pytest.raises(ValueError, match="jacobian is not the derivative of f"):
            Rodas5p()(f, z, (0.0, 1.0), jacobian=lambda s, z: -2 * torch.eye(2))


def test_states_of_other_kinds() -> None:
    """Complex ones, half and single precision, tuples, reverse time, an f without derivatives."""

    def swirl(s: Tensor, z: Tensor) -> Tensor:
        return (1j - 0.3) * z * z.abs() + s * z

    z = torch.randn(4, 2, dtype=torch.complex128)
    there = Rodas5p()(swirl, z, (0.0, 1.0), rtol=1e-10, atol=1e-10)
    back = Rodas5p()(swirl, there, (1.0, 0.0), rtol=1e-10, atol=1e-10)
    assert torch.allclose(back, z, rtol=1e-7, atol=1e-8)
    half = LangVerwer3()(lambda s, z: -z, torch.ones(3, dtype=torch.bfloat16), (0.0, 1.0), 4)
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), torch.full((3,), 0.3679), atol=5e-3)
    q, _ = Rodas5p()(lambda s, z: (z[1], -z[0]), (torch.ones(2), torch.zeros(2)), (0.0, 1.0))
    assert torch.allclose(q, torch.full((2,), 0.5403), atol=1e-4)

    def foreign(s: Tensor, z: Tensor) -> Tensor:
        return torch.from_numpy(-(z.detach().numpy() ** 3)) + float(s.detach())

    z = torch.ones(3, dtype=torch.float64)
    first, second = (Rodas5p()(f, z, (0.0, 1.0)) for f in (foreign, lambda s, z: -(z**3) + s))
    assert torch.allclose(first, second, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_a_fixed_list_is_refused() -> None:
    with pytest.raises(ValueError, match="derivatives of f"):
        program(LangVerwer3(), (0.0, 1.0), 2)

    class Solved(torch.nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            end: Tensor = LangVerwer3()(lambda s, z: -z * z, z, (0.0, 1.0), 2)
            return end

    with pytest.raises(Exception, match="export an explicit solver"):
        torch.export.export(Solved(), (torch.ones(3),), strict=False)
    with pytest.raises(SolveError):
        Rodas5p()(lambda s, z: z * torch.where(s > 0.5, torch.nan, 1.0), torch.ones(2), (0.0, 1.0))


@pytest.mark.parametrize("solver", [LangVerwer3, Rodas5p])
def test_what_f_reads_has_tangents_too(solver: Any) -> None:
    """Nothing of z tells that derivatives go along: the step's matrix got none of them, and the end was a tenth off."""
    steps = {"steps": 5} if solver is LangVerwer3 else {}
    z, a = torch.tensor([[1.0, 0.5]], dtype=torch.float64), torch.tensor(1.3, dtype=torch.float64)

    def end(a: Tensor) -> Tensor:
        total: Tensor = solver()(lambda s, z: a * torch.cos(z) - 3 * a * z**3, z, (0.0, 1.0), **steps).sum()
        return total

    leaf = a.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(end(leaf), leaf)
    with forward_ad.dual_level():
        forward = forward_ad.unpack_dual(end(forward_ad.make_dual(a, torch.ones_like(a)))).tangent
    for found in (forward, torch.func.jvp(end, (a,), (torch.ones_like(a),))[1], torch.func.grad(end)(a)):
        assert torch.allclose(found, wanted, rtol=1e-9)
