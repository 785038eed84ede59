"""The generated training loop: exact targets, a smaller error, and nothing else changed."""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from hyperdsl.training.measured import HELD_OUT
from hyperdsl.training.run import Run
from hyperdsl.training.settings import OutcomeWarning
from hyperdsl.training.targets import DRAWS, mixed, places_of

SPAN = (0.0, 4.0)


def pendulum(s: Tensor, z: Tensor) -> Tensor:
    """A driven pendulum: nonlinear and non-autonomous."""
    return torch.stack((z[..., 1], -2 * torch.sin(z[..., 0]) + 0.3 * torch.cos(s)), dim=-1)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(batch, 2, generator=generator, dtype=torch.float64) - 1


def made(train: ModuleType, name: str, *arguments: Any) -> Any:
    torch.manual_seed(0)
    return getattr(train, name)(*(arguments or ((2,),))).double()


def fit(train: ModuleType, solver: Any, f: Any = pendulum, draw: Any = sample, span: Any = SPAN, **options: Any) -> Any:
    return train.fit(solver, f, draw, span, progress=False, **options)


def middle(history: Any) -> float:
    return list(history.delta.values())[len(history.delta) // 2]


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layer = nn.Linear(2, 2)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return torch.tanh(self.layer(z))


def recorded(train: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, solver: Any, **options: Any) -> Any:
    """The objective of the class `name` that a fit makes; what its one iteration does to the weights is undone."""
    found: list[Any] = []
    before = [weight.detach().clone() for weight in solver.parameters()]
    made_by = Run._objective
    monkeypatch.setattr(Run, "_objective", lambda *arguments: found.append(made_by(*arguments)) or found[-1])
    fit(train, solver, **{"iterations": 1} | options)
    with torch.no_grad():
        for weight, value in zip(solver.parameters(), before, strict=True):
            weight.copy_(value)
    return next(one for one in found if type(one).__name__ == name)


@pytest.mark.parametrize("name", ["HyperEuler", "HyperHeun"])
@pytest.mark.parametrize("span", [SPAN, (4.0, 0.0)])
def test_targets_are_exact(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, span: tuple[float, float]
) -> None:
    solver = made(train, name)
    rows = recorded(train, monkeypatch, "Residuals", solver, span=span).rows
    eps, s, x, z, dz = rows.inputs
    assert x is None
    assert torch.equal(torch.stack([pendulum(*pair) for pair in zip(s, z, strict=True)]), dz)
    assert bool((eps.sign() == math.copysign(1, span[1] - span[0])).all())
    assert bool((torch.minimum(s, s + eps) >= -1e-12).all())
    assert bool((torch.maximum(s, s + eps) <= 4 + 1e-12).all())
    assert 0.1 <= float(eps.abs().min()) < 0.11  # the span over 40 steps
    assert 1.8 < float(eps.abs().max()) <= 2.0  # and over 2
    for row in range(0, len(s), 37):
        start, end = float(s[row]), float(s[row] + eps[row])
        end_state = solve_ivp(
            lambda time, state: pendulum(torch.tensor(time), torch.tensor(state)).numpy(),
            (start, end),
            z[row].numpy(),
            method="DOP853",
            rtol=1e-13,
            atol=1e-13,
        ).y[:, -1]
        base = solver.base(pendulum, s[row], None, z[row], eps[row])[0].numpy()
        expected = (end_state - base) / float(eps[row]) ** (solver.order + 1)
        assert np.abs(rows.target[row].numpy() - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("name", ["HyperEuler", "HyperHeun"])
def test_a_short_training_shrinks_the_error(train: ModuleType, name: str) -> None:
    history = fit(train, made(train, name))
    assert len(history.loss) == 300
    assert sum(history.loss[-20:]) < 0.6 * sum(history.loss[:20])
    assert middle(history) < 0.25
    assert max(history.target_error.values()) < 1e-4
    assert len(history.delta) == HELD_OUT


def test_delta_is_the_quotient_of_local_errors(train: ModuleType) -> None:
    solver = made(train, "HyperEuler")
    history = fit(train, solver, iterations=150)
    eps, delta = list(history.delta.items())[4]
    assert eps == pytest.approx(math.sqrt(0.1 * 2.0))
    generator = torch.Generator().manual_seed(5)
    step, errors, base_errors = torch.tensor(eps, dtype=torch.float64), [], []
    for start in torch.linspace(0, 4 - eps, 8, dtype=torch.float64):
        z = sample(64, generator)
        z = solved(z, 0.0, float(start))
        base, seen = solver.base(pendulum, start, None, z, step)
        exact = solved(z, float(start), float(start) + eps)
        with torch.no_grad():
            errors.append((base + step**2 * solver.corrector(step, start, None, z, *seen) - exact).norm(dim=1))
        base_errors.append((base - exact).norm(dim=1))
    measured = float(torch.cat(errors).median() / torch.cat(base_errors).median())
    assert measured == pytest.approx(delta, rel=0.35)


def solved(z: Tensor, start: float, end: float) -> Tensor:
    """z at `end`, by 200 steps of the classical method."""
    h = torch.tensor((end - start) / 200, dtype=torch.float64)
    for k in range(200):
        s = start + k * h
        k1 = pendulum(s, z)
        k2 = pendulum(s + h / 2, z + h / 2 * k1)
        k3 = pendulum(s + h / 2, z + h / 2 * k2)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + pendulum(s + h, z + h * k3))
    return z


def test_nothing_else_is_changed(train: ModuleType) -> None:
    f = Network()
    before = copy.deepcopy(f.state_dict())
    random = torch.get_rng_state()
    solver = made(train, "HyperEuler").eval()
    random = torch.get_rng_state()
    fit(train, solver, f, iterations=20)
    assert torch.equal(torch.get_rng_state(), random)
    assert not solver.corrector.training
    assert all(value.grad is None and value.dtype == torch.float32 for value in f.parameters())
    assert all(torch.equal(value, before[name]) for name, value in f.state_dict().items())


def test_a_seed_repeats_the_training(train: ModuleType) -> None:
    runs = []
    for seed in (3, 3, 4):
        solver = made(train, "HyperEuler")
        torch.rand(seed)  # another global state
        history = fit(train, solver, iterations=20, seed=seed)
        runs.append((history.loss, history.delta, solver.corrector.last.weight.tolist()))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def still(train: ModuleType) -> Any:
    """Settings with which nothing is learned."""
    return replace(train.SETTINGS[train.HyperEuler], learning_rate=0.0, iterations=1)


def test_a_training_that_learns_nothing_measures_the_base(train: ModuleType) -> None:
    solver = made(train, "HyperEuler")
    with pytest.warns(OutcomeWarning, match=r"training did not help for ε from 0\.1 to 2 \(δ = 1\)"):
        history = fit(train, solver, settings=still(train))
    assert set(history.delta.values()) == {1.0}
    assert history.slope == pytest.approx(2, abs=0.3)


def test_training_goes_on_from_where_it_was(train: ModuleType) -> None:
    solver = made(train, "HyperEuler")
    fit(train, solver)
    before = copy.deepcopy(solver.state_dict())
    fit(train, solver, settings=still(train), seed=9)
    assert all(torch.equal(value, before[name]) for name, value in solver.state_dict().items())
    first = fit(train, solver, iterations=1, seed=9)
    assert torch.equal(solver.corrector.mean, before["corrector.mean"])
    assert first.loss[0] < 0.5


def test_reverse_time(train: ModuleType) -> None:
    history = fit(train, made(train, "HyperEuler"), span=(4.0, 0.0))
    assert all(eps < 0 for eps in history.delta)
    assert middle(history) < 0.3
    assert history.slope == pytest.approx(2, abs=0.6)


def test_fields_that_read_x(train: ModuleType) -> None:
    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return x[:, :1] * pendulum(s, z) + x[:, 1:]

    def draw(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.rand(batch, 2, generator=generator)  # float32: cast beside the states
        return sample(batch, generator), torch.stack((1 + x[:, 0], 0.1 * x[:, 1]), 1)

    history = fit(train, made(train, "HyperEuler"), f, draw)
    assert middle(history) < 0.3


def test_complex_states(train: ModuleType) -> None:
    class Outside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(4, 32), nn.SiLU(), nn.Linear(32, 2))

        def forward(self, eps: Tensor, s: Tensor, x: None, z: Tensor, dz: Tensor) -> Tensor:
            flat = torch.cat((torch.view_as_real(z).flatten(1), s[:, None], eps[:, None]), 1)
            return torch.view_as_complex(self.layers(flat)).unsqueeze(1)

    def f(s: Tensor, z: Tensor) -> Tensor:
        assert not s.is_complex()
        return (2j - 0.3 * z.abs() ** 2) * z

    def draw(batch: int, generator: torch.Generator) -> Tensor:
        return torch.view_as_complex(sample(batch, generator)).unsqueeze(1).to(torch.complex64)

    history = fit(train, made(train, "Mine", Outside()).float(), f, draw)
    assert middle(history) < 0.5
    assert max(history.target_error.values()) < 1e-4


def test_a_free_parameter_is_drawn(train: ModuleType) -> None:
    solver = made(train, "HyperAlpha")
    drawn: list[float] = []
    base = solver.base

    def recorded(f: Any, s: Tensor, x: Any, z: Tensor, eps: Tensor, alpha: Tensor) -> Any:
        assert alpha.ndim == 0
        drawn.append(float(alpha))
        return base(f, s, x, z, eps, alpha)

    solver.base = recorded
    history = fit(train, solver)
    assert 0.3 <= min(drawn) < 0.4
    assert 0.9 < max(drawn) <= 1
    assert middle(history) < 0.4


def test_a_group_has_several_values_of_a_free_parameter(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    solver = made(train, "HyperAlpha")
    rows = recorded(train, monkeypatch, "Residuals", solver).rows
    alpha, draws = rows.parameters()["alpha"], DRAWS
    groups = [(rows.inputs[0] == eps).nonzero()[:, 0] for eps in rows.inputs[0].unique()]
    for group in groups:
        values = ((alpha[group].unique() - 0.3) / 0.7 * draws).sort().values
        assert torch.equal(values.floor(), torch.arange(draws, dtype=values.dtype))  # one in each part of the range
        assert len(rows.inputs[1][group].unique()) == 1
    assert len(alpha.unique()) == len(groups) * draws
    for row in range(0, len(alpha), 211):
        eps, s, z = (rows.inputs[k][row] for k in (0, 1, 3))
        end = z
        for k in range(200):
            end = train._rk4_step(pendulum, s + k * eps / 200, end, eps / 200)
        base = solver.base(pendulum, s, None, z, eps, alpha=alpha[row])[0]
        assert torch.allclose(rows.target[row], (end - base) / eps**3, rtol=1e-5, atol=1e-5)


def test_an_external_corrector(train: ModuleType) -> None:
    class Outside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(6, 32), nn.SiLU(), nn.Linear(32, 2))

        def forward(self, eps: Tensor, s: Tensor, x: None, z: Tensor, dz: Tensor) -> Tensor:
            return self.layers(torch.cat((z, dz, s[:, None], eps[:, None]), 1))

    history = fit(train, made(train, "Mine", Outside()))
    assert middle(history) < 0.4


def test_float32_targets_are_warned_of(train: ModuleType) -> None:
    matrix = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])

    def f(s: Tensor, z: Tensor) -> Tensor:
        return torch.tanh(z @ matrix)

    def draw(batch: int, generator: torch.Generator) -> Tensor:
        return sample(batch, generator).float()

    solver = made(train, "HyperHeun").float()
    settings = replace(train.SETTINGS[train.HyperHeun], steps=None, eps=(0.01, 1.0))
    with pytest.warns(
        train.FitWarning, match=r"float32 \(f does not take torch\.float64\) are off by up to \d+\.\d+%"
    ) as seen:
        history = fit(train, solver, f, draw, iterations=10, settings=settings)
    assert seen[0].filename == __file__
    assert history.target_error[min(history.target_error)] > 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module = fit(train, made(train, "HyperHeun").float(), Network(), draw, iterations=10, settings=settings)
    assert max(module.target_error.values()) < 1e-4


def test_the_error_of_targets_falls_with_substeps(train: ModuleType) -> None:
    settings = train.SETTINGS[train.HyperEuler]
    errors = [
        max(
            fit(
                train, made(train, "HyperEuler"), iterations=1, settings=replace(settings, substeps=n)
            ).target_error.values()
        )
        for n in (4, 8)
    ]
    assert 8 < errors[0] / errors[1] < 32  # the fourth order of the reference
    with pytest.warns(train.FitWarning, match="targets by 1 substeps"):
        fit(train, made(train, "HyperEuler"), iterations=1, settings=replace(settings, substeps=1))


def test_targets_beyond_the_bound_are_warned_of(train: ModuleType) -> None:
    with pytest.warns(train.FitWarning, match=r"beyond the corrector's bound, 2; the largest is \d"):
        fit(train, made(train, "Bounded"), lambda s, z: 5 * pendulum(s, z), span=(0.0, 1.0), iterations=1)


def test_states_follow_their_shares(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    z = torch.zeros(100, 2, dtype=torch.float64)
    trajectories = torch.randn(3, 50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    shares = train.SETTINGS[train.HyperEuler].states
    low, high = torch.tensor([[2.0, 3.0], [4.0, 5.0]], dtype=torch.float64)
    found = mixed(z, shares, places_of(trajectories, shares, (low, high)), generator)
    assert found.shape == z.shape
    assert not found[:60].any()
    assert 0.02 < float(found[60:80].std()) < 0.1
    assert bool(((found[80:] >= low) & (found[80:] <= high)).all())


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"span": (0.0, 0.0)}, ValueError, "span of some length"),
        ({"settings": {"steps": None, "eps": (0.1, 9.0)}}, ValueError, "do not fit a span of length 4"),
        ({"f": lambda s, z: 100 * z**3}, ValueError, "is finite"),
        ({"draw": lambda batch, generator: torch.zeros(batch, 2, dtype=torch.int64)}, TypeError, "int64"),
    ],
)
def test_what_cannot_be_trained(train: ModuleType, change: dict[str, Any], error: type[Exception], text: str) -> None:
    if "settings" in change:
        change = change | {"settings": replace(train.SETTINGS[train.HyperEuler], **change["settings"])}
    with pytest.raises(error, match=text):
        fit(train, made(train, "HyperEuler"), **change)


def test_states_without_a_finite_solution_are_left_out(train: ModuleType) -> None:
    def f(s: Tensor, z: Tensor) -> Tensor:
        return torch.where(z.abs() > 1.5, torch.inf, -z)

    box = (torch.full((2,), -2.0), torch.full((2,), 2.0))
    with pytest.warns(train.FitWarning, match=r"of \d+ training states \d+ have no finite solution"):
        history = fit(train, made(train, "HyperEuler"), f, box=box, iterations=100)
    assert middle(history) < 1


def test_outliers_do_not_set_the_scale(train: ModuleType) -> None:
    def f(s: Tensor, z: Tensor) -> Tensor:
        return torch.where(z.abs() > 3.5, 1e9 * z.cos(), pendulum(s, z))

    box = (torch.full((2,), -4.0), torch.full((2,), 4.0))
    with pytest.warns(train.FitWarning, match=r"and [1-9]\d* a target over 1000 times the median: left out"):
        history = fit(train, made(train, "HyperEuler"), f, box=box)
    assert middle(history) < 0.4
