"""torchdiffeq's own examples, with generated solvers in the place of its methods: its spiral, its bouncing ball."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchdiffeq as native
from torch import Tensor, nn

from generated.abm4 import ABM4
from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.adaptive_per_sample import PerSampleDopri5
from generated.graded import Spaced
from generated.hyper_alpha import HyperAlpha
from generated.hyper_midpoint import HyperMidpoint
from hyperdsl.adapters import torchdiffeq as adapted

DOUBLE: Any = {"dtype": torch.float64}
T = torch.linspace(0.0, 0.5, 21, **DOUBLE)
Y0 = torch.tensor([[2.0, 0.0]], **DOUBLE)
TIMES = 2
"""The place of their gradient."""


class Spiral(nn.Module):
    """The field of torchdiffeq's examples/ode_demo.py."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], **DOUBLE))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return torch.mm(y**3, self.matrix)


class Ball(nn.Module):
    """The fall and the ground of torchdiffeq's examples/bouncing_ball.py."""

    def __init__(self) -> None:
        super().__init__()
        self.gravity = nn.Parameter(torch.tensor([9.8], **DOUBLE))
        self.log_radius = nn.Parameter(torch.log(torch.tensor([0.2], **DOUBLE)))
        self.height = nn.Parameter(torch.tensor([10.0], **DOUBLE))

    def forward(self, t: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        _, velocity, log_radius = state
        return velocity, -self.gravity, torch.zeros_like(log_radius)

    def touches(self, t: Tensor, state: tuple[Tensor, ...]) -> Tensor:
        height, _, log_radius = state
        return height - torch.exp(log_radius)

    def start(self) -> tuple[Tensor, ...]:
        return self.height, torch.zeros_like(self.height), self.log_radius


def gradients(interface: Any, f: nn.Module, **settings: Any) -> tuple[Tensor, ...]:
    """The states, and the gradients of y0, the times and f of a loss."""
    y0, t = Y0.clone().requires_grad_(), T.clone().requires_grad_()
    states = interface(f, y0, t, **settings)
    loss = (states * torch.linspace(-1, 1, states.numel(), **DOUBLE).reshape(states.shape)).sum()
    return states.detach(), *torch.autograd.grad(loss, (y0, t, *f.parameters()))


@pytest.mark.parametrize("name", ["odeint", "odeint_adjoint"])
def test_the_spiral_by_adaptive_steps(name: str) -> None:
    f, tolerances = Spiral(), {"rtol": 1e-8, "atol": 1e-9}
    expected = gradients(getattr(native, name), f, method="dopri5", **tolerances)
    found = gradients(getattr(adapted, name), f, method=AdaptiveDopri5(), **tolerances)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [None, {"step_size": 0.0125}])
def test_the_spiral_by_fixed_steps_to_the_last_digits(options: Any) -> None:
    """An untrained hypersolver is its base, which torchdiffeq has too."""
    f, solver = Spiral(), HyperMidpoint((2,)).double()
    expected = gradients(native.odeint, f, method="midpoint", options=options)
    found = gradients(adapted.odeint, f, method=solver, options=options)
    again = gradients(adapted.odeint_adjoint, f, method=solver, options=options)
    for states in (found, again):
        for k, (one, other) in enumerate(zip(states, expected, strict=True)):
            if k != TIMES or options is None:  # torchdiffeq's grid of steps hangs on the first time alone
                torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_steps_of_the_most_size_where_times_are_uneven() -> None:
    times, seen = torch.tensor([0.0, 0.1, 0.4], **DOUBLE), list[float]()

    def f(t: Tensor, y: Tensor) -> Tensor:
        seen.append(float(t))
        return -y

    states = adapted.odeint(f, Y0, times, method=HyperMidpoint((2,)).double(), options={"step_size": 0.1})
    assert [round(t, 6) for t in seen[::2]] == [0.0, 0.1, 0.2, 0.3]
    torch.testing.assert_close(states, Y0 * torch.exp(-times)[:, None, None], rtol=1e-3, atol=0)


def test_a_trained_g_gets_gradients_through_odeint() -> None:
    solver = HyperMidpoint((2,)).double()
    adapted.odeint(Spiral(), Y0, T, method=solver).sum().backward()
    assert any(weight.grad is not None and weight.grad.any() for weight in solver.corrector.parameters())


@pytest.mark.parametrize(("method", "options"), [(AdaptiveDopri5(), None), (ABM4(), {"step_size": 0.005})])
def test_the_bouncing_ball_touches_the_ground(method: Any, options: Any) -> None:
    ball = Ball()

    def found(interface: Any, **settings: Any) -> tuple[Tensor, ...]:
        time, states = interface(
            ball, ball.start(), torch.zeros((), **DOUBLE), event_fn=ball.touches, atol=1e-9, rtol=1e-9, **settings
        )
        return time, states[1][-1], *torch.autograd.grad(time + states[1][-1].sum(), [*ball.parameters()])

    if options:  # of fixed steps, which have no tolerances
        time, states = adapted.odeint_event(
            ball, ball.start(), torch.zeros((), **DOUBLE), event_fn=ball.touches, method=method, options=options
        )
        got = time, states[1][-1], *torch.autograd.grad(time + states[1][-1].sum(), [*ball.parameters()])
    else:
        got = found(adapted.odeint_event, method=method)
    assert got[0].item() == pytest.approx((2 * 9.8 / 9.8) ** 0.5, rel=1e-6)  # after a fall of 9.8
    for one, other in zip(got, found(native.odeint_event, method="dopri5"), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_the_first_of_several_events_backwards_in_time_and_none() -> None:
    def falls(t: Tensor, y: Tensor) -> Tensor:
        return -torch.ones_like(y)

    def either(t: Tensor, y: Tensor) -> Tensor:
        return torch.stack((y[0] - 1.5, 1.2 - y[0]))

    y0, t = torch.tensor([1.3], **DOUBLE), torch.tensor([0.0, -1.0], **DOUBLE)
    event_t, states = adapted.odeint(falls, y0, t, method=AdaptiveDopri5(), event_fn=either)
    assert float(event_t) == pytest.approx(-0.2)
    assert float(states[-1]) == pytest.approx(1.5)
    with pytest.raises(ValueError, match="no event until"):
        adapted.odeint(lambda t, y: 0 * y, y0, t, method=AdaptiveDopri5(), event_fn=lambda t, y: y)


def test_names_are_torchdiffeqs_and_solvers_may_be_given_one() -> None:
    f, solver = Spiral(), HyperMidpoint((2,)).double()
    torch.testing.assert_close(adapted.odeint(f, Y0, T, method="rk4"), native.odeint(f, Y0, T, method="rk4"))
    with adapted.registered("hyper_midpoint", solver), adapted.registered("ours", AdaptiveDopri5()):
        own = native.odeint(f, Y0, T, method="hyper_midpoint", options={"step_size": 0.0125})
        falling = native.odeint_event(
            Ball(), Ball().start(), T[0], event_fn=Ball().touches, method="ours", atol=1e-9, rtol=1e-9
        )
        back = native.odeint_adjoint(f, Y0, T, method="hyper_midpoint", adjoint_method="dopri5")
        torch.autograd.grad(back.sum(), [*f.parameters()])
    assert falling[0].item() == pytest.approx(2**0.5, rel=1e-6)
    torch.testing.assert_close(own, native.odeint(f, Y0, T, method="midpoint", options={"step_size": 0.0125}))
    with pytest.raises(ValueError, match='Invalid method "hyper_midpoint"'):
        native.odeint(f, Y0, T, method="hyper_midpoint")
    with pytest.raises(ValueError, match="has a method 'rk4' already"), adapted.registered("rk4", solver):
        pass


def test_free_parameters_stops_and_seminorms_reach_the_solver() -> None:
    f = Spiral()
    alpha = {
        alpha: adapted.odeint(f, Y0, T, method=HyperAlpha((2,)).double(), options={"alpha": alpha})
        for alpha in (0.4, 1.0)
    }
    assert not torch.equal(alpha[0.4], alpha[1.0])
    stepped = adapted.odeint(
        f, Y0, T, method=AdaptiveDopri5(), options={"jump_t": torch.tensor([0.3]), "max_step": 0.1}
    )
    torch.testing.assert_close(stepped, native.odeint(f, Y0, T), rtol=1e-2, atol=1e-2)
    adjoint = adapted.odeint_adjoint(f, Y0, T, method=AdaptiveDopri5(), adjoint_options={"norm": "seminorm"})
    adjoint.sum().backward()
    assert f.matrix.grad is not None


@pytest.mark.parametrize(
    ("interface", "method", "settings", "error", "match"),
    [
        (
            adapted.odeint,
            HyperMidpoint((2,)).double(),
            {"rtol": 1e-3},
            TypeError,
            "HyperMidpoint.*'rtol': it takes fixed",
        ),
        (
            adapted.odeint,
            HyperMidpoint((2,)).double(),
            {"options": {"perturb": True}},
            TypeError,
            "steps, step_size, not",
        ),
        (
            adapted.odeint,
            AdaptiveDopri5(),
            {"options": {"step_size": 0.1}},
            TypeError,
            "AdaptiveDopri5 takes the options",
        ),
        (adapted.odeint, Spaced(), {"options": {"steps": 3}}, TypeError, "Spaced takes the options"),
        (adapted.odeint, ABM4(), {"options": {"steps": 3, "step_size": 0.1}}, ValueError, "give one"),
        (adapted.odeint, ABM4(), {"options": {"step_size": -1}}, ValueError, "must be positive"),
        (adapted.odeint_adjoint, AdaptiveDopri5(), {"adjoint_rtol": 1e-3}, ValueError, "leave adjoint_rtol out"),
        (adapted.odeint_adjoint, AdaptiveDopri5(), {"event_fn": min}, ValueError, "knows no events"),
        (adapted.odeint_adjoint, AdaptiveDopri5(), {"adjoint_options": {"norm": max}}, ValueError, "solver's own"),
        (adapted.odeint, ABM4(), {"event_fn": lambda t, y: y[0, 0]}, ValueError, "one|start"),
        (adapted.odeint, PerSampleDopri5(), {"event_fn": min}, ValueError, "start"),
    ],
)
def test_what_is_not_taken_is_said(interface: Any, method: Any, settings: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        interface(Spiral(), Y0, T, method=method, **settings)


@pytest.mark.parametrize(
    ("times", "says"),
    [([0.0, 1.0, 0.5], "must ascend or descend"), ([], "one or more times"), (0.0, "one or more times")],
)
def test_times_are_looked_at_where_a_solve_is_made_of_several(times: Any, says: str) -> None:
    t, midpoint = torch.tensor(times), HyperMidpoint((2,)).double()
    with pytest.raises(ValueError, match=says):
        adapted.odeint_adjoint(Spiral(), Y0, t, method=midpoint)
    if len(t.shape) and len(t) > 1:
        with pytest.raises(ValueError, match=says):
            adapted.odeint(Spiral(), Y0, t, method=midpoint, options={"step_size": 0.1})
