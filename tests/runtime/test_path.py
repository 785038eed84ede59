"""Diffusion models on the straight path: the way there and back, DDIM, exact flow maps, guidance, compilers."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from hyperdsl.runtime.path import Path, Prediction, guided
from hyperdsl.runtime.schedules import Discrete, rates_of
from tests.runtime.methods import Euler, OnVp, OnVpAdaptive, OnVpHistory

BETAS = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
BARS = torch.cumprod(1 - BETAS, 0)
PATHS: dict[str, Callable[[Prediction], Path]] = {
    "vp": lambda predicts: Path.of("vp", predicts),
    "ve": lambda predicts: Path.of("ve", predicts),
    "cosine": lambda predicts: Path.of("cosine", predicts),
    "edm": lambda predicts: Path.of("edm", predicts),
    "discrete": lambda predicts: Path.discrete(BARS, predicts),
}
X = torch.tensor([[0.3, -1.2, 2.0], [1.5, 0.1, -0.7]], dtype=torch.float64)


@pytest.fixture(params=PATHS)
def name(request: pytest.FixtureRequest) -> str:
    """Of a path."""
    found: str = request.param
    return found


class Normal:
    """The exact prediction of a model for normal data of mean m and standard deviation s, each coordinate by itself."""

    def __init__(self, path: Path, mean: float = 0.5, deviation: float = 0.8) -> None:
        self.path, self.mean, self.deviation = path, mean, deviation

    def __call__(self, tau: Tensor, x: Tensor) -> Tensor:
        alpha, sigma = self.path.schedule(tau)
        variance = (alpha * self.deviation) ** 2 + sigma**2
        data = self.mean + alpha * self.deviation**2 / variance * (x - alpha * self.mean)
        noise = sigma / variance * (x - alpha * self.mean)
        match self.path.predicts:
            case "noise":
                return noise
            case "data":
                return data
            case "v":
                return alpha * noise - sigma * data
            case "velocity":
                alpha_rate, sigma_rate = rates_of(self.path.schedule, tau)
                return alpha_rate * data + sigma_rate * noise

    def flow(self, x: Tensor, first: float, last: float) -> Tensor:
        """Where the probability flow leads x: the standardised state stays."""
        ends = [self.path.schedule(torch.tensor(time, dtype=torch.float64)) for time in (first, last)]
        (a0, s0), (a1, s1) = ends
        scale = ((a1 * self.deviation) ** 2 + s1**2).sqrt() / ((a0 * self.deviation) ** 2 + s0**2).sqrt()
        return a1 * self.mean + scale * (x - a0 * self.mean)


def test_there_and_back(name: str) -> None:
    path = PATHS[name]("noise")
    for tau in torch.linspace(*path.times, 7, dtype=torch.float64).tolist():
        t = path.straight_time(tau)
        assert math.isclose(float(path.model_time(t)), tau, rel_tol=1e-12, abs_tol=1e-12 * max(path.times))
        back = path.from_straight(path.to_straight(X, tau), t)
        assert torch.allclose(back, X, rtol=1e-12, atol=0)
    single = path.from_straight(path.to_straight(X.float(), path.times[1]), path.span[1])
    assert torch.allclose(single, X.float(), rtol=3e-7, atol=0)
    assert torch.equal(path.end(X), path.from_straight(X, path.span[1]))


def test_times_are_found_to_the_last_digits(name: str) -> None:
    """On a whole grid, and one by one to the same digits; a grid twice to the same bits."""
    path = PATHS[name]("noise")
    grid = torch.linspace(*path.span, 1013, dtype=torch.float64)
    found = path.model_time(grid)
    assert torch.equal(found, path.model_time(grid))
    error = (path.straight_time(found) - grid).abs() / torch.minimum(grid, 1 - grid)
    assert float(error.max()) <= 1e-12
    for t, tau in zip(grid[::97], found[::97], strict=True):
        one = path.at(float(t), X)
        assert math.isclose(float(one.tau), float(tau), rel_tol=1e-12, abs_tol=1e-12)
        assert path.at(t, X) == one._replace(tau=path.at(t, X).tau)


def test_times_have_gradients() -> None:
    path = Path.of("vp")
    t = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(path.model_time(t), t)
    h = 1e-5
    assert math.isclose(
        float(found), float(path.model_time(0.4 + h) - path.model_time(0.4 - h)) / (2 * h), rel_tol=1e-7
    )
    model = path.field(lambda tau, x: x * tau)
    (slope,) = torch.autograd.grad(model(t, X).sum(), t)
    difference = float((model(0.4 + h, X) - model(0.4 - h, X)).sum()) / (2 * h)
    assert math.isclose(float(slope), difference, rel_tol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_euler_is_ddim(name: str, dtype: torch.dtype) -> None:
    """Song et al. 2021, eq. 12 with η = 0, step for step, written in ᾱ after scaling to α² + σ² = 1."""
    path, net = PATHS[name]("noise"), nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype)

    def model(tau: Tensor, x: Tensor) -> Tensor:
        length = 1 + abs(path.times[0])
        return net(x / (1 + x.norm())) * torch.cos(3 * tau / length)

    times = torch.linspace(*path.span, 6, dtype=torch.float64)
    taus = path.model_time(times)
    z = path.to_straight(X.to(dtype), float(taus[0]))
    x = X.to(dtype)
    for k in range(5):
        z = Euler().step(path.field(model), times[k], z, times[k + 1] - times[k])
        (alpha, sigma), (alpha_next, sigma_next) = (path.schedule(tau) for tau in taus[k : k + 2])
        bar, bar_next = (a**2 / (a**2 + s**2) for a, s in ((alpha, sigma), (alpha_next, sigma_next)))
        noise = model(taus[k].to(dtype), x)
        unit = x / (alpha**2 + sigma**2).sqrt()
        predicted = (unit - (1 - bar).sqrt() * noise) / bar.sqrt()
        x = (bar_next.sqrt() * predicted + (1 - bar_next).sqrt() * noise) * (alpha_next**2 + sigma_next**2).sqrt()
        found = path.from_straight(z, times[k + 1])
        assert float((found - x).detach().abs().max() / x.detach().abs().max()) <= (
            1e-10 if dtype == torch.float64 else 2e-4
        )


@pytest.mark.parametrize("predicts", ["noise", "data", "v", "velocity"])
def test_exact_models_give_the_exact_flow(name: str, predicts: Prediction) -> None:
    """Normal data: all predictions lead every state where the probability flow does."""
    if (name, predicts) == ("discrete", "velocity"):
        return  # its schedule has kinks between which the velocity jumps
    path = PATHS[name](predicts)
    model = Normal(path)
    start = path.to_straight(X, path.times[0])
    times = torch.tensor(path.span, dtype=torch.float64)
    end = odeint(path.field(model), start, times, rtol=1e-6, atol=1e-8)[-1]
    assert torch.allclose(path.end(end), model.flow(X, *path.times), rtol=1e-4, atol=1e-4)


def test_predictions_agree_in_float32() -> None:
    """At both ends of the path, where one of data and noise is known badly."""
    fields = {predicts: Path.of("vp", predicts) for predicts in ("noise", "data", "v", "velocity")}
    for part in (0.0, 1e-4, 0.5, 0.999, 1.0):
        low, high = fields["noise"].span
        t = low + (high - low) * part
        exact = fields["v"].field(Normal(fields["v"]))(t, X)
        for path in fields.values():
            found = path.field(Normal(path))(t, X.float())
            assert torch.allclose(found.double(), exact, rtol=1e-3, atol=1e-3)


def test_gradients_go_to_the_model_and_the_noise() -> None:
    path, net = Path.of("vp", "v"), nn.Linear(3, 3).double()
    noise = X.clone().requires_grad_()
    field = path.field(lambda tau, x: net(x) * tau)
    end = Euler()(field, path.start(noise), path.span, 3)
    gradients = torch.autograd.grad(path.end(end).square().sum(), [noise, *net.parameters()])
    assert all(bool(gradient.isfinite().all()) and bool(gradient.any()) for gradient in gradients)
    assert [*path.field(net).parameters()] == [*net.parameters()]


@pytest.mark.parametrize("predicts", ["noise", "velocity"])
def test_whole_solves_compile(predicts: Prediction) -> None:
    path = Path.of("vp", predicts)
    field = path.field(Normal(path))

    def solve(z: Tensor) -> Tensor:
        return Euler()(field, z, path.span, 1)

    compiled: Any = torch.compile(solve, fullgraph=True, backend="eager")
    assert torch.allclose(compiled(X), solve(X), rtol=1e-12, atol=1e-12)


def test_a_time_for_each_sample() -> None:
    path = Path.of("cosine", "data")
    field = path.field(Normal(path))
    times = torch.tensor([0.2, 0.9], dtype=torch.float64)
    seen: list[Tensor] = []
    path.field(lambda tau, x: (seen.append(tau), x)[1])(times, X)
    assert seen[0].shape == (2,)
    each = torch.func.vmap(field)(times, X)
    assert torch.allclose(each, torch.stack([field(t, x) for t, x in zip(times, X, strict=True)]), atol=1e-12)


def test_the_model_gets_its_time_in_its_own_dtype() -> None:
    seen: list[Tensor] = []

    def model(tau: Tensor, x: Tensor) -> Tensor:
        seen.append(tau)
        return x

    Path.discrete(BARS).field(model)(torch.tensor(0.5), X.float())
    assert seen[0].shape == ()
    assert seen[0].dtype == torch.float32


def test_guidance() -> None:
    """v_null + w (v_c − v_null), in one call of twice the batch or two; w = 1 and 0 are the model itself."""
    path, calls = Path.of("vp"), [0]

    def model(tau: Tensor, c: Tensor, x: Tensor) -> Tensor:
        calls[0] += 1
        return torch.tanh(x + c[:, None]) * tau

    labels = torch.tensor([2, 5])
    field = path.field(model)
    conditional, without = field(0.3, labels, X), field(0.3, torch.zeros_like(labels), X)
    for batched in (True, False):
        calls[0] = 0
        for scale in (0.0, 1.0, 2.5):
            found = path.field(guided(model, scale, 0, batched=batched))(0.3, labels, X)
            assert torch.allclose(found, without + scale * (conditional - without), rtol=1e-12, atol=1e-12)
        assert calls[0] == (3 if batched else 6)
    assert torch.equal(path.field(guided(model, 1.0, 0))(0.3, labels, X), conditional)
    assert torch.equal(path.field(guided(model, 0.0, 0))(0.3, labels, X), without)


@pytest.mark.parametrize("solver", [OnVp(), OnVpHistory(), OnVpAdaptive()], ids=lambda solver: type(solver).__name__)
def test_solvers_take_the_model(solver: Any) -> None:
    """A call goes from noise to data; all else takes the field, and a model in its place is refused."""
    path, steps = solver.path, {} if hasattr(solver, "control") else {"steps": 4}
    model = Normal(path)
    data = solver(model, X, **steps)
    straight = solver(path.field(model), path.start(X), path.span, **steps)
    assert torch.equal(data, path.end(straight))
    with pytest.raises(TypeError, match="whole path"):
        solver(model, X, path.span, **steps)
    with pytest.raises(TypeError, match=r"path\.field"):
        solver.odeint(model, X, path.span)
    states = solver.odeint(path.field(model), path.start(X), [*path.span], **steps)
    assert torch.allclose(states[-1], straight, atol=1e-6)
    with pytest.raises(TypeError, match="noise"):
        solver(model, (X, X), **steps)


def test_inputs_go_to_the_model() -> None:
    labels = torch.tensor([1.0, 2.0], dtype=torch.float64)
    found = OnVp()(lambda tau, c, x: x * c[:, None], X, steps=2, x=labels)
    assert torch.allclose(found[0], OnVp()(lambda tau, x: x, X[:1], steps=2)[0])


def test_paths_are_copied_and_pickled() -> None:
    path = Path.of("vp", "v")
    for other in (copy.deepcopy(path), pickle.loads(pickle.dumps(path))):
        assert other.span == path.span
        assert torch.equal(other.field(torch.mul)(0.3, X), path.field(torch.mul)(0.3, X))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Path.of("vpp"), "no schedule 'vpp'"),
        (lambda: Path.of("vp", beta=1.0), "no parameter beta"),
        (lambda: Path.of("vp", "eps"), "predicts"),  # type: ignore[arg-type]
        (lambda: Path.of("vp", times=(1, 1)), "two different"),
        (lambda: Path.of("vp", times=(0.001, 1)), "rise from noise to data"),
        (lambda: Path.of("cosine", "noise", (1, 0.001)), "infinite"),
        (lambda: Path.of("vp", "data", (1, 0)), "infinite at the time 0, where σ = 0"),
        (lambda: Path.of("vp", "velocity", (1, 0)), "not finite"),
        (lambda: Path(lambda t: (1 - t, t + 0.04 * torch.sin(40 * t) + 0.1), times=(0.9, 0.1)), "rise"),
        (lambda: Path(lambda t: (t - 0.5, 1 - t), times=(0, 1)), "not negative"),
        (lambda: Path.discrete(torch.tensor([0.5, 0.9])), "fall"),
        (lambda: Path.discrete(torch.tensor([1.0, 0.9])), "between 0 and 1"),
        (lambda: Path.of("vp").field(lambda tau, x: x[:1])(0.5, X), "shape"),
    ],
)
def test_what_is_refused(make: Callable[[], object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def test_what_is_finite_is_not_refused() -> None:
    """v at both ends, noise where σ = 0, data where α is all but 0."""
    for predicts, schedule, times in (("v", "cosine", (1, 0)), ("noise", "vp", (1, 0)), ("data", "cosine", (1, 0.1))):
        path = Path.of(schedule, predicts, times)  # type: ignore[arg-type]
        for t in path.span:
            assert bool(path.field(Normal(path))(t, X).isfinite().all())


def test_half_precision_is_refused() -> None:
    with pytest.raises(TypeError, match="float32"):
        Path.of("vp").field(lambda tau, x: x)(0.5, X.half())


def test_discrete_times_are_indices() -> None:
    alpha, sigma = Discrete(BARS)(torch.arange(1000, dtype=torch.float64))
    assert torch.allclose(alpha**2, BARS, rtol=1e-12)
    assert torch.allclose(alpha**2 + sigma**2, torch.ones_like(alpha), rtol=1e-12)
