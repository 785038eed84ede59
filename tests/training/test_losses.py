"""The losses besides the residual's: rollouts, worst cases, and phases one after another."""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.training import stepping
from hyperdsl.training.settings import Trajectory
from tests.training.test_fit import Network, fit, made, middle, pendulum, recorded, sample, solved


def rollout_error(solver: Any, steps: int, eps: float) -> float:
    """The median distance from the solution after `steps` steps from unseen states."""
    z = sample(256, torch.Generator().manual_seed(77))
    with torch.no_grad():
        for k in range(steps):
            s, step = torch.tensor(k * eps, dtype=torch.float64), torch.tensor(eps, dtype=torch.float64)
            base, seen = solver.base(pendulum, s, None, z, step)
            z = base + step ** (solver.order + 1) * solver.corrector(step, s, None, z, *seen)
    exact = solved(sample(256, torch.Generator().manual_seed(77)), 0.0, steps * eps)
    return float((z - exact).norm(dim=1).median())


def test_paths_are_solutions(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = recorded(train, monkeypatch, "Rollouts", made(train, "Rolled"))
    eps, s, x, z = objective.rows.inputs[:4]
    assert x is None
    for row in range(0, len(z), 131):
        count = min(4, int((4.0 - float(s[row])) / float(eps[row]) + 1e-6))
        assert count >= 1
        for k in range(min(4, int(4.0 / float(eps[row]) + 1e-6))):
            end = float(s[row] + (k + 1) * eps[row])
            assert end <= 4 + 1e-9
            assert torch.allclose(objective.paths[row, k], solved(z[row], float(s[row]), end), atol=1e-6)


def test_the_loss_of_rollouts_is_their_distance(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    solver = made(train, "Rolled")
    objective = recorded(train, monkeypatch, "Rollouts", solver)
    rows, path = objective.taken(objective.blocks[3])
    with torch.no_grad():
        found = objective.distances(rows, path, objective.stepping.hyper)
    assert torch.equal(found, objective.base[3])  # g is zero still
    eps, s, z = (rows.inputs[k][0] for k in (0, 1, 3))
    for k in range(path.shape[1]):
        z = z + eps * pendulum(s + k * eps, z)
        distance = ((z - path[0, k]) / objective.deviation).norm() / 2**0.5
        assert float(found[0, k]) == pytest.approx(float(distance), rel=1e-9)


def test_trajectory_fitting_lowers_the_error_of_rollouts(train: ModuleType) -> None:
    solver = made(train, "Rolled")
    before = rollout_error(solver, 4, 0.3)
    history = fit(train, solver, iterations=150)
    assert rollout_error(solver, 4, 0.3) < 0.2 * before
    assert middle(history) < 0.5


def test_phases_follow_one_another(train: ModuleType) -> None:
    solver, plain = made(train, "Phased"), made(train, "HyperEuler")
    history = fit(train, solver)
    assert len(history.loss) == 300 + 60 + 5
    fit(train, plain)
    assert rollout_error(solver, 4, 0.3) < rollout_error(plain, 4, 0.3)


def test_rollouts_beyond_memory_keep_their_states_alone(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for the gradient grows by a state a step, whatever f and g keep inside a step."""

    def kept(steps: int, memory: int = 2**16) -> int:
        monkeypatch.setattr(stepping, "MEMORY", memory)
        settings = replace(train.SETTINGS[train.Rolled], loss=Trajectory(steps), steps=(40, 41), batch=256)
        objective = recorded(train, monkeypatch, "Rollouts", made(train, "Rolled"), settings=settings)
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.nbytes) or t, lambda t: t):
            objective(objective.units[:4])
        gc.collect()
        assert objective.stepping.recomputed == (memory < 2**20)
        return sum(sizes)

    short, long = kept(2), kept(12)
    states = 256 * 2 * 8
    assert (long - short) / 10 < 8 * states  # a step of g alone keeps 256 x 32 x 8 bytes more than once
    inside = 256 * 32 * 8
    assert kept(12, memory=2**30) - long > 10 * inside


def test_f_gets_no_gradients(train: ModuleType) -> None:
    f = Network().double()
    for name in ("Rolled", "Attacked"):
        fit(train, made(train, name), f.forward, iterations=3)  # a function, which is not copied
    fit(train, made(train, "Rolled"), f, iterations=3)
    assert all(value.grad is None and value.requires_grad for value in f.parameters())


def test_lost_rollouts_go_on_from_the_reference(train: ModuleType) -> None:
    def stiff(s: Tensor, z: Tensor) -> Tensor:
        return -60 * z**3

    settings = replace(train.SETTINGS[train.Rolled], steps=None, eps=(0.1, 0.5))
    history = fit(train, made(train, "Rolled"), stiff, settings=settings, span=(0.0, 2.0), iterations=20)
    assert all(loss < 1e3 for loss in history.loss)


def test_worst_cases_are_within_the_radius_and_worse(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    solver = made(train, "Attacked")
    fit(train, solver, iterations=128)
    objective = recorded(train, monkeypatch, "WorstCases", solver)
    group = len(objective.rows.target) // objective.targets.groups
    generator = torch.Generator().manual_seed(0)
    worse = 0.0
    for k in (0, 5, 11):
        clean = objective.rows.take(torch.arange(k * group, (k + 1) * group))
        worst = objective.worst(k * group, group, generator)
        moved = (worst.inputs[3] - clean.inputs[3]).abs() / objective.deviation
        assert 0.19 < float(moved.max()) <= 0.2 + 1e-9
        with torch.no_grad():
            worse += float(objective.losses(worst).mean() / objective.losses(clean).mean())
        eps, s, z = (worst.inputs[place][7] for place in (0, 1, 3))
        exact = (solved(z, float(s), float(s + eps)) - z - eps * pendulum(s, z)) / eps**2
        assert torch.allclose(worst.target[7], exact, atol=1e-4)
    assert worse / 3 > 1.3


def test_adversarial_training_helps_off_the_trajectories(train: ModuleType) -> None:
    solver = made(train, "Attacked")
    history = fit(train, solver)
    assert len(history.loss) == 100
    assert middle(history) < 0.6


@pytest.mark.parametrize("name", ["Rolled", "Attacked"])
def test_complex_states_reverse_time_and_inputs(train: ModuleType, name: str) -> None:
    class Outside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(4, 32), nn.SiLU(), nn.Linear(32, 2))

        def forward(self, eps: Tensor, s: Tensor, x: Tensor, z: Tensor, dz: Tensor) -> Tensor:
            scalars = torch.stack([value.expand(len(z)) for value in (eps, s)], 1)
            flat = torch.cat((torch.view_as_real(z).flatten(1), scalars), 1)
            return torch.view_as_complex(self.layers(flat)).unsqueeze(1)

    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return (2j - 0.3 * z.abs() ** 2) * z * x

    def draw(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        z = torch.view_as_complex(sample(batch, generator)).unsqueeze(1).to(torch.complex64)
        return z, 0.5 + 0.1 * torch.rand(batch, 1, generator=generator)

    solver = made(train, "Mine", Outside()).float()
    settings = replace(train.SETTINGS[getattr(train, name)], steps=(8, 40))
    history = fit(train, solver, f, draw, span=(4.0, 0.0), settings=settings, iterations=20)
    assert all(map(math.isfinite, history.loss))
    assert all(eps < 0 for eps in history.delta)


def test_one_number_of_steps_is_trained_for_exactly(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    solver = made(train, "Fixed")
    rows = recorded(train, monkeypatch, "Residuals", solver).rows
    eps, s = rows.inputs[:2]
    assert eps.unique().tolist() == [0.5]
    assert s.unique().tolist() == pytest.approx([k * 0.5 for k in range(8)])
    history = fit(train, solver)
    assert list(history.delta) == [0.5]
    wide = fit(train, made(train, "HyperEuler"))
    nearest = min(wide.delta, key=lambda eps: abs(eps - 0.5))
    assert history.delta[0.5] < wide.delta[nearest]


@pytest.mark.parametrize("name", ["HyperEuler", "Rolled"])
def test_the_user_may_choose_the_states(train: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def ring(s: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
        return torch.nn.functional.normalize(torch.randn(z.shape, generator=generator))

    kind = "Rollouts" if name == "Rolled" else "Residuals"
    rows = recorded(train, monkeypatch, kind, made(train, name), sampler=ring).rows
    assert torch.allclose(rows.inputs[3].norm(dim=1), torch.ones(len(rows.target), dtype=torch.float64))
    assert rows.inputs[3].dtype == torch.float64
