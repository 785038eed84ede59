"""A diffusion model as a vector field on the straight path z = (1 − t)·noise + t·data.

With x = α(τ)·data + σ(τ)·noise at the model's time τ, t = α/(α + σ) and z = x/(α + σ), and the field is
v = data − noise. On this path Euler's method is DDIM (Song et al. 2021, arXiv:2010.02502, eq. 12, η = 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, assert_never, get_args

import torch
from torch import Tensor, nn

from .schedules import Discrete, Schedule, looked_up, rates_of, scheduled
from .state import Scalar, beside, is_eager, real_dtype, require_like

Prediction = Literal["noise", "data", "v", "velocity"]
"""What a model predicts: the noise, the data, α·noise − σ·data (Salimans & Ho 2022), or dx/dτ = α'·data + σ'·noise."""

NODES = 1024
"""Cells of the table of τ over log(α/σ)."""
CORRECTIONS = 4
"""Of τ: three are enough where the schedule is smooth, a further one where it has a kink within a cell."""
FARTHEST = 36.0
"""|log(α/σ)| beyond which t is 0 or 1 in float64."""
RESOLVED = 1e-13
"""Of log(α/σ), to which it is found for a number."""
WEIGHTS = (-1.0, 5.0, -10.0, 10.0, -5.0, 1.0)
"""Of six equal distances, for the polynomial through them."""
LARGEST = 2**23
"""Factors of the field from here on leave nothing of a prediction in float32."""
KEPT = 4096
"""Times that are remembered."""


class At(NamedTuple):
    """What the field is made of at a time: v = gain·(share·z − prediction of the model at τ and x = scale·z)."""

    tau: Any
    scale: Any
    share: Any
    gain: Any


class Path:
    """The straight path of a model's schedule; t goes from `span[0]` near the noise to `span[1]` near the data.

    Times of the path are t, in [0, 1]; the model's are τ. Both are floats or tensors, and are taken in float64.
    """

    def __init__(self, schedule: Schedule, predicts: Prediction = "noise", times: Sequence[float] = (1.0, 0.0)) -> None:
        """schedule: τ, a float64 tensor of any shape, to (α, σ), by functions of torch.

        times: the model's first and last time, from noise to data; they may descend.
        ValueError where α or σ is negative or not finite or both are zero somewhere, where t does not rise strictly
        over the times, and where the field is infinite at one of their ends: with a prediction of noise where α = 0,
        of data where σ = 0, of the velocity where dα/dτ or dσ/dτ is not finite. Of v it is finite everywhere.
        """
        if predicts not in get_args(Prediction):
            raise ValueError(f"a model predicts {', '.join(get_args(Prediction))}, not {predicts!r}")
        first, last = (float(time) for time in times)
        if not (math.isfinite(first) and math.isfinite(last)) or first == last:
            raise ValueError(f"times are two different finite times of the model, not ({first:g}, {last:g})")
        self.schedule, self.predicts, self.times = schedule, predicts, (first, last)
        self._known: dict[float, At] = {}
        self._low, self._cell, nodes = self._table()
        self._nodes, self._numbers = {torch.device("cpu"): nodes}, nodes.tolist()
        start, end = self.straight_time(torch.tensor(self.times, dtype=torch.float64)).tolist()
        self.span: tuple[float, float] = (start, end)
        self._require_finite()

    @classmethod
    def of(
        cls,
        schedule: str,
        predicts: Prediction = "noise",
        times: Sequence[float] | None = None,
        **parameters: float,
    ) -> Path:
        """The path of a schedule by its name, with times of its own unless they are given.

        "vp" (beta_min=0.1, beta_max=20; 1 .. 0.001), "ve" (sigma_min=0.01, sigma_max=50; 1 .. 0), "cosine"
        (offset=0.008; 0.9946 .. 0.001), and "edm" (80 .. 0.002, times are noise levels σ). ValueError for another.
        """
        found, own = scheduled(schedule, parameters)
        return cls(found, predicts, own if times is None else times)

    @classmethod
    def discrete(cls, alphas_cumprod: Tensor, predicts: Prediction = "noise") -> Path:
        """The path of a table of ᾱ, such as `scheduler.alphas_cumprod` of diffusers: τ is the index, from the last."""
        schedule = Discrete(alphas_cumprod)
        return cls(schedule, predicts, (len(schedule.odds) - 1, 0))

    def field(self, model: Callable[..., Any]) -> StraightField:
        """The model as a vector field f(t, z) on this path, for any solver; f(t, c, z) where it has an input c.

        model: model(τ, x), or model(τ, c, x), gives its prediction, like x. τ is 0-d, in x's real dtype and on its
        device; networks that want one for each sample get `t.expand(len(x))`, and diffusers' take either:
        `path.field(lambda t, x: unet(x, t).sample)`.
        """
        return StraightField(self, model)

    def straight_time(self, tau: Scalar) -> Tensor:
        """t = α/(α + σ) at the model's time, float64."""
        alpha, sigma = self.schedule(_double(tau))
        return alpha / (alpha + sigma)

    def model_time(self, t: Scalar) -> Tensor:
        """τ of a time of the path, or of a whole grid: float64, on t's device, which is not waited for.

        Numerically: linear in a table over log(α/σ), then corrected by the secant method. It has the gradient of the
        inverse function.
        """
        t, (first, last) = _double(t), self.times
        odds = _clamped(torch.log(t) - torch.log1p(-t))
        place = (odds - self._low) / self._cell
        cell = place.detach().floor().clamp(0, NODES - 1)
        nodes, index = self._nodes_on(t.device), cell.long()
        before, reached = looked_up(nodes, index), self._low + cell * self._cell
        rate = (looked_up(nodes, index + 1) - before) / self._cell
        tau = before + (odds - reached) * rate
        for _ in range(CORRECTIONS):
            tau = tau.clamp(min(first, last), max(first, last))
            now = self._odds(tau)
            moved = now - reached
            rate = torch.where(moved == 0, rate, (tau - before) / torch.where(moved == 0, 1, moved))
            before, reached, tau = tau, now, tau + (odds - now) * rate
        return tau.clamp(min(first, last), max(first, last))

    def to_straight(self, x: Tensor, tau: Scalar) -> Tensor:
        """z = x/(α + σ) of the model's state x at its time."""
        alpha, sigma = self.schedule(_double(tau))
        return x / _beside(alpha + sigma, x)

    def from_straight(self, z: Tensor, t: Scalar) -> Tensor:
        """The model's state x = (α + σ)·z at a time of the path."""
        alpha, sigma = self.schedule(self.model_time(t))
        return z * _beside(alpha + sigma, z)

    def start(self, noise: Tensor) -> Tensor:
        """The state at span[0] of standard normal noise: of x = σ·noise, without what there is of data in it."""
        return noise * (1 - self.span[0])

    def end(self, z: Tensor) -> Tensor:
        """The model's state x of the state at span[1]: the data, with what noise is left at the last time."""
        alpha, sigma = self.schedule(_double(self.times[1]))
        return z * float(alpha + sigma)

    def at(self, t: Scalar, z: Tensor) -> At:
        """What the field is made of at a time, as factors of z; a time that is at hand is remembered.

        Beyond an end of the path it is what it is at the end: adaptive solvers may step over it and interpolate.
        """
        if not isinstance(t, Tensor) or (t.device.type == "cpu" and not t.ndim and is_eager(t) and not t.requires_grad):
            return self._remembered(float(t), z)
        low, high = self.span
        found = self._at(_double(t).clamp(low, high))
        tau = found.tau.to(z.device, real_dtype(z))
        return At(tau, *(_beside(factor, z) if isinstance(factor, Tensor) else factor for factor in found[1:]))

    def _remembered(self, t: float, z: Tensor) -> At:
        found = self._known.get(t)
        if found is None:
            low, high = self.span
            found = self._at_number(min(max(t, low), high))
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[t] = found
        return found._replace(tau=torch.full((), found.tau, dtype=real_dtype(z), device=z.device))

    def _at_number(self, t: float) -> At:
        """As `_at`, from a guess so good that one look at the schedule most often shows that it is right."""
        odds = _logit(t, 1 - t)
        tau, rate = self._guess(odds)
        before = reached = math.nan
        for _ in range(2 * CORRECTIONS):
            tau = min(max(tau, min(self.times)), max(self.times))
            place = torch.tensor(tau, dtype=torch.float64)
            with torch.no_grad():
                alpha, sigma = (float(value) for value in self.schedule(place))
            now = _logit(alpha, sigma)
            if abs(now - odds) <= RESOLVED * (1 + abs(odds)):
                break
            if now != reached and not math.isnan(reached):
                rate = (tau - before) / (now - reached)
            before, reached, tau = tau, now, tau + (odds - now) * rate
        rates = [float(rate) for rate in rates_of(self.schedule, place)] if self.predicts == "velocity" else []
        return _made(self.predicts, float(place), alpha, sigma, *rates)

    def _guess(self, odds: float) -> tuple[float, float]:
        """τ of the polynomial through the six nearest nodes, and its rate over a cell (Berrut & Trefethen 2004)."""
        place, nodes = (odds - self._low) / self._cell, self._numbers
        cell = min(max(int(place), 0), NODES - 1)
        rate = (nodes[cell + 1] - nodes[cell]) / self._cell
        first = min(max(cell - 2, 0), NODES - 5)
        total = whole = 0.0
        for node, weight in enumerate(WEIGHTS, first):
            if place == node:
                return nodes[node], rate
            total += weight / (place - node) * nodes[node]
            whole += weight / (place - node)
        return total / whole, rate

    def _at(self, t: Tensor) -> At:
        tau = self.model_time(t)
        alpha, sigma = self.schedule(tau)
        return _made(
            self.predicts, tau, alpha, sigma, *(rates_of(self.schedule, tau) if self.predicts == "velocity" else ())
        )

    def _odds(self, tau: Tensor) -> Tensor:
        """log(α/σ) = log(t/(1 − t))."""
        alpha, sigma = self.schedule(tau)
        return _clamped(torch.log(alpha) - torch.log(sigma))

    def _table(self) -> tuple[float, float, Tensor]:
        """log(α/σ) at the first time, its step, and τ at equal distances of it; ValueError where t does not rise."""
        first, last = self.times
        places = first + (last - first) * torch.arange(NODES + 1, dtype=torch.float64) / NODES
        alpha, sigma = self.schedule(places)
        sound = alpha.isfinite() & sigma.isfinite() & (alpha >= 0) & (sigma >= 0) & (alpha + sigma > 0)
        if not bool(sound.all()):
            where = float(places[~sound][0])
            raise ValueError(f"α and σ must be finite, not negative and not both zero, unlike at the time {where:g}")
        fallen = (alpha[1:] * sigma[:-1] <= alpha[:-1] * sigma[1:]).nonzero()
        if len(fallen):
            before, after = places[int(fallen[0, 0]) :][:2].tolist()
            raise ValueError(f"α/σ must rise from noise to data, but does not from the time {before:g} to {after:g}")
        low, high = self._odds(torch.tensor(self.times, dtype=torch.float64)).tolist()
        wanted = low + (high - low) * torch.arange(NODES + 1, dtype=torch.float64) / NODES
        below, above = torch.full_like(wanted, first), torch.full_like(wanted, last)
        nodes = wanted
        for _ in range(64):
            nodes = (below + above) / 2
            short = self._odds(nodes) < wanted
            below, above = torch.where(short, nodes, below), torch.where(short, above, nodes)
        nodes[0], nodes[-1] = first, last
        return low, (high - low) / NODES, nodes

    def _nodes_on(self, device: torch.device) -> Tensor:
        if device not in self._nodes:
            self._nodes[device] = self._nodes[torch.device("cpu")].to(device)
        return self._nodes[device]

    def _require_finite(self) -> None:
        """ValueError where the field is infinite at an end of the times."""
        for t, tau in zip(self.span, self.times, strict=True):
            made = self._at(torch.tensor(t, dtype=torch.float64))
            if not all(abs(float(value)) < LARGEST for value in made[2:]):
                what = {"noise": "α = 0", "data": "σ = 0"}.get(self.predicts, "dα/dτ or dσ/dτ is not finite")
                raise ValueError(
                    f"with a prediction of {self.predicts} the field is infinite at the time {tau:g}, where {what}: "
                    "let the times end before it"
                )


def _made(predicts: Prediction, tau: Any, alpha: Any, sigma: Any, alpha_rate: Any = None, sigma_rate: Any = None) -> At:
    """The field of a prediction at α and σ, numbers or tensors, with their derivatives for a velocity."""
    scale = alpha + sigma
    match predicts:
        case "noise":
            return At(tau, scale, 1.0, scale / alpha)
        case "data":
            return At(tau, scale, 1.0, -scale / sigma)
        case "v":
            return At(tau, scale, alpha - sigma, scale / (alpha**2 + sigma**2))
        case "velocity":
            return At(tau, scale, alpha_rate + sigma_rate, -scale / (alpha_rate * sigma - alpha * sigma_rate))
        case _:
            assert_never(predicts)


class StraightField(nn.Module):
    """A model as a vector field on a straight path; a module, so that the model's weights are found."""

    on_straight_path = True

    def __init__(self, path: Path, model: Callable[..., Any]) -> None:
        if not callable(model):
            raise TypeError(f"the model must be a function model(t, x), not {type(model).__name__}")
        super().__init__()
        self.path, self.model = path, model

    def forward(self, t: Scalar, *arguments: Any) -> Tensor:
        """v = data − noise at z, after one evaluation of the model.

        TypeError or ValueError where the prediction is not like z, and for z in less than float32, whose times would
        be too coarse: cast inside the model.
        """
        *given, z = arguments
        if real_dtype(z).itemsize < 4:
            raise TypeError(f"a path is solved in float32 or float64, not {z.dtype}: cast inside the model")
        at = self.path.at(t, z)
        predicted = self.model(at.tau, *given, at.scale * z)
        require_like(predicted, z, "the model's state")
        slope: Tensor = at.gain * (at.share * z - predicted)
        return slope


def on_straight_path(f: Any) -> bool:
    """Whether f is a field on a straight path, of whichever package's runtime, and no model."""
    return getattr(f, "on_straight_path", False) is True


class Guided(nn.Module):
    """A model with classifier-free guidance: null + scale·(conditional − null), of predictions and so of fields."""

    def __init__(self, model: Callable[..., Any], scale: float, null: Any, batched: bool) -> None:
        super().__init__()
        self.model, self.scale, self.null, self.batched = model, scale, null, batched

    def forward(self, tau: Tensor, c: Tensor, x: Tensor) -> Tensor:
        """The prediction at x [batch, ...] under the conditions c [batch, ...]."""
        number = isinstance(self.null, (int, float))  # made on the device, which nothing has to wait for
        null = torch.full_like(c, self.null) if number else torch.as_tensor(self.null).to(c).expand_as(c)
        if self.batched:
            without, conditional = self.model(tau, torch.cat([null, c]), torch.cat([x, x])).chunk(2)
        else:
            without, conditional = self.model(tau, null, x), self.model(tau, c, x)
        return torch.lerp(without, conditional, self.scale)


def guided(model: Callable[..., Any], scale: float, null: Any, *, batched: bool = True) -> Guided:
    """A model(τ, c, x) with classifier-free guidance, v_null + scale·(v_c − v_null) (Ho & Salimans, arXiv:2207.12598).

    null: the condition that stands for none, a number or what broadcasts to c. scale 1 is the model under c, 0 without.
    batched: both in one call, of twice the batch; else two calls.
    """
    return Guided(model, scale, null, batched)


def _double(time: Scalar) -> Tensor:
    return torch.as_tensor(time, dtype=torch.float64)


def _logit(part: float, rest: float) -> float:
    """The logarithm of the quotient of two numbers."""
    if min(part, rest) <= 0:
        return -FARTHEST if part <= 0 else FARTHEST
    return min(max(math.log(part) - math.log(rest), -FARTHEST), FARTHEST)


def _clamped(odds: Tensor) -> Tensor:
    return odds.clamp(-FARTHEST, FARTHEST)


def _beside(factor: Tensor, z: Tensor) -> Tensor:
    """A factor of states in z's real dtype, one for each sample where it has an axis."""
    factor = factor.to(z.device, real_dtype(z))
    return beside(factor, z) if factor.ndim else factor
