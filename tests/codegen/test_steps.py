"""Generated steps against the textbook's loop, and what they promise to callers."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.compiler import library_method
from hyperdsl.theory.runge_kutta.tableau import Tableau

Build = Callable[[str], ModuleType]

LOW = ("euler", "midpoint", "heun", "ralston2", "ralston3", "ralston4", "kutta3", "rk4", "rk38", "ssprk33")
LIBRARY = (*LOW, "ssprk54", "bosh3", "fehlberg45", "cash_karp", "dopri5", "tsit5", "dopri8")


class Counted:
    """A non-autonomous vector field that counts its evaluations and remembers the times it saw."""

    def __init__(self, f: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.f = f
        self.times: list[float] = []

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        assert s.ndim == 0
        assert s.dtype == z.dtype.to_real()
        self.times.append(float(s))
        return self.f(s, z)


def field(s: Tensor, z: Tensor) -> Tensor:
    return torch.sin(3 * s) * z.roll(1, -1) + torch.cos(z) * (1 + s)


def doubled(solver: nn.Module) -> Any:
    """In float64, with weights that are not zero."""
    solver = solver.double()
    with torch.no_grad():
        for weight in solver.parameters():
            weight.normal_()
    return solver


def textbook(tableau: Tableau, f: Callable[[Tensor, Tensor], Tensor], s: float, z: Tensor, eps: float) -> Tensor:
    """One step by the definition, with every coefficient the nearest double."""
    stages: list[Tensor] = []
    for row, c in zip(tableau.a, tableau.c, strict=True):
        moved = z + eps * sum((float(a) * k for a, k in zip(row, stages, strict=False)), torch.zeros_like(z))
        stages.append(f(torch.tensor(s + float(c) * eps, dtype=torch.float64), moved))
    return z + eps * sum((float(b) * k for b, k in zip(tableau.weights[0], stages, strict=True)), torch.zeros_like(z))


@pytest.fixture(scope="module")
def library(build: Build) -> ModuleType:
    return build("".join(f"solver A_{name} {{\n    base {name}\n}}\n" for name in LIBRARY))


@pytest.mark.parametrize("name", LIBRARY)
def test_a_step_is_the_textbooks(library: ModuleType, name: str) -> None:
    method = library_method(name)
    assert method is not None
    tableau = method.tableau
    solver = getattr(library, "A" + "".join(part.capitalize() for part in name.split("_")))()
    largest = max(abs(float(value)) for row in tableau.rows for value in row)
    z = torch.randn(64, 3, dtype=torch.float64)
    for s, eps in ((0.3, 0.25), (1.0, -0.125)):
        f = Counted(field)
        step = solver.step(f, s, z, eps)
        assert len(f.times) == solver.evaluations_per_step
        error = float((step - textbook(tableau, field, s, z, eps)).abs().max())
        assert error <= 2e-15 * tableau.stages * max(1, largest) * float(z.abs().max())


def test_stage_times_are_within_the_step(everything: ModuleType) -> None:
    """A stage sees s + c·ε, not s + c."""
    f = Counted(field)
    everything.HyperBosh((3,)).double().step(f, 2.0, torch.ones(3, dtype=torch.float64), 0.1)
    assert f.times == pytest.approx([2.0, 2.05, 2.075], abs=1e-12)


def test_the_first_stage_is_not_evaluated_again(everything: ModuleType) -> None:
    for solver in (everything.HyperEuler((3,)), everything.HyperHeun((3,)), everything.Mine(nn.Identity())):
        solver.corrector.forward = lambda eps, s, x, z, dz: dz
        f = Counted(field)
        solver.step(f, 0.0, torch.ones(3), 0.5)
        assert f.times.count(0.0) == 1
        assert len(f.times) == solver.evaluations_per_step


def test_dz_is_paid_for_where_no_stage_is_that(everything: ModuleType) -> None:
    f = Counted(field)
    solver = everything.Late((3,))
    seen: list[Tensor] = []
    solver.corrector.forward = lambda eps, s, x, z, dz: seen.append(dz) or dz
    z = torch.ones(3)
    solver.step(f, 0.0, z, 0.5)
    assert len(f.times) == solver.evaluations_per_step == 3
    assert torch.equal(seen[0], field(torch.tensor(0.0), z))


def test_the_power_is_the_order_and_not_the_number_of_stages(everything: ModuleType) -> None:
    """bosh3 has four stages and order 3."""
    solver = everything.HyperBosh((3,)).double()
    solver.corrector.forward = lambda eps, s, x, z, dz: torch.ones_like(z)
    z = torch.zeros(3, dtype=torch.float64)
    for eps in (0.5, -0.25):
        moved = solver.step(field, 0.0, z, eps) - solver.base_step(field, 0.0, z, eps)
        assert torch.allclose(moved, torch.full_like(z, eps**4), rtol=1e-12)
    assert (solver.order, solver.residual_power) == (3, 4)


@pytest.mark.parametrize("name", ["HyperEuler", "HyperHeun", "HyperBosh", "Late"])
def test_an_untrained_corrector_leaves_the_bits_alone(everything: ModuleType, name: str) -> None:
    solver = getattr(everything, name)((3,))
    z = torch.randn(7, 3)
    assert torch.equal(solver.step(field, 0.1, z, 0.2), solver.base_step(field, 0.1, z, 0.2))


@pytest.mark.parametrize("name", ["HyperEuler", "HyperHeun", "HyperBosh", "Late"])
def test_a_bounded_corrector_stays_within_its_bound(everything: ModuleType, name: str) -> None:
    solver = doubled(getattr(everything, name)((3,)))
    z = torch.randn(50, 3, dtype=torch.float64)
    for eps in (0.5, -0.1):
        moved = solver.step(field, 0.1, z, eps) - solver.base_step(field, 0.1, z, eps)
        assert 0 < float(moved.detach().abs().max()) <= 1.5 * abs(eps) ** solver.residual_power + 1e-14


def test_calls_march_over_a_grid(everything: ModuleType) -> None:
    solver = doubled(everything.HyperHeun((3,)))
    z = torch.randn(5, 3, dtype=torch.float64)
    expected = z
    for k in range(4):
        expected = solver.step(field, 1.0 - 0.25 * k, expected, -0.25)
    end = solver(field, z, (1.0, 0.0), 4)
    assert torch.allclose(end, expected, rtol=1e-14)
    states = solver.odeint(field, z, torch.tensor([1.0, 0.5, 0.0]), steps=2)
    assert states.shape == (3, 5, 3)
    assert torch.equal(states[0], z)
    assert torch.allclose(states[2], end, rtol=1e-14)
    assert solver.odeint(field, z, [0.1]).shape == (1, 5, 3)


def test_times_keep_their_digits(everything: ModuleType) -> None:
    f = Counted(field)
    everything.Dopri5().odeint(f, torch.ones(3, dtype=torch.float64), [0.1, 0.7])
    assert f.times[0] == 0.1


@pytest.mark.parametrize("batch", [(), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_batches_and_complex_states(everything: ModuleType, batch: tuple[int, ...], dtype: torch.dtype) -> None:
    z = torch.randn(*batch, 3, dtype=dtype)
    solver = doubled(everything.HyperHeun((3,)))
    end = solver.step(field, 0.1, z, 0.2)
    assert end.shape == z.shape
    assert end.dtype == dtype
    solver = doubled(everything.HyperReading((3,), (2, 2)))
    end = solver.step(lambda s, x, z: field(s, z), 0.1, z, 0.2, x=torch.randn(*batch, 2, 2, dtype=torch.float64))
    assert end.shape == z.shape
    solver = doubled(everything.HyperConv((2, 5, 4), (1, 5, 4)))
    z, x = torch.randn(*batch, 2, 5, 4, dtype=dtype), torch.randn(*batch, 1, 5, 4, dtype=torch.float64)
    assert solver.step(lambda s, x, z: z + x * s, 0.1, z, 0.2, x=x).shape == z.shape


def test_rows_of_a_batch_do_not_meet(everything: ModuleType) -> None:
    solver = doubled(everything.HyperHeun((2, 2)))
    z = torch.randn(3, 4, 2, 2, dtype=torch.float64)
    whole = solver.step(field, 0.1, z, 0.2)
    assert torch.allclose(whole[1, 2], solver.step(field, 0.1, z[1, 2], 0.2), rtol=1e-12)
    scalars = doubled(everything.HyperEuler(()))
    z = torch.randn(6, dtype=torch.float64)
    one = scalars.step(lambda s, z: z, 0.1, z[3], 0.2)
    assert torch.allclose(scalars.step(lambda s, z: z, 0.1, z, 0.2)[3], one, rtol=1e-12)


def test_a_complex_state_is_its_parts(everything: ModuleType) -> None:
    """The same network serves the real and the imaginary part."""
    g = doubled(everything.Small((3,)))
    z, dz = torch.randn(2, 5, 3, dtype=torch.complex128)
    eps, s = torch.tensor([0.1, 0.2], dtype=torch.float64)
    both = g(eps, s, None, z, dz)
    assert torch.allclose(both.real, g(eps, s, None, z.real, dz.real))
    assert torch.allclose(both.imag, g(eps, s, None, z.imag, dz.imag))


def test_scalars_may_differ_in_a_batch(everything: ModuleType) -> None:
    g = doubled(everything.Small((3,)))
    z, dz = torch.randn(2, 5, 3, dtype=torch.float64)
    eps, s = torch.rand(2, 5, dtype=torch.float64)
    rows = g(eps, s, None, z, dz)
    for k in range(5):
        assert torch.allclose(rows[k], g(eps[k], s[k], None, z[k], dz[k]))


def test_free_parameters_are_required_and_in_range(everything: ModuleType) -> None:
    z = torch.ones(3, dtype=torch.float64)
    for solver in (doubled(everything.HyperAlpha((3,))), everything.Alpha()):
        calls: list[Callable[..., Any]] = [
            lambda solver=solver, **given: solver(field, z, (0.0, 1.0), 2, **given),
            lambda solver=solver, **given: solver.odeint(field, z, [0.0, 1.0], **given),
            lambda solver=solver, **given: solver.step(field, 0.0, z, 0.1, **given),
            lambda solver=solver, **given: solver.base_step(field, 0.0, z, 0.1, **given),
        ]
        for call in calls:
            with pytest.raises(TypeError, match="alpha"):
                call()
            for outside in (1.001, 0.05, math.nan):
                with pytest.raises(ValueError, match="alpha"):
                    call(alpha=outside)
            assert torch.equal(call(alpha=0.7), call(alpha=torch.tensor(0.7, dtype=torch.float64)))
            assert not torch.equal(call(alpha=0.7), call(alpha=1))


def test_a_family_is_its_members(everything: ModuleType) -> None:
    z = torch.randn(9, 3, dtype=torch.float64)
    for name, alpha in (("heun", 1.0), ("midpoint", 0.5), ("ralston2", 2 / 3)):
        method = library_method(name)
        assert method is not None
        step = everything.Alpha().step(field, 0.2, z, 0.1, alpha=alpha)
        assert torch.allclose(step, textbook(method.tableau, field, 0.2, z, 0.1), rtol=0, atol=1e-14)
    ralston3 = library_method("ralston3")
    assert ralston3 is not None
    step = everything.Third().step(field, 0.2, z, 0.1)
    assert torch.allclose(step, textbook(ralston3.tableau, field, 0.2, z, 0.1), rtol=0, atol=1e-14)


def test_integers_are_refused_before_any_evaluation(everything: ModuleType) -> None:
    z = torch.ones(3, dtype=torch.long)
    for solver in (everything.HyperHeun((3,)), everything.Dopri5()):
        f = Counted(field)
        for call in (
            lambda solver=solver, f=f: solver(f, z, (0.0, 1.0), 1),
            lambda solver=solver, f=f: solver.odeint(f, z, [0.0, 1.0]),
            lambda solver=solver, f=f: solver.step(f, 0.0, z, 0.1),
            lambda solver=solver, f=f: solver.base_step(f, 0.0, z, 0.1),
        ):
            with pytest.raises(TypeError, match="int64"):
                call()
        assert not f.times


@pytest.mark.parametrize("steps", [0, -1])
def test_steps_are_positive(everything: ModuleType, steps: int) -> None:
    with pytest.raises(ValueError, match="steps"):
        everything.Dopri5()(field, torch.ones(3), (0.0, 1.0), steps)


def test_tuples_are_states_where_there_is_no_corrector(everything: ModuleType) -> None:
    solver = everything.Dopri5()
    a, b = torch.randn(4, 3, dtype=torch.float64), torch.randn(2, dtype=torch.float64)

    def f(s: Tensor, z: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return field(s, z[0]), z[1].sin() + s

    end = solver(f, (a, b), (0.0, 1.0), 3)
    assert torch.allclose(end[0], solver(field, a, (0.0, 1.0), 3), rtol=1e-14)
    assert torch.allclose(end[1], solver(lambda s, z: z.sin() + s, b, (0.0, 1.0), 3), rtol=1e-14)
    states = solver.odeint(f, (a, b), [0.0, 0.5, 1.0])
    assert (states[0].shape, states[1].shape) == ((3, 4, 3), (3, 2))
    assert torch.equal(states[0][0], a)
    with pytest.raises(TypeError):
        solver.step(f, 0.0, (a, torch.ones(2, dtype=torch.long)), 0.1)
    with pytest.raises(TypeError):
        solver.step(f, 0.0, (torch.ones(3, dtype=torch.long), torch.ones(2, dtype=torch.long)), 0.1)


def test_failures_say_where(everything: ModuleType) -> None:
    z = torch.ones(3, dtype=torch.float64)

    def f(s: Tensor, z: Tensor) -> Tensor:
        return z / (s < 0.5)

    solver = everything.HyperHeun((3,)).double()
    with pytest.raises(everything.SolveError, match="not finite at s = 1") as caught:
        solver(f, z, (0.0, 1.0), 4)
    error = caught.value
    assert (error.status, error.s, error.step, error.evaluations) == (everything.Status.NONFINITE, 1.0, 0.25, 8)
    assert not error.solution.isfinite().all()
    with pytest.raises(everything.SolveError) as caught:
        solver.odeint(f, z, [0.0, 0.25, 1.0])
    assert caught.value.solution.shape == (3, 3)
    assert not solver(f, z, (0.0, 1.0), 4, check=False).isfinite().all()
    assert not solver.step(f, 0.9, z, 0.1).isfinite().all()


def test_the_user_s_network_is_called_as_documented(everything: ModuleType) -> None:
    calls: list[tuple[Any, ...]] = []

    class G(nn.Module):
        def forward(self, *arguments: Any) -> Tensor:
            calls.append(arguments)
            return torch.ones(3)

    z, x = torch.ones(3), torch.zeros(2)
    solver = everything.Mine(corrector=G())
    solver.step(field, 0.5, z, 0.25)
    eps, s, given, state, dz = calls[0]
    assert (float(eps), float(s), given) == (0.25, 0.5, None)
    assert torch.equal(state, z)
    assert torch.equal(dz, field(torch.tensor(0.5), z))
    solver.step(lambda s, x, z: field(s, z), 0.5, z, 0.25, x=x)
    assert calls[1][2] is x


def test_x_is_read_where_the_corrector_wants_it(everything: ModuleType) -> None:
    solver = everything.HyperReading((3,), (2,))
    with pytest.raises(TypeError, match="x="):
        solver.step(field, 0.0, torch.ones(3), 0.1)
    with pytest.raises(ValueError, match="inputs"):
        everything.HyperConv((2, 5, 4), (1, 4, 4))
    with pytest.raises(ValueError, match="channels"):
        everything.HyperConv((3,), (1, 4, 4))


def test_normalisation_is_fitted_and_kept(everything: ModuleType) -> None:
    g = everything.Small((2,)).double()
    z, dz, target = torch.randn(3, 500, 2, dtype=torch.float64) * torch.tensor([3.0, 0.1])
    z[:, 1] = 7.0
    size = torch.rand(500, 1, dtype=torch.float64) + 0.1
    dz *= size / dz.square().mean(1, keepdim=True).sqrt()
    eps, s = torch.rand(2, 500, dtype=torch.float64) + 0.1
    g.normalise(target * size, eps, s, None, z, dz)
    features = (g._read(g.reads, g._values(eps, s, None, z, (dz,), {}), z) - g.mean) / g.spread
    assert torch.allclose(features.mean(0), torch.zeros(7, dtype=torch.float64), atol=1e-12)  # log|dz| is the last
    assert torch.allclose(features.std(0, correction=0)[[0, 2, 3, 4, 5, 6]], torch.ones(6, dtype=torch.float64))
    assert torch.equal(features[:, 1], torch.zeros(500, dtype=torch.float64))
    assert torch.allclose(g.scale, target.square().mean(0).sqrt())
    assert {"mean", "spread", "scale", "eps_range", "sizes", "kappa"} <= g.state_dict().keys()
    assert not g(eps, s, None, z, dz).any()


def test_steps_beyond_the_trained_range_do_not_extrapolate(everything: ModuleType) -> None:
    g = doubled(everything.Small((2,)))
    z, dz, target = torch.randn(3, 50, 2, dtype=torch.float64)
    eps = torch.linspace(-0.1, -0.5, 50, dtype=torch.float64)
    g.normalise(target, eps, eps, None, z, dz)
    s = torch.zeros((), dtype=torch.float64)

    def at(value: float) -> Tensor:
        term: Tensor = g(torch.tensor(value, dtype=torch.float64), s, None, z, dz)
        return term

    assert torch.equal(at(0.1), at(1e-30))
    assert torch.equal(at(0.1), at(0.0))
    assert torch.equal(at(0.5), at(9.0))
    assert not torch.equal(at(0.1), at(0.2))


def test_convolutional_normalisation_is_per_channel(everything: ModuleType) -> None:
    g = everything.Conv((2, 3, 3), (1, 3, 3)).double()
    z, dz, target = torch.randn(3, 40, 2, 3, 3, dtype=torch.float64)
    x = 5 + torch.randn(40, 1, 3, 3, dtype=torch.float64)
    eps, s = torch.rand(2, 40, dtype=torch.float64)
    g.normalise(target, eps, s, x, z, dz)
    features = (g._read(g.reads, g._values(eps, s, x, z, (dz,), {}), z) - g.mean) / g.spread
    assert torch.allclose(features.mean((0, 2, 3)), torch.zeros(7, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(features.std((0, 2, 3), correction=0), torch.ones(7, dtype=torch.float64))
    assert torch.allclose(g.scale.flatten(), target.square().mean((0, 2, 3)).sqrt())


def test_user_names_are_no_attributes(build: Build) -> None:
    """A method, corrector or parameter called like something of nn.Module's changes nothing there."""
    module = build("""
        method apply(train) {
            where 0 < train <= 1
            order 2
            tableau {
                0     |
                train | train
                ------+---------------------------
                      | 1 - 1/(2*train), 1/(2*train)
            }
        }
        corrector forward {
            inputs z, train
            layers linear(4), relu
        }
        hypersolver Made {
            base apply(train = 1/2 .. 1)
            corrector forward
        }
    """)
    solver = module.Made((2,))
    solver.train()
    solver.apply(lambda inner: None)
    assert solver.step(lambda s, z: z, 0.0, torch.ones(2), 0.1, train=0.5).shape == (2,)
