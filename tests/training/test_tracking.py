"""A hypersolver kept in step with f: what it learns, what it leaves alone, what it does where it cannot follow."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.training.tracked_rows import HELD_OUT, TrackedRows
from hyperdsl.training.tracking import Tracked, TrackingWarning

GENERATED = Path(__file__).parents[2] / "generated"
SPAN = (0.2, 1.2)
STEPS = 2


@cache
def solver_class(package: str) -> type[nn.Module]:
    return load_package(GENERATED / package).choose()


def fresh(package: str = "hyper_euler", size: int = 2, seed: int = 0) -> Any:
    """An untrained hypersolver of a generated package."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return solver_class(package)((size,), **({"input_shape": (1,)} if package.startswith("conditioned") else {}))


class Field(nn.Module):
    """f(s, z) or f(s, x, z), non-autonomous."""

    def __init__(self, size: int = 2, inputs: int = 0, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = nn.Sequential(nn.Linear(size + 1 + inputs, 16), nn.Tanh(), nn.Linear(16, size))
        with torch.no_grad():
            self.net[2].get_parameter("weight").mul_(4)  # the steps are to be coarse

    def forward(self, s: Tensor, *given: Tensor) -> Tensor:
        columns = [s.expand(len(given[-1]), 1), *given]
        return self.net(torch.cat(columns, 1))


def starts(count: int = 64, size: int = 2, seed: int = 1) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def true_delta(solver: Any, f: Callable[..., Tensor], z: Tensor, span: tuple[float, float], steps: int) -> float:
    """δ by an independent reference in float64, over all steps of the held-out trajectories."""
    eps, errors = (span[1] - span[0]) / steps, []
    z = z[::HELD_OUT]
    for k in range(steps):
        s = span[0] + k * eps
        exact = reference_solution(f, z, (s, s + eps)).z
        with torch.no_grad():
            learned, base = solver.step(f, s, z, eps), solver.base_step(f, s, z, eps)
        errors.append(torch.stack(((learned - exact).norm(dim=1), (base - exact).norm(dim=1))))
        z = learned
    learned, base = torch.cat(errors, 1).median(1).values
    return float(learned / base)


def test_gradients_are_those_of_the_solver_with_g_frozen() -> None:
    f, z0 = Field(), starts()
    tracked = Tracked(fresh(), f, SPAN, STEPS)
    assert not any(p.requires_grad for p in tracked.solver.parameters())
    tracked.update(z0)
    assert tracked.trusted
    other = copy.deepcopy(tracked.solver).requires_grad_(False)
    wanted = [z0.clone().requires_grad_(), *f.parameters()]
    found = [torch.autograd.grad(solve(wanted[0]).square().sum(), wanted) for solve in (
        tracked, lambda z: other(f, z, SPAN, STEPS)
    )]  # fmt: skip
    for first, second in zip(*found, strict=True):
        assert torch.equal(first, second)
        assert first.any()
    tracked(z0).sum().backward()
    assert all(p.grad is None and not p.requires_grad for p in other.parameters())
    assert not any(p.requires_grad for p in tracked.solver.parameters())


def test_before_the_first_update_solves_go_by_the_reference() -> None:
    f, z0 = Field(), starts().requires_grad_()
    end = Tracked(fresh(), f, SPAN, STEPS)(z0)
    assert (end - reference_solution(f, z0.detach(), SPAN).z).norm() < 1e-3 * end.norm()
    end.sum().backward()
    assert z0.grad is not None
    assert all(p.grad is not None for p in f.parameters())


@pytest.mark.parametrize("package", ["hyper_euler", "hyper_midpoint", "hyper_rk4", "hyper_alpha"])
@pytest.mark.parametrize("span", [SPAN, (1.0, -0.5)])
def test_delta_falls_and_is_the_true_one(package: str, span: tuple[float, float]) -> None:
    f, z0, parameters = Field(), starts(), {"alpha": 0.6} if package == "hyper_alpha" else {}
    tracked = Tracked(fresh(package), f, span, STEPS, refit=300, bound=0.4, parameters=parameters)
    first = tracked.update(z0)
    assert first is not None
    assert first.before == 1.0
    assert first.refit
    assert first.after < 0.4
    if not parameters:
        assert first.after == pytest.approx(true_delta(tracked.solver, f, z0, span, STEPS), rel=0.15, abs=0.02)


def test_refreshes_come_at_each_so_manieth_update_and_keep_delta_low() -> None:
    f = Field()
    tracked = Tracked(fresh(), f, SPAN, STEPS, every=4)
    done = [tracked.update(starts(seed=k)) for k in range(13)]
    assert [k for k, refresh in enumerate(done) if refresh] == [0, 4, 8, 12]
    assert [refresh.iteration for refresh in tracked.history] == [1, 5, 9, 13]
    assert [refresh.refit for refresh in tracked.history] == [True, False, False, False]
    assert tracked.history[-1].after < tracked.history[1].before
    assert all(refresh.steps == tracked.iterations for refresh in tracked.history[1:])


def test_a_sudden_change_of_f_is_followed_by_a_refit() -> None:
    f, z0 = Field(), starts()
    tracked = Tracked(fresh(), f, SPAN, STEPS, every=1)
    tracked.update(z0)
    f.load_state_dict({name: -value for name, value in Field(seed=7).state_dict().items()})
    changed = tracked.update(z0)
    assert changed is not None
    assert changed.refit
    assert changed.before > tracked.bound > 2 * changed.after - 1e-9
    assert true_delta(tracked.solver, f, z0, SPAN, STEPS) < tracked.bound


def test_where_g_cannot_follow_there_is_a_warning_and_the_reference_until_it_can() -> None:
    f, z0 = Field(), starts()
    tracked = Tracked(fresh(), f, SPAN, STEPS, every=1, bound=0.02, refit=10)
    with pytest.warns(TrackingWarning, match=r"δ is 0\.\d+ .* 10 gradient steps, 1 before"):
        tracked.update(z0)
    assert not tracked.trusted
    assert (tracked(z0) - reference_solution(f, z0, SPAN).z).norm() < 1e-3
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        tracked.update(z0)
        tracked.bound = 2.0
        tracked.update(z0)
    assert tracked.trusted
    assert torch.equal(tracked(z0), tracked.solver(f, z0, SPAN, STEPS))


class Noisy(Field):
    """With all that could disturb: dropout, batch normalisation, gradients at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.net.insert(1, nn.BatchNorm1d(16))
        self.net.insert(2, nn.Dropout(0.1))


def test_f_and_the_global_random_state_are_left_alone() -> None:
    f, z0 = Noisy(), starts()
    f(torch.zeros(()), z0).square().sum().backward()
    before = copy.deepcopy(f)
    gradients = [parameter.grad.clone() for parameter in f.parameters() if parameter.grad is not None]
    random = torch.get_rng_state()
    tracked = Tracked(fresh(), f, SPAN, STEPS, bound=3.0)
    tracked.update(z0)
    assert torch.equal(torch.get_rng_state(), random)
    assert f.training
    for name, value in f.state_dict().items():
        assert torch.equal(value, before.state_dict()[name]), name
    for parameter, gradient in zip(f.parameters(), gradients, strict=True):
        assert parameter.requires_grad
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, gradient)


def test_the_same_calls_give_the_same_bits() -> None:
    ends = []
    for _ in range(2):
        f = Field()
        tracked = Tracked(fresh(), f, SPAN, STEPS, every=2)
        for k in range(4):
            torch.rand(k + 1)  # global numbers play no part
            tracked.update(starts(seed=k))
        ends.append(tracked(starts()))
    assert torch.equal(*ends)


@pytest.mark.parametrize("package", ["hyper_euler", "conditioned_hyper_midpoint"])
def test_an_input_x_reaches_f_and_its_gradients_x(package: str) -> None:
    f, z0 = Field(inputs=1), starts()
    x = starts(size=1, seed=3).requires_grad_()
    tracked = Tracked(fresh(package), f, SPAN, STEPS, refit=200)
    done = tracked.update(z0, x)
    assert done is not None
    assert done.after < 0.5
    (grad,) = torch.autograd.grad(tracked(z0, x).sum(), x)
    assert grad.any()


def test_a_convolutional_and_a_complex_state() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    solver = solver_class("digits_hyper_euler")((8, 4, 4))
    tracked = Tracked(solver, lambda s, z: torch.tanh(conv(z)), SPAN, STEPS, refit=400)
    done = tracked.update(torch.randn(64, 8, 4, 4))
    assert done is not None
    assert done.after <= tracked.bound
    tracked = Tracked(fresh(), lambda s, z: 2j * z / (1 + z.abs()), SPAN, STEPS, refit=400)
    done = tracked.update(torch.complex(starts(), starts(seed=2)))
    assert done is not None
    assert done.after <= tracked.bound
    assert tracked(torch.complex(starts(), starts())).is_complex()


def test_targets_are_made_in_float64_where_float32_is_not_enough() -> None:
    f, z0 = Field(), starts() + 100
    exact = TrackedRows(fresh(), copy.deepcopy(f).double(), (0.0, 0.1), 20, {}, 0.05)
    exact.solver.double()
    wanted = exact.rows(z0.double(), None)[0].target
    for field, error in ((f, 1e-4), (f.forward, torch.inf)):
        residuals = TrackedRows(fresh(), field, (0.0, 0.1), 20, {}, 0.05)
        target = residuals.rows(z0, None)[0].target
        assert residuals.double is (field is f)
        assert (residuals.error > 0.05) is (field is not f)
        assert (target - wanted).norm() <= error * wanted.norm()


def test_a_demanding_f_gets_more_substeps_and_a_calm_one_fewer_again() -> None:
    speed = torch.tensor(100.0)
    residuals = TrackedRows(fresh(), lambda s, z: torch.sin(speed * z), (0.0, 1.0), 2, {}, 0.05)
    residuals.rows(starts(), None)
    assert residuals.substeps > 2
    assert residuals.error < 0.05
    speed.fill_(0.5)
    for _ in range(6):
        residuals.rows(starts(), None)
    assert residuals.substeps == 2


def test_a_field_of_zeros_is_solved_exactly_by_the_base() -> None:
    tracked = Tracked(fresh(), lambda s, z: 0 * z, SPAN, STEPS)
    done = tracked.update(starts())
    assert done is not None
    assert (done.before, done.after, done.trusted) == (0.0, 0.0, True)
    assert torch.equal(tracked(starts()), starts())


def test_states_that_blow_up_do_not_spoil_g() -> None:
    f = Field()
    tracked = Tracked(fresh(), lambda s, z: f(s, z) * torch.where(z[:, :1] > 1, torch.inf, 1.0), SPAN, STEPS)
    tracked.update(starts())
    assert tracked.trusted
    tracked.f = tracked._rows.f = lambda s, z: f(s, z) * torch.nan
    tracked.every = 1
    with pytest.warns(TrackingWarning):
        tracked.update(starts())
    assert not tracked.trusted
    assert all(p.isfinite().all() for p in tracked.solver.parameters())


@pytest.mark.parametrize(
    ("package", "reason"),
    [("adaptive_hyper_euler", "step-size control"), ("hyper_pece", "history"), ("adaptive_dopri5", "no corrector")],
)
def test_other_solvers_are_refused(package: str, reason: str) -> None:
    cls = solver_class(package)
    with pytest.raises(TypeError, match=reason):
        Tracked(cls() if package == "adaptive_dopri5" else cls((2,)), Field(), SPAN, STEPS)


@pytest.mark.parametrize("given", [{"steps": 0}, {"every": 0}, {"bound": 0.0}, {"rate": -1.0}, {"span": (1.0, 1.0)}])
def test_numbers_out_of_range_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        Tracked(fresh(), Field(), **{"span": SPAN, "steps": STEPS, **given})
