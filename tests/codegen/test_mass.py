"""M z' = f by generated solvers: Robertson's reaction as an equation with an algebraic one, and regular matrices."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.codegen.conftest import Build

END = torch.tensor([[0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050]], dtype=torch.float64)
MASS = torch.diag(torch.tensor([1.0, 1.0, 0.0]))
START = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
TEXT = """
control joint {
    error embedded
}
control each {
    error embedded
    per_sample yes
}
solver Radau {
    base radau_iia5
    control joint
}
solver RadauEach {
    base radau_iia5
    control each
}
solver Rodas {
    base rodas4
    control joint
}
solver RodasEach {
    base rodas5p
    control each
}
solver Esdirk {
    base kvaerno43
    control joint
}
solver Sdirk {
    base hairer_wanner_sdirk4
    control joint
}
solver Ros3 {
    base ros3p
    control joint
}
solver Fixed {
    base radau_iia5
}
solver FixedEsdirk {
    base trbdf2
}
solver Gauss {
    base gauss4
}
solver Twice {
    base bdf2
}
solver Large {
    base radau_iia5
    control joint
    solve krylov
}
"""


@pytest.fixture(scope="module")
def solvers(build: Build) -> ModuleType:
    return build(TEXT)


def robertson(s: Any, z: Tensor) -> Tensor:
    a, b, c = z.unbind(-1)
    slow, fast, back = 0.04 * a, 3e7 * b * b, 1e4 * b * c
    return torch.stack((back - slow, slow - back - fast, a + b + c - 1), -1)


@pytest.mark.parametrize("name", ["Radau", "RadauEach", "Rodas", "RodasEach"])
def test_the_reaction_with_its_sum_as_an_equation_ends_where_it_should(solvers: ModuleType, name: str) -> None:
    """All three substances to 1e-6, over eleven decades; the sum is one to the last digits."""
    solver = getattr(solvers, name)()
    rtol = 1e-6 if "Radau" in name else 5e-8
    found = solver.solve(robertson, START, (0.0, 1e11), mass=MASS, rtol=rtol, atol=1e-5 * rtol, max_steps=4000)
    torch.testing.assert_close(found.z, END, rtol=2e-6, atol=0)
    assert abs(float(found.z.sum()) - 1) < 1e-14
    assert found.statistics.factorisations


def test_the_equation_holds_between_steps(solvers: ModuleType) -> None:
    times = torch.tensor([0.0, 0.37, 2.9, 33.0], dtype=torch.float64)
    for name in ("Radau", "Rodas"):
        states = getattr(solvers, name)().odeint(robertson, START, times, mass=MASS, rtol=1e-8, atol=1e-12)
        assert (states.sum(-1) - 1).abs().max() < 1e-9
        whole = states[-1] @ torch.ones(3, 1, dtype=torch.float64)
        assert float(whole) == pytest.approx(1, abs=1e-14)  # a step ends there


def test_a_regular_matrix_changes_nothing_but_the_form(solvers: ModuleType) -> None:
    mass = torch.tensor([[2.0, 1.0], [0.0, 0.5]], dtype=torch.float64)

    def f(s: Any, z: Tensor) -> Tensor:
        return torch.stack((z[..., 1], -z[..., 0] - 100 * z[..., 1]), -1)

    z = torch.tensor([[1.0, 0.0], [0.5, 2.0]], dtype=torch.float64)
    each = torch.stack((mass, 2 * mass))
    for name in ("Radau", "Rodas", "Esdirk", "Ros3", "Fixed", "FixedEsdirk", "Gauss", "Twice"):
        solver, given = getattr(solvers, name)(), {"span": (0.0, 1.0)}
        if name in {"Fixed", "FixedEsdirk", "Gauss", "Twice"}:
            given["steps"] = 20  # type: ignore[assignment]
        plain = solver(f, z, **given)
        torch.testing.assert_close(solver(lambda s, z: f(s, z) @ mass.T, z, mass=mass, **given), plain)
        massed = solver(lambda s, z: (each @ f(s, z)[..., None])[..., 0], z, mass=each, **given)
        torch.testing.assert_close(massed, plain)


def test_a_jacobian_is_that_of_f(solvers: ModuleType) -> None:
    asked = []

    def jacobian(s: Any, z: Tensor) -> Tensor:
        asked.append(z)
        a, b, c = z.unbind(-1)
        zero, one = torch.zeros_like(a), torch.ones_like(a)
        rows = (
            (-0.04 * one, 1e4 * c, 1e4 * b),
            (0.04 * one, -1e4 * c - 6e7 * b, -1e4 * b),
            (one, one, one + zero),
        )
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    for name in ("Radau", "Rodas"):
        given: dict[str, Any] = {"mass": MASS, "rtol": 1e-6, "atol": 1e-11}
        solver = getattr(solvers, name)()
        told = solver(robertson, START, (0.0, 10.0), jacobian=jacobian, **given)
        assert asked
        torch.testing.assert_close(told, solver(robertson, START, (0.0, 10.0), **given), rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("name", ["Radau", "Rodas"])
def test_gradients_go_through_algebraic_equations(solvers: ModuleType, name: str) -> None:
    """By a rate, against differences."""
    solver = getattr(solvers, name)()

    def end(rate: Tensor) -> Tensor:
        def f(s: Any, z: Tensor) -> Tensor:
            a, b = z.unbind(-1)
            return torch.stack((-rate * a * b, b - torch.cos(a) - rate), -1)

        start = torch.tensor(1.0, dtype=torch.float64)
        z0 = torch.stack((start, torch.cos(start) + rate))[None]
        mass = torch.diag(torch.tensor([1.0, 0.0]))
        found: Tensor = solver(f, z0, (0.0, 1.0), mass=mass, rtol=1e-7, atol=1e-9)
        return found[0, 0] + 2 * found[0, 1]

    rate = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    end(rate).backward()
    assert rate.grad is not None
    with torch.no_grad():
        difference = (end(rate + 1e-4) - end(rate - 1e-4)) / 2e-4
    assert float(rate.grad) == pytest.approx(float(difference), rel=1e-4)


def test_gradients_between_steps_need_a_dense_output_of_their_own(solvers: ModuleType) -> None:
    """Whose weights of stages know the algebraic variables; slopes at the ends of steps do not."""
    start = START.clone().requires_grad_()
    given: dict[str, Any] = {"mass": MASS, "rtol": 1e-6, "atol": 1e-11}
    states = solvers.Radau().odeint(robertson, start, [0.0, 0.3, 1.0], **given)
    (found,) = torch.autograd.grad(states[1].sum(), start)
    assert found.abs().max() < 1.1
    with pytest.raises(RuntimeError, match="between steps of this method there are no gradients"):
        solvers.Sdirk().odeint(robertson, start, [0.0, 0.3, 1.0], **given)


@pytest.mark.parametrize("name", ["Esdirk", "FixedEsdirk", "Gauss", "Ros3", "Twice"])
def test_steps_that_end_beside_algebraic_equations_are_refused(solvers: ModuleType, name: str) -> None:
    with pytest.raises(ValueError, match=rf"steps of {name} do not end where .* such as radau_iia5"):
        getattr(solvers, name)()(robertson, START, (0.0, 1.0), mass=MASS)


def test_what_else_cannot_be_is_said(solvers: ModuleType) -> None:
    with pytest.raises(ValueError, match="`solve krylov` does not solve algebraic equations"):
        solvers.Large()(robertson, START, (0.0, 1.0), mass=MASS)
    with pytest.raises(ValueError, match="the start is inconsistent"):
        solvers.Radau()(robertson, START + torch.tensor([0.0, 0.0, 1e-3]), (0.0, 1.0), mass=MASS)
    with pytest.raises(ValueError, match=r"mass has the shape \(2, 2\)"):
        solvers.Rodas()(robertson, START, (0.0, 1.0), mass=torch.eye(2))


ALL = ("Radau", "RadauEach", "Rodas", "RodasEach", "Sdirk", "Fixed")
SINGULAR = torch.diag(torch.tensor([1.0, 0.0]))


def solve(solver: Any, f: Any, z: Any, span: tuple[float, float], **given: Any) -> Any:
    own = {"steps": 40} if type(solver).__name__ in {"Fixed", "Gauss"} else {"rtol": 1e-7, "atol": 1e-9}
    return solver(f, z, span, **own, **given)


@pytest.mark.filterwarnings("ignore:Converting a tensor")
@pytest.mark.parametrize("name", ALL)
def test_equations_that_torch_cannot_differentiate(solvers: ModuleType, name: str) -> None:
    """x' = −y, 0 = y − x − s², of which torch sees nothing: the end and what is between."""

    def f(s: Any, z: Tensor) -> Tensor:
        x, y = z.detach().unbind(-1)
        return torch.stack((-y, y - x - s.detach() ** 2), -1)

    z = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    x = [3 * math.exp(-s) - s**2 + 2 * s - 2 for s in (0.0, 0.4, 1.0)]
    solver = getattr(solvers, name)()
    found = solve(solver, f, z, (0.0, 1.0), mass=SINGULAR)
    assert found[0, 0] == pytest.approx(x[2], abs=1e-6)
    assert found[0, 1] == pytest.approx(x[2] + 1, abs=1e-6)
    if name != "Fixed":
        between = solver.odeint(f, z, [0.0, 0.4, 1.0], mass=SINGULAR, rtol=1e-7, atol=1e-9)[1]
        torch.testing.assert_close(between, torch.tensor([[x[1], x[1] + 0.16]]).double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_complex_states_have_algebraic_equations_too(solvers: ModuleType, name: str) -> None:
    z = torch.tensor([[1.0 + 2.0j, 1.0 + 2.0j]], dtype=torch.complex128)
    f = lambda s, z: torch.stack((1j * z[..., 1], z[..., 1] - z[..., 0]), -1)  # noqa: E731
    found = solve(getattr(solvers, name)(), f, z, (0.0, 1.0), mass=SINGULAR)
    torch.testing.assert_close(found, z * complex(math.cos(1), math.sin(1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["Radau", "Rodas", "Esdirk", "Gauss"])
def test_the_matrix_is_that_of_all_parts_of_a_tuple(solvers: ModuleType, name: str) -> None:
    parts = torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([[3.0]], dtype=torch.float64)
    mass = torch.diag(torch.tensor([2.0, 1.0, 4.0]))
    first, second = solve(getattr(solvers, name)(), lambda s, z: (-z[0], -z[1]), parts, (0.0, 1.0), mass=mass)
    expected = parts[0] * torch.exp(-torch.tensor([0.5, 1.0], dtype=torch.float64))
    torch.testing.assert_close(first, expected, rtol=1e-5, atol=1e-5)
    assert float(second) == pytest.approx(3 * math.exp(-0.25), rel=1e-5)


@pytest.mark.parametrize("name", ["Radau", "RodasEach", "Ros3", "Gauss"])
def test_a_regular_matrix_has_gradients(solvers: ModuleType, name: str) -> None:
    z = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    mass = torch.tensor([[2.0, 1.0], [0.5, 3.0]], dtype=torch.float64, requires_grad=True)

    def end(mass: Tensor) -> Tensor:
        total: Tensor = solve(getattr(solvers, name)(), lambda s, z: -(z**2), z, (0.0, 1.0), mass=mass)[0, 0]
        return total

    (found,) = torch.autograd.grad(end(mass), mass)
    step = torch.zeros(2, 2, dtype=torch.float64)
    step[1, 0] = 1e-4
    with torch.no_grad():
        expected = float((end(mass + step) - end(mass - step)) / 2e-4)
    assert float(found[1, 0]) == pytest.approx(expected, rel=1e-3)
    with pytest.raises(ValueError, match="a singular mass has no gradients"):
        solvers.Radau()(robertson, START, (0.0, 1.0), mass=MASS.clone().requires_grad_())


@pytest.mark.parametrize("name", ALL)
def test_an_index_above_one_is_refused(solvers: ModuleType, name: str) -> None:
    z = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match="the index is above 1"):
        solve(
            getattr(solvers, name)(),
            lambda s, z: torch.stack((z[..., 1], z[..., 0] - torch.sin(s)), -1),
            z,
            (0.0, 1.0),
            mass=SINGULAR,
        )


@pytest.mark.parametrize("mass", ["eye", [[1.0, 2.0], [1.0]], torch.eye])
def test_what_is_no_matrix_at_all_is_said(solvers: ModuleType, mass: Any) -> None:
    with pytest.raises(TypeError, match="mass is a real square matrix"):
        solvers.Rodas()(robertson, START, (0.0, 1.0), mass=mass)
