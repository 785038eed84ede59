"""Stiff problems against their textbooks' formulas and published ends; SciPy's methods as they are counted."""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from hyperdsl.evaluation import scipy_methods, work_precision
from hyperdsl.evaluation.built_in import built_in
from hyperdsl.evaluation.contenders import beside, fixed
from hyperdsl.evaluation.cost import milliseconds
from hyperdsl.evaluation.errors import EvaluationError, NotConvergedError, ProblemError
from hyperdsl.evaluation.lookup import find_problem
from hyperdsl.evaluation.report import lost_sentences, table
from hyperdsl.evaluation.scipy_methods import scipy_solve, stiff_reference
from hyperdsl.evaluation.stiff import STIFF, brusselator_1d
from hyperdsl.evaluation.work_precision import begun, measure, unseen

S = torch.tensor(0.3, dtype=torch.float64)


def hires(a: float, b: float, c: float, d: float, e: float, g: float, h: float, k: float) -> tuple[float, ...]:
    return (
        -1.71 * a + 0.43 * b + 8.32 * c + 0.0007,
        1.71 * a - 8.75 * b,
        -10.03 * c + 0.43 * d + 0.035 * e,
        8.32 * b + 1.71 * c - 1.12 * d,
        -1.745 * e + 0.43 * g + 0.43 * h,
        -280 * g * k + 0.69 * d + 1.71 * e - 0.43 * g + 0.69 * h,
        280 * g * k - 1.81 * h,
        -280 * g * k + 1.81 * h,
    )


FORMULAS: dict[str, Callable[..., tuple[float, ...]]] = {
    "robertson": lambda a, b, c: (
        -0.04 * a + 1e4 * b * c,
        0.04 * a - 1e4 * b * c - 3e7 * b**2,
        3e7 * b**2,
    ),
    "van_der_pol_stiff": lambda x, y: (y, ((1 - x**2) * y - x) / 1e-6),
    "oregonator_stiff": lambda a, b, c: (
        77.27 * (b + a * (1 - 8.375e-6 * a - b)),
        (c - (1 + a) * b) / 77.27,
        0.161 * (a - c),
    ),
    "hires": hires,
}

ENDS = {
    "robertson": (0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050),
    "van_der_pol_stiff": (1.706167732170483, -0.8928097010247975),
    "oregonator_stiff": (1.000814870318523, 1228.178521549917, 132.0554942846706),
    "hires": (
        0.7371312573325668e-3,
        0.1442485726316185e-3,
        0.5888729740967575e-4,
        0.1175651343283149e-2,
        0.2386356198831331e-2,
        0.6238968252742796e-2,
        0.2849998395185769e-2,
        0.2850001604814231e-2,
    ),
}
"""Of the test set for initial value problem solvers (Mazzia & Magherini 2008): its reference solutions' digits."""


@pytest.mark.parametrize("name", FORMULAS)
def test_fields_are_the_textbooks(name: str) -> None:
    problem = built_in(name)
    z = torch.rand(20, *problem.state_shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = [FORMULAS[name](*row) for row in z.tolist()]
    np.testing.assert_allclose(problem.f(S, z).numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ENDS)
def test_they_end_where_the_literature_has_it(name: str) -> None:
    problem = built_in(name)
    z0, _ = problem.draw(1, torch.Generator())
    found = scipy_solve(problem.f, z0, problem.span, method="lsoda", rtol=1e-9, atol=1e-17, jacobian=problem.jacobian)
    np.testing.assert_allclose(found.z[0].numpy(), ENDS[name], rtol=2e-6)


@pytest.mark.parametrize("name", STIFF)
def test_jacobians_are_those_of_the_fields(name: str) -> None:
    family = brusselator_1d(7) if name == "brusselator_1d" else STIFF[name]
    problem = family.problem({parameter: (value, 2 * value) for parameter, value in family.parameters.items()})
    z, x = problem.draw(3, torch.Generator().manual_seed(0))
    z = z + 0.1 * torch.rand(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(1))
    assert problem.jacobian is not None
    for row in range(3):
        own = () if x is None else (x[row],)
        by_torch = torch.func.jacrev(lambda z, own=own: problem.f(S, *own, z))(z[row])
        given = (S, z) if x is None else (S, x, z)
        n = z[0].numel()
        torch.testing.assert_close(problem.jacobian(*given)[row], by_torch.reshape(n, n), rtol=1e-12, atol=1e-12)


def test_the_brusselator_with_diffusion_is_a_reaction_and_a_spread() -> None:
    """By the formula, a cell at a time; what the two parts add up to is f."""
    problem = built_in("brusselator_1d")
    assert problem.state_shape == (2, 500)
    z0, _ = problem.draw(2, torch.Generator())
    x = np.arange(1, 501) / 501
    np.testing.assert_allclose(z0[1, 0].numpy(), 1 + np.sin(2 * np.pi * x), atol=1e-14)
    assert (z0[:, 1] == 3).all()
    small = brusselator_1d(4).problem()
    z = torch.rand(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    u, v = [1.0, *z[0].tolist(), 1.0], [3.0, *z[1].tolist(), 3.0]
    expected = [
        [1 + u[i] ** 2 * v[i] - 4 * u[i] + 0.02 * 25 * (u[i - 1] - 2 * u[i] + u[i + 1]) for i in range(1, 5)],
        [3 * u[i] - u[i] ** 2 * v[i] + 0.02 * 25 * (v[i - 1] - 2 * v[i] + v[i + 1]) for i in range(1, 5)],
    ]
    np.testing.assert_allclose(small.f(S, z).numpy(), expected, rtol=1e-13, atol=1e-13)
    explicit, implicit = (part(S, z) for part in small.parts)
    torch.testing.assert_close(explicit + implicit, small.f(S, z))
    assert implicit.sum(-1)[0] == pytest.approx(0.5 * (2 - u[1] - u[4]))  # nothing is lost but at the ends


def test_parameters_are_numbers_or_ranges() -> None:
    def find(text: str) -> Any:
        return find_problem(text, lambda _: ())

    assert find("robertson").whole_name == "robertson"
    mild = find("van_der_pol_stiff(mu = 1000)")
    assert (mild.whole_name, mild.input_shape) == ("van_der_pol_stiff(mu=1000)", None)
    assert mild.f(S, torch.tensor([[2.0, 1.0]])).tolist() == [[1.0, -5000.0]]
    drawn = find("robertson(k1 = 0.02 .. 0.08, k3=5e3 .. 2e4)")
    z, x = drawn.draw(500, torch.Generator().manual_seed(0))
    assert (drawn.input_shape, x.shape) == ((2,), (500, 2))
    assert 0.02 <= x[:, 0].min() < 0.021
    assert 1.9e4 < x[:, 1].max() <= 2e4
    assert drawn.f(S, x, z)[:, 0].tolist() == (-x[:, 0]).tolist()  # by the starts: all is of the first kind
    with pytest.raises(ProblemError, match="robertson has no parameter k4"):
        find("robertson(k4 = 1)")
    with pytest.raises(ProblemError, match="pendulum has no parameter g"):
        find("pendulum(g = 1)")
    with pytest.raises(KeyError):
        STIFF["hires"].problem({"k": (1.0, 1.0)})


def test_scipys_solves_are_counted_a_sample_at_a_time() -> None:
    """Means over samples; a large Jacobian of few entries goes as a sparse one, and gives the same."""
    family = STIFF["robertson"].problem({"k1": (0.02, 0.08)})
    z0, x = family.draw(2, torch.Generator().manual_seed(0))
    span = (0.0, 40.0)
    given: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-10, "jacobian": family.jacobian}
    both = scipy_solve(family.f, z0, span, x, method="radau", **given)
    assert x is not None
    alone = [scipy_solve(family.f, z0[i : i + 1], span, x[i : i + 1], method="radau", **given) for i in range(2)]
    assert torch.equal(both.z, torch.cat([one.z for one in alone]))
    assert both.evaluations == round(sum(one.evaluations for one in alone) / 2)
    assert both.jacobians == round(sum(one.jacobians or 0 for one in alone) / 2) > 0
    assert (both.factorisations or 0) > (both.jacobians or 0)
    assert scipy_solve(family.f, z0, span, x, method="lsoda", **given).factorisations is None

    wide = brusselator_1d(40).problem()
    start, _ = wide.draw(1, torch.Generator())
    sparse, dense = (
        scipy_solve(wide.f, start, (0.0, 0.5), method="bdf", rtol=1e-4, atol=1e-4, jacobian=jacobian).z
        for jacobian in (wide.jacobian, None)
    )
    torch.testing.assert_close(sparse, dense, rtol=1e-3, atol=1e-3)


def test_a_solve_that_does_not_end_is_not_a_number() -> None:
    found = scipy_solve(
        lambda s, z: z * z, torch.ones(1, 1, dtype=torch.float64), (0.0, 2.0), method="radau", rtol=1e-3, atol=1e-3
    )
    assert found.z.isnan().all()


def test_references_are_as_good_as_they_say() -> None:
    problem = built_in("hires")
    z0, _ = problem.draw(1, torch.Generator())
    found = stiff_reference(problem.f, z0, problem.span, tolerance=1e-5, jacobian=problem.jacobian)
    assert found.error < 1e-5
    np.testing.assert_allclose(found.z[0].numpy(), ENDS["hires"], rtol=1e-5)
    near_its_end = (0.0, 1 - 1e-7)  # where z' = z² is infinite at 1
    with pytest.raises(NotConvergedError, match=r"the reference by LSODA still changes by .* 1e-08 was asked for"):
        stiff_reference(lambda s, z: z * z, torch.ones(1, 1), near_its_end, tolerance=1e-8)


@pytest.mark.parametrize("method", ["radau", "bdf", "lsoda"])
def test_solves_that_would_not_end_do(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near a pole SciPy's steps get ever shorter."""
    monkeypatch.setattr(scipy_methods, "MOST", 500)
    z0, given = torch.tensor([[1.0], [0.1]]), {"method": method, "rtol": 1e-9, "atol": 1e-9}
    found = scipy_solve(lambda s, z: z * z, z0, (0.0, 1 - 1e-13), **given)  # type: ignore[arg-type]
    assert found.z[0].isnan().all()
    assert float(found.z[1]) == pytest.approx(1 / 9, rel=1e-6)
    assert found.evaluations <= 500


def test_a_stiff_problem_that_does_not_say_so_is_seen() -> None:
    pendulum = built_in("pendulum")
    same, start = begun(pendulum)
    assert same is pendulum
    torch.testing.assert_close(start.z0, unseen(pendulum).z0, rtol=0, atol=0)
    field, calls = lambda s, z: -1e6 * (z - math.cos(s)), [0]

    def counted(s: Tensor, z: Tensor) -> Tensor:
        calls[0] += 1
        return field(s, z)

    silent = replace(DECAY, f=counted, jacobian=None, stiff=False, samples=256, tolerance=1e-9)
    seen, start = begun(silent)
    assert (seen.stiff, seen.samples, seen.tolerance, len(start.z0)) == (True, 8, 1e-7, 8)
    assert start.reference.numpy() == pytest.approx(math.cos(1.0), rel=1e-5)
    assert calls[0] < 20_000  # explicit steps that cannot succeed end when numbers are no longer finite


@pytest.mark.parametrize("stiff", [True, False])
def test_a_stiff_problem_that_no_method_solves_says_so(monkeypatch: pytest.MonkeyPatch, stiff: bool) -> None:
    """SciPy is asked once, whether the problem says that it is stiff or not."""
    asked = list[float]()

    def watched(*arguments, tolerance, jacobian):  # type: ignore[no-untyped-def]
        asked.append(tolerance)
        return stiff_reference(*arguments, tolerance=tolerance, jacobian=jacobian)

    monkeypatch.setattr(work_precision, "stiff_reference", watched)
    near_its_end = replace(DECAY, f=lambda s, z: z * z, jacobian=None, span=(0.0, 1 - 1e-7), stiff=stiff, samples=1)
    with pytest.raises(NotConvergedError, match="LSODA"):
        begun(replace(near_its_end, tolerance=1e-8))
    assert asked == [1e-8 if stiff else 1e-7]


def test_without_scipy_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not scipy_methods.available()
    with pytest.raises(EvaluationError, match="radau is SciPy's, which is not installed: pip install scipy"):
        scipy_solve(lambda s, z: -z, torch.ones(1, 1), (0.0, 1.0), method="radau", rtol=1e-3, atol=1e-3)


DECAY = replace(
    built_in("van_der_pol_stiff"),
    f=lambda s, z: -1000 * (z - torch.cos(s)),
    sample=lambda batch, generator: torch.ones(batch, 1, dtype=torch.float64),
    span=(0.0, 1.0),
    state_shape=(1,),
    jacobian=lambda s, z: z.new_full((*z.shape, 1), -1000.0),
    name="decay",
)


class Adaptive(nn.Module):
    """A stand-in for a generated solver that counts, and is told the Jacobian."""

    control = SimpleNamespace(rtol=1e-3, atol=1e-5)

    def solve(self, f, z0, span, *, rtol, atol, throw, dense, jacobian=None):  # type: ignore[no-untyped-def]
        assert jacobian is DECAY.jacobian
        assert atol == pytest.approx(rtol / 100)
        f(torch.zeros(()), z0)
        counts = SimpleNamespace(evaluations=41, jacobians=7, factorisations=9, products=123)
        return SimpleNamespace(z=z0 * 0 + math.cos(1.0), statistics=counts)

    def odeint(self, f, z0, s):  # type: ignore[no-untyped-def]
        raise AssertionError

    def forward(self, f, z0, span):  # type: ignore[no-untyped-def]
        raise AssertionError


def test_stiff_problems_are_compared_with_scipys_methods() -> None:
    """At the solver's own tolerances, with the problem's Jacobian, and without dopri5."""
    contenders = beside("mine", Adaptive(), {}, [1], scipy=["radau", "lsoda"], problem=DECAY)
    start = unseen(DECAY, samples=2)
    assert start.reference.numpy() == pytest.approx(math.cos(1.0), rel=2e-3)
    rows = measure(contenders[3:6], start, repeats=1)
    settings = [f"rtol 1e-0{k}" for k in range(2, 6)]
    names = ["mine", "SciPy's radau", "SciPy's lsoda"]
    assert [(c.method, c.setting) for c in contenders] == [(name, setting) for name in names for setting in settings]
    mine, loose, tight = rows
    assert (mine.evaluations, mine.jacobians, mine.factorisations, mine.products) == (41, 7, 9, 123)
    assert loose.relative_error < 1e-2
    assert tight.relative_error < min(1e-4, loose.relative_error)
    assert loose.evaluations == of_scipy_alone(loose.method[8:], 1e-2)
    assert (loose.macs, loose.jacobians, mine.macs > 0) == (0, 1, True)

    console = Console(file=io.StringIO(), width=200)
    console.print(table(rows, "title"))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Jac." in printed
    assert ["123" in line.split() for line in printed.splitlines() if "mine" in line] == [True]
    assert [line.split()[-4] for line in printed.splitlines() if "radau" in line] == ["–", "–"]
    without = [replace(row, jacobians=None, factorisations=None) for row in rows]
    console.print(table(without, "without counts"))
    assert "Jac." not in console.file.getvalue().split("without counts")[1]  # type: ignore[attr-defined]


def of_scipy_alone(method: str, rtol: float) -> int:
    z0, _ = DECAY.draw(1, torch.Generator())
    found = scipy_solve(DECAY.f, z0, DECAY.span, method=method, rtol=rtol, atol=rtol / 100, jacobian=DECAY.jacobian)
    return found.evaluations


def test_slow_calls_have_fewer_turns() -> None:
    turns, clock = {"slow": 0, "quick": 0}, [0.0]

    def call(name: str, seconds: float) -> None:
        turns[name] += 1
        clock[0] += seconds

    calls = {"slow": partial(call, "slow", 2.0), "quick": partial(call, "quick", 0.125)}
    found = milliseconds(calls, repeats=5, warm_up=1, seconds=1.0, clock=lambda: clock[0])
    assert turns == {"slow": 1, "quick": 6}
    assert found == {"slow": 2000, "quick": 125}


def test_equations_without_a_solution_are_a_large_error() -> None:
    def unsolved(f: Any, z0: Any, span: Any = (0.0, 1.0), steps: int = 1) -> Any:
        raise RuntimeError("the implicit equations were not solved")

    (contender,) = fixed("unsolved", unsolved, [3])
    assert contender.run(DECAY.f, torch.ones(2, 1), (0.0, 1.0), None).isnan().all()
    rows = measure([contender], unseen(DECAY, samples=2), repeats=1)
    assert lost_sentences(rows) == ["nan: solves that failed or whose states were not finite: unsolved at K = 3"]


class InParts(Adaptive):
    """As an additive solver is called."""

    field_names = ("explicit", "implicit")

    def solve(self, f, z0, span, *, rtol, atol, throw, dense):  # type: ignore[no-untyped-def, override]
        assert f is BRUSSELATOR.parts
        counts = SimpleNamespace(evaluations=3)
        return SimpleNamespace(z=z0, statistics=counts)


BRUSSELATOR = brusselator_1d(4).problem()


def test_additive_solvers_get_the_parts_of_f() -> None:
    contenders = beside("mine", InParts(), {}, [1], problem=BRUSSELATOR)
    z0, _ = BRUSSELATOR.draw(1, torch.Generator())
    assert torch.equal(contenders[0].run(BRUSSELATOR.f, z0, (0.0, 1.0), None), z0)
    with pytest.raises(
        EvaluationError, match="InParts takes f in an explicit and an implicit part, and hires has none"
    ):
        beside("mine", InParts(), {}, [1], problem=built_in("hires"))
