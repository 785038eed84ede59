"""Adaptive solvers: the failure contract, tolerances, times, gradients, steps of its own for each sample."""

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

Build = Callable[[str], ModuleType]
Field = Callable[[Tensor, Tensor], Tensor]

CONTROLS = """
control pair {{
    error embedded
    max_steps {steps}
}}
control halves {{
    error doubling
    gains 1/5, 3/5
    max_steps {steps}
}}
control term {{
    error learned
    rtol 1e-3
    max_steps {steps}
}}
control both {{
    error learned, embedded
    rtol 1e-3
    gains 2/5, 3/10, 1/10
    max_steps {steps}
}}
control own {{
    error embedded
    per_sample yes
    max_steps {steps}
}}
control own_halves {{
    error doubling
    per_sample yes
    max_steps {steps}
}}
control own_term {{
    error learned
    rtol 1e-3
    per_sample yes
    max_steps {steps}
}}
control own_both {{
    error learned, embedded
    rtol 1e-3
    per_sample yes
    max_steps {steps}
}}
"""
SOLVERS = {
    "Dopri": ("dopri5", "pair", False),
    "Bosh": ("bosh3", "pair", False),
    "Fehlberg": ("fehlberg45", "pair", False),
    "Halves": ("rk4", "halves", False),
    "Alpha": ("second_order(alpha = 3/10 .. 1)", "halves", False),
    "HyperDopri": ("dopri5", "pair", True),
    "HyperHalves": ("heun", "halves", True),
    "Learned": ("euler", "term", True),
    "LearnedHeun": ("heun", "term", True),
    "Both": ("heun_euler", "both", True),
    "Own": ("dopri5", "own", False),
    "OwnFehlberg": ("fehlberg45", "own", False),
    "OwnHalves": ("rk4", "own_halves", False),
    "OwnLearned": ("euler", "own_term", True),
    "OwnBoth": ("heun_euler", "own_both", True),
}
OWN = [name for name in SOLVERS if name.startswith("Own")]
SURE = [name for name in SOLVERS if "Learned" not in name]
"""Those whose error estimate does not depend on what g has learned alone."""


def spec(steps: int) -> str:
    text = CONTROLS.format(steps=steps)
    for name, (base, control, learned) in SOLVERS.items():
        kind, corrector = ("hypersolver", "    corrector external\n") if learned else ("solver", "")
        text += f"{kind} {name} {{\n    base {base}\n{corrector}    control {control}\n}}\n"
    return text


@pytest.fixture(scope="module")
def module(build: Build) -> ModuleType:
    return build(spec(2000))


class Small(nn.Module):
    """A corrector that has learned nothing."""

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor) -> Tensor:
        return 0.01 * torch.tanh(z + dz)


def made(module: ModuleType, name: str) -> Any:
    cls = getattr(module, name)
    return cls(Small()) if SOLVERS[name][2] else cls()


def given_to(name: str) -> dict[str, float]:
    return {"alpha": 0.6} if name == "Alpha" else {}


def beside(s: Tensor, z: Tensor) -> Tensor:
    return s.reshape(-1, *[1] * (z.ndim - 1)) if s.ndim else s


TABLE: dict[str, tuple[Field, str]] = {
    "NaN": (lambda s, z: torch.where(beside(s, z) > 0.5, math.nan, 1.0) * z, "NONFINITE"),
    "blow-up": (lambda s, z: z * z, "STEP_TOO_SMALL"),
    "stiff": (lambda s, z: -1e7 * z, "MAX_STEPS"),
}


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize("name", SOLVERS)
def test_where_peers_hang_there_is_a_status(module: ModuleType, name: str, case: str) -> None:
    """FINDINGS: f that turns NaN, y' = y², y' = -1e7 y."""
    solver, (f, status) = made(module, name), TABLE[case]
    z = torch.ones(3, 1, dtype=torch.float64)
    budget = 2000 * solver.evaluations_per_step * 2
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
def test_integers_are_refused_before_any_evaluation(module: ModuleType, name: str) -> None:
    called: list[Tensor] = []

    def f(s: Tensor, z: Tensor) -> Tensor:
        called.append(z)
        return z

    with pytest.raises(TypeError):
        made(module, name)(f, torch.ones(2, 1, dtype=torch.long), (0.0, 1.0), **given_to(name))
    assert not called


def pendulum(s: Tensor, z: Tensor) -> Tensor:
    angle, speed = z.unbind(-1)
    return torch.stack((speed, -torch.sin(angle) + 0.3 * torch.cos(s)), -1)


@pytest.mark.parametrize("name", SURE)
def test_errors_follow_the_tolerance_both_ways(module: ModuleType, name: str) -> None:
    """Forth and back again; requested times are where the solution is, whatever the steps."""
    solver, more = made(module, name), given_to(name)
    z = torch.tensor([[1.0, 0.0], [0.1, 0.5]], dtype=torch.float64)
    times = torch.tensor([0.0, 0.0, 0.7, 1.5, 3.0, 3.0], dtype=torch.float64)
    exact = made(module, "Dopri").odeint(pendulum, z, times, rtol=1e-11, atol=1e-12)
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


def test_statistics_are_what_happened(module: ModuleType) -> None:
    for name in ("Dopri", "Bosh", "Fehlberg", "Halves", "Both"):
        calls: list[float] = []

        def f(s: Tensor, z: Tensor, calls: list[float] = calls) -> Tensor:
            calls.append(float(s))
            return pendulum(s, z)

        solver = made(module, name)
        found = solver.solve(f, torch.ones(2, dtype=torch.float64), (0.0, 5.0), dense=False).statistics
        assert found.evaluations == len(calls)
        steps, kept = found.accepted + found.rejected, name in ("Dopri", "Bosh")
        each = solver.evaluations_per_step - (0 if kept else 1)
        assert len(calls) == 2 + each * steps + (0 if kept else found.accepted - 1)


def test_the_first_step_and_the_budget_can_be_given(module: ModuleType) -> None:
    solver = made(module, "Dopri")
    z = torch.ones(2, dtype=torch.float64)
    times: list[float] = []

    def f(s: Tensor, z: Tensor) -> Tensor:
        times.append(float(s))
        return -z

    solver(f, z, (0.0, 1.0), first_step=0.125)
    assert times[:2] == [0.0, 0.125 / 5]
    with pytest.raises(module.SolveError) as caught:
        solver(f, z, (0.0, 1.0), first_step=1e-6, max_steps=3)
    assert caught.value.status is module.Status.MAX_STEPS
    for wrong in ({"rtol": 0.0}, {"atol": -1.0}, {"first_step": math.inf}, {"max_steps": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            solver(f, z, (0.0, 1.0), **wrong)
    with pytest.raises(ValueError, match="finite"):
        solver(f, z, (0.0, math.inf))
    wanted = torch.tensor(1.0, requires_grad=True)
    for call in (
        lambda: solver(f, z, (0.0, wanted)),
        lambda: solver.odeint(f, z, wanted * torch.arange(3)),
        lambda: solver.adjoint(f, z, (wanted, 2.0)),
    ):
        with pytest.raises(ValueError, match="no gradient with respect to times"):
            call()
    with pytest.raises(ValueError, match="ascend"):
        solver.odeint(f, z, [0.0, 2.0, 1.0])


def test_tuples_and_complex_states(module: ModuleType) -> None:
    z = torch.ones(3, dtype=torch.float64)
    for name in ("Dopri", "Halves"):
        solver = made(module, name)
        one, other = solver(lambda s, z: (-z[0], 2 * z[1]), (z, z[:1]), (0.0, 1.0))
        assert torch.allclose(one, z * math.exp(-1), rtol=1e-5)
        assert torch.allclose(other, z[:1] * math.exp(2), rtol=1e-5)
        turned = solver(lambda s, z: 1j * z, torch.ones(2, 1, dtype=torch.complex128), (0.0, math.pi))
        assert torch.allclose(turned, -torch.ones_like(turned), atol=1e-5)
    turned = made(module, "Own")(lambda s, z: 1j * z, torch.ones(2, 1, dtype=torch.complex64), (0.0, math.pi))
    assert torch.allclose(turned, -torch.ones_like(turned), atol=1e-4)


class Net(nn.Module):
    """A small field with weights."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).double()

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.net(z) + beside(torch.sin(s), z)


@pytest.mark.parametrize("name", SOLVERS)
def test_gradients_are_those_of_differences(module: ModuleType, name: str) -> None:
    torch.manual_seed(0)
    solver, f, more = made(module, name), Net(), given_to(name)
    z = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(2, 2, dtype=torch.float64)
    small = 1e-6 if solver.order <= 2 else 1e-9
    tolerance = {"rtol": small, "atol": small}

    def end(z: Tensor) -> Tensor:
        return (solver(f, z, (0.0, 1.0), **tolerance, **more) * direction).sum()

    gradient, *weights = torch.autograd.grad(end(z), [z, *f.parameters()])
    assert all(bool(weight.isfinite().all()) and bool(weight.any()) for weight in weights)
    with torch.no_grad():
        moved = torch.randn(2, 2, dtype=torch.float64)
        difference = (end(z + 1e-6 * moved) - end(z - 1e-6 * moved)) / 2e-6
    close = (1e-2 if solver.order <= 2 else 1e-5) * float(difference.abs())  # differences feel the steps change
    assert float((gradient * moved).sum()) == pytest.approx(float(difference), abs=close)


@pytest.mark.parametrize("name", ["Dopri", "Fehlberg", "Halves", "Alpha"])
def test_the_adjoint_has_the_gradients_of_back_propagation(module: ModuleType, name: str) -> None:
    torch.manual_seed(0)
    solver, f, more = made(module, name), Net(), given_to(name)
    small = 1e-6 if solver.order <= 2 else 1e-9
    z = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    wanted = [z, x, *f.parameters()]

    def field(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return f(s, z) * x

    given = {"rtol": small, "atol": small, "x": x, **more}
    by_adjoint = solver.adjoint(field, z, (0.0, 1.0), weights=list(f.parameters()), **given)
    plain = solver(field, z, (0.0, 1.0), **given)
    assert torch.equal(by_adjoint, plain)
    direction, close = torch.randn_like(z), 30 * small ** (solver.order / (solver.order + 1))
    found = torch.autograd.grad((by_adjoint * direction).sum(), wanted)
    for gradient, exact in zip(found, torch.autograd.grad((plain * direction).sum(), wanted), strict=True):
        assert float((gradient - exact).norm()) <= close * float(exact.norm())
    one, other = solver.adjoint(lambda s, z: (z[1], -z[0]), (z, x), (1.0, 0.0), **{**given, "x": None})
    turned = torch.autograd.grad((one + other).sum(), [z, x])
    assert torch.allclose(turned[0], torch.full_like(z, math.cos(1) + math.sin(1)), atol=1e-3)
    assert torch.allclose(turned[1], torch.full_like(z, math.cos(1) - math.sin(1)), atol=1e-3)


def test_the_adjoint_keeps_nothing_of_the_way(module: ModuleType) -> None:
    """The graph of a call grows with the number of steps, that of the adjoint does not."""

    def nodes(end: Tensor) -> int:
        seen, waiting = set(), [end.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in seen:
                seen.add(node)
                waiting += [following for following, _ in node.next_functions]
        return len(seen)

    solver, f, z = made(module, "Dopri"), Net(), torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    assert nodes(solver(f, z, (0.0, 5.0))) > 500
    assert nodes(solver.adjoint(f, z, (0.0, 5.0))) < 20


@pytest.mark.parametrize("name", OWN)
def test_each_sample_is_solved_as_if_alone(module: ModuleType, name: str) -> None:
    """And each has a status of its own."""
    solver = made(module, name)

    def f(s: Tensor, z: Tensor) -> Tensor:
        assert s.shape == z.shape[:1]
        return pendulum(s, z)

    z = torch.tensor([[1.0, 0.0], [0.1, 0.5], [3.0, -9.0]], dtype=torch.float64)
    together = solver.solve(f, z, (0.0, 3.0))
    for i in range(3):
        alone = solver.solve(f, z[i : i + 1], (0.0, 3.0))
        assert torch.allclose(together.z[i], alone.z[0], rtol=1e-9, atol=1e-9)
        assert int(together.statistics.accepted[i]) == int(alone.statistics.accepted[0])
    rate = torch.tensor([[0.5], [1.0], [-1e9]], dtype=torch.float64)
    ends = solver.solve(lambda s, z: rate[: len(z)] * z * z.abs(), torch.ones(3, 1).double(), (0.0, 1.5), throw=False)
    assert ends.status[0] is module.Status.SUCCESS
    assert ends.status[1] in (module.Status.STEP_TOO_SMALL, module.Status.NONFINITE)
    assert float(ends.s[0]) == 1.5
    assert float(ends.s[1]) < 1.1
    assert bool(ends.z.isfinite().all())


@pytest.mark.parametrize("name", SOLVERS)
def test_one_synchronisation_a_step(module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step reads one number, or one tensor of numbers, from the device."""
    solver, z = made(module, name), torch.tensor([[1.0, 0.0], [0.1, 0.5]], dtype=torch.float64)
    reads: list[str] = []
    for read in ("item", "tolist", "__float__", "__bool__", "__int__"):
        known = getattr(Tensor, read)

        def counted(self: Tensor, read: str = read, known: Callable[..., Any] = known) -> Any:
            reads.append(read)
            return known(self)

        monkeypatch.setattr(Tensor, read, counted)
    found = solver.solve(pendulum, z, (0.0, 9.0), rtol=1e-4, atol=1e-4, dense=False, **given_to(name)).statistics
    monkeypatch.undo()
    steps = torch.as_tensor(found.accepted) + torch.as_tensor(found.rejected)
    assert int(steps.max()) > 5
    assert len(reads) <= int(steps.max()) + 4


@pytest.mark.parametrize("name", ["Dopri", "Both", "Own"])
def test_a_compiled_step_is_the_same(module: ModuleType, name: str) -> None:
    """In one graph, which serves all steps and calls."""
    torch._dynamo.reset()
    solver, compiled = made(module, name), made(module, name)
    compiled.compile(backend="eager", fullgraph=True)
    z = torch.tensor([[1.0, 0.0], [0.1, 0.5]], dtype=torch.float64)
    for span in ((0.0, 3.0), (1.0, -1.0)):
        one, other = (each.solve(pendulum, z, span, rtol=1e-4, atol=1e-4) for each in (solver, compiled))
        assert torch.allclose(one.z, other.z, rtol=1e-12)
        assert one.statistics.evaluations == other.statistics.evaluations


def test_a_learned_term_of_zero_is_no_small_error(module: ModuleType) -> None:
    class Zero(nn.Module):
        def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor) -> Tensor:
            return torch.zeros_like(z)

    z = torch.ones(2, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="train"):
        module.LearnedHeun(Zero())(lambda s, z: -z, z, (0.0, 1.0))
    for name in ("Learned", "Both"):  # these know of the error without g
        end = getattr(module, name)(Zero())(lambda s, z: -z, z, (0.0, 1.0), rtol=1e-4, atol=1e-4)
        assert torch.allclose(end, z * math.exp(-1), atol=2e-2)


def test_states_of_one_step_have_no_influence_on_f(module: ModuleType) -> None:
    """f may return the same tensor each time."""
    kept = torch.ones(2, 1, dtype=torch.float64)
    for name in SOLVERS:
        end = made(module, name)(
            lambda s, z: kept, torch.zeros(2, 1, dtype=torch.float64), (0.0, 1.0), **given_to(name)
        )
        assert torch.allclose(end, torch.ones_like(end), atol=0.02)
        assert torch.equal(kept, torch.ones_like(kept))


@pytest.mark.parametrize("name", ["Dopri", "Fehlberg", "Halves", "Both"])
def test_an_event_ends_the_solution(module: ModuleType, name: str) -> None:
    """A ball that falls reaches the ground, forwards and backwards in time."""
    z = torch.tensor([5.0, 0.0], dtype=torch.float64)
    for sign in (1.0, -1.0):
        solution = made(module, name).solve(
            lambda s, z: torch.stack((z[1], -9.81 + 0 * z[1])), z, (0.0, 3.0 * sign), event=lambda s, z: z[0], rtol=1e-6
        )
        assert solution.status is module.Status.SUCCESS
        assert solution.s == pytest.approx(sign * math.sqrt(10 / 9.81), abs=1e-4)
        assert float(solution.z[0]) == pytest.approx(0, abs=1e-9)
        assert torch.allclose(solution.dense(solution.s), solution.z)
        with pytest.raises(ValueError, match="outside"):
            solution.dense(3.0 * sign)
    never = made(module, name).solve(lambda s, z: 0 * z, z, (0.0, 1.0), event=lambda s, z: z[0])
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
