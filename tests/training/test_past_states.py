"""All losses on methods with a history: Adams–Bashforth, PECE, and BDF by Newton's method."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.training.losses import Rollouts, Shuffled, WorstCases
from hyperdsl.training.run import Run
from hyperdsl.training.settings import Adversarial, End, Loss, Settings
from tests.training.test_learned import compiled

SPAN = (0.0, 3.0)
SPEC = """
corrector g {
    inputs z, dz, s, eps
    layers linear(24), tanh
    output absolute
}
training rolled {
    loss trajectory(steps = 4)
    states trajectory
    steps 12
    reference rk4 { substeps 4 }
    iterations 60
    batch 48
    trajectories 32
}
predictor_corrector pece {
    predict ab2
    correct am1
    mode PECE
}
hypersolver Rolled {
    base ab3
    corrector g
    training rolled
}
hypersolver RolledPece {
    base pece
    corrector g
    training rolled
}
hypersolver RolledBdf {
    base bdf2
    corrector g
    training rolled
}
"""
NAMES = ("Rolled", "RolledPece", "RolledBdf")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    _, found = compiled(tmp_path_factory.mktemp("past"), "past", SPEC)
    return found


def turning(s: Tensor, z: Tensor) -> Tensor:
    """A pendulum that is pushed in time."""
    return torch.stack((z[..., 1], -torch.sin(z[..., 0]) + 0.3 * torch.cos(2 * s)), -1)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(batch, 2, generator=generator, dtype=torch.float64) - 1


def exact(package: Any, s: float, z: Tensor, end: float) -> Tensor:
    for k in range(40):
        h = (end - s) / 40
        now = torch.tensor(s + k * h, dtype=torch.float64)
        z = settings(package, "Rolled").reference(turning, now, z, torch.tensor(h, dtype=torch.float64))
    return z


def made(package: Any, name: str) -> Any:
    return package.solvers[name]((2,)).double()


def settings(package: Any, name: str) -> Settings:
    found: Settings = package.train().SETTINGS[package.solvers[name]]
    return found


def objective(package: Any, name: str, loss: Loss | None) -> Any:
    """The loss over its data, before any iteration."""
    solver = made(package, name)
    chosen = settings(package, name)
    chosen = replace(chosen, loss=loss, batch=32) if loss is not None else chosen
    run = Run(solver, turning, sample, SPAN, chosen, None, {}, progress=False)
    with run.going():
        return next(run.phases()).objective


def awake(objective: Any) -> Tensor:
    """The last weights of g, no longer zero."""
    *_, last = (part.weight for part in objective.g.modules() if isinstance(part, nn.Linear))
    nn.init.normal_(last, generator=torch.Generator().manual_seed(0))
    return last


@pytest.mark.parametrize("name", NAMES)
def test_rollouts_follow_exact_states_as_the_solver_steps(package: Any, name: str) -> None:
    found = objective(package, name, None)
    assert isinstance(found, Rollouts)
    assert found.blocks is not None
    solver: Any = found.targets.solver
    rows, path = found.taken(found.blocks[5])
    past, (eps, s, _, z) = solver.past, rows.where
    eps, s, z = eps[0], s[0], z[0]
    begin = float(s - past * eps)
    line = [*path[0, :past], z, *path[0, past:]]
    for k, state in enumerate(line):
        assert torch.allclose(state, exact(package, begin, line[0], begin + k * float(eps)), atol=1e-6)
    with torch.no_grad():
        distances = found.distances(rows, path, found.stepping.hyper)
    history = solver.known(turning, s, [state[None] for state in (z, *path[0, :past].flip(0))], eps)
    for k, there in enumerate(path[0, past:]):
        history = solver.step(turning, s + k * eps, history, eps)
        distance = ((history.states[0][0].detach() - there) / found.deviation).norm() / math.sqrt(2)
        assert float(distances[0, k]) == pytest.approx(float(distance), rel=1e-6, abs=1e-9)


def test_lost_rollouts_go_on_from_exact_histories(package: Any) -> None:
    found = objective(package, "Rolled", None)
    rows, path = found.taken(found.blocks[0])

    def astray(*given: Any) -> Any:
        followed = found.stepping.base(*given)
        return followed._replace(states=(followed.states[0] + 1e6, *followed.states[1:]))

    with torch.no_grad():
        plain = found.distances(rows, path, found.stepping.base)
        assert (found.distances(rows, path, astray) == 10).all()  # each step is lost, and begins anew
        steps = iter([astray, *[found.stepping.base] * 3])

        def step(*given: Any) -> Any:
            return next(steps)(*given)

        after = found.distances(rows, path, step)
    assert torch.allclose(after[:, 1], plain[:, 0], rtol=1, atol=1e-2)  # a step from exact states


def test_newton_iterations_have_gradients(package: Any) -> None:
    found = objective(package, "RolledBdf", None)
    last = awake(found)
    found(torch.arange(1)).backward()
    assert last.grad is not None
    assert last.grad.isfinite().all()
    assert last.grad.abs().max() > 0


@pytest.mark.parametrize("name", NAMES[:2])
def test_rollouts_train(package: Any, name: str) -> None:
    solver = made(package, name)
    z = sample(64, torch.Generator().manual_seed(5))
    end = exact(package, *SPAN[:1], z, SPAN[1])
    before = (solver(turning, z, SPAN, 12) - end).norm(dim=1).median()
    history = package.train().fit(solver, turning, sample, SPAN, progress=False)
    after = (solver(turning, z, SPAN, 12) - end).norm(dim=1).median()
    assert after < 0.75 * before
    assert max(history.delta.values()) < 0.8


def test_recomputed_steps_have_the_same_gradients(package: Any) -> None:
    found = objective(package, "Rolled", None)
    last = awake(found)
    gradients = []
    for recomputed in (False, True):
        found.stepping.recomputed = recomputed
        found.zero_grad()
        found(torch.arange(2)).backward()
        assert last.grad is not None
        gradients.append(last.grad.clone())
    assert gradients[0].abs().max() > 0
    assert torch.equal(*gradients)


def test_worst_cases_move_the_oldest_state(package: Any) -> None:
    found = objective(package, "Rolled", Adversarial(0.2, 3))
    assert isinstance(found, WorstCases)
    awake(found)
    size = len(found.rows.target) // found.targets.groups
    worst = found.worst(0, size, torch.Generator().manual_seed(1))
    rows = found.rows.take(torch.arange(size))
    eps, s, _, z = worst.where
    assert torch.allclose(s, rows.where[1])
    with torch.no_grad():
        assert found.losses(worst).mean() > found.losses(rows).mean()
    start = float(s[0] - 2 * eps[0])
    back = exact(package, float(s[0]), z, start)  # the oldest states
    assert ((back - found.origins[:size]).abs() <= 0.2 * found.deviation + 1e-6).all()
    assert (back - found.origins[:size]).abs().max() > 0


def test_whole_solves_begin_as_the_solver_does(package: Any) -> None:
    found = objective(package, "Rolled", End())
    index, steps = torch.arange(8), 12
    with torch.no_grad():
        distances = found.distances(index, steps, found.stepping.hyper, {})
        ends = made(package, "Rolled")(turning, found.starts[:8], SPAN, steps)  # g is zero still
    expected = ((ends - found.ends[:8]) * found.scale).norm(dim=1)
    assert torch.allclose(distances, expected, rtol=1e-9)
    batch = found.batch(0, Shuffled(found.units, torch.Generator()), 8)
    assert found(batch).isfinite()
