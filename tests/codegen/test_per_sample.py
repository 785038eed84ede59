"""Steps of its own for each sample of a batch: as if each were solved alone."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.evaluation.packages import load_package
from tests.codegen.adaptive import OWN, made, pendulum
from tests.codegen.conftest import Build

SPAN = (0.0, 5.0)
STIFFNESS = torch.linspace(1, 20, 9, dtype=torch.float64).unsqueeze(1)
STARTS = torch.stack((torch.linspace(1.5, 2.5, 9), torch.linspace(-1, 1, 9)), 1).double()


def van_der_pol(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
    """x'' = μ (1 − x²) x' − x, with each sample's own μ [batch, 1]."""
    assert s.shape == z.shape[:1]
    place, speed = z.unbind(-1)
    return torch.stack((speed, x[:, 0] * (1 - place**2) * speed - place), -1)


@pytest.fixture(scope="module")
def solver() -> Any:
    """That of specs/adaptive_per_sample.hyper."""
    return load_package("generated/adaptive_per_sample").choose()()


def counts(solution: Any) -> Tensor:
    """Accepted and rejected steps [2, batch]."""
    return torch.stack((solution.statistics.accepted, solution.statistics.rejected))


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
def test_van_der_pol_of_each_stiffness_is_solved_as_if_alone(solver: Any, rtol: float) -> None:
    tolerance: dict[str, Any] = {"rtol": rtol, "atol": rtol / 100}
    together = solver.solve(van_der_pol, STARTS, SPAN, x=STIFFNESS, **tolerance)
    times = torch.linspace(*SPAN, 7, dtype=torch.float64)
    longest = 0
    for i in range(len(STARTS)):
        sample = slice(i, i + 1)
        alone = solver.solve(van_der_pol, STARTS[sample], SPAN, x=STIFFNESS[sample], **tolerance)
        assert together.status[i] is alone.status[0]
        assert torch.equal(counts(together)[:, sample], counts(alone))
        near: dict[str, Any] = {"rtol": 3 * rtol, "atol": 3 * rtol / 100}
        assert torch.allclose(together.z[sample], alone.z, **near)
        assert torch.allclose(together.dense(times)[:, sample], alone.dense(times), **near)
        longest = max(longest, alone.statistics.evaluations)
    assert together.statistics.evaluations == longest  # calls of f: those of the hardest sample
    assert len(counts(together).sum(0).unique()) > 5  # and the others took fewer steps


def test_neither_order_nor_company_matters(solver: Any) -> None:
    """Not even that of samples whose solution ends early."""
    together = solver.solve(van_der_pol, STARTS, SPAN, x=STIFFNESS)
    turned = solver.solve(van_der_pol, STARTS.flip(0), SPAN, x=STIFFNESS.flip(0))
    assert torch.equal(counts(turned).flip(1), counts(together))
    assert torch.allclose(turned.z.flip(0), together.z, rtol=3e-6, atol=3e-8)
    bad = torch.tensor([[torch.nan], [-1e9], [1e9]], dtype=torch.float64)
    stiffness, starts = torch.cat((bad, STIFFNESS)), torch.cat((STARTS[:3], STARTS))
    mixed = solver.solve(van_der_pol, starts, SPAN, x=stiffness, throw=False, max_steps=2000)
    statuses = [status.name for status in mixed.status]
    assert "SUCCESS" not in statuses[:3]
    assert statuses[3:] == ["SUCCESS"] * len(STARTS)
    assert torch.equal(counts(mixed)[:, 3:], counts(together))
    assert torch.allclose(mixed.z[3:], together.z, rtol=3e-6, atol=3e-8)


def test_joint_steps_are_those_of_the_hardest_sample(solver: Any) -> None:
    """What steps of one's own save: with joint ones all samples pay for the hardest."""
    joint: Any = load_package("generated/adaptive_dopri5").choose()()

    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return van_der_pol(s.expand(len(z)), x, z)

    tolerance = {"rtol": 1e-6, "atol": 1e-8}
    own = solver.solve(van_der_pol, STARTS, SPAN, x=STIFFNESS, **tolerance)
    shared = joint.solve(f, STARTS, SPAN, x=STIFFNESS, **tolerance)
    assert torch.allclose(own.z, shared.z, rtol=1e-3, atol=1e-4)
    assert float(own.statistics.accepted.double().mean()) < 0.7 * shared.statistics.accepted


@pytest.mark.parametrize("name", OWN)
def test_each_sample_is_solved_as_if_alone(adaptive: ModuleType, name: str) -> None:
    """And each has a status of its own."""
    solver = made(adaptive, name)

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
    assert ends.status[0] is adaptive.Status.SUCCESS
    assert ends.status[1] in (adaptive.Status.STEP_TOO_SMALL, adaptive.Status.NONFINITE)
    assert float(ends.s[0]) == 1.5
    assert float(ends.s[1]) < 1.1
    assert bool(ends.z.isfinite().all())


@pytest.fixture(scope="module")
def each(build: Build) -> list[Any]:
    """Solvers of every way to take steps of one's own."""
    own = "control own {\n    error embedded\n    per_sample yes\n}\n"
    bases = ("dopri5", "radau_iia5", "bdf5", "ab8")
    solvers = [f"solver Own{k} {{\n    base {base}\n    control own\n}}\n" for k, base in enumerate(bases)]
    package = build(own + "".join(solvers))
    return [getattr(package, f"Own{k}")() for k in range(len(bases))]


def test_times_that_f_takes_for_another_axis_are_told(each: list[Any]) -> None:
    square, oblong = torch.ones(3, 3, dtype=torch.float64), torch.ones(3, 2, dtype=torch.float64)
    for solver in each:
        with pytest.raises(ValueError, match=r"hangs on the times of others: .* it is s\[:, None\]"):
            solver(lambda s, z: torch.sin(s) - z, square, (0.0, 1.0))
        with pytest.raises(RuntimeError, match="must match the size") as caught:
            solver(lambda s, z: torch.sin(s) - z, oblong, (0.0, 1.0))
        assert "it is s[:, None]" in caught.value.__notes__[0]
        found = solver(lambda s, z: torch.sin(s)[:, None] - z, square, (0.0, 1.0))
        assert torch.allclose(found[:, :2], solver(lambda s, z: torch.sin(s)[:, None] - z, oblong, (0.0, 1.0)))


def test_steps_that_do_not_move_a_time_end_at_once(each: list[Any]) -> None:
    for solver in each:
        found = solver.solve(lambda s, z: -z, STARTS, (1e16, 1e16 + 2), throw=False)
        assert {one.value for one in found.status} == {"step_too_small"}
        assert found.statistics.evaluations < 10
