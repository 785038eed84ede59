"""Generative flows in the plane: z' = f(s, z) carries a normal distribution at s = 0 to a shape at s = 1.

f is trained by conditional flow matching along straight lines (Lipman et al., Flow Matching for Generative Modeling,
2023; Liu et al., Flow Straight and Fast, 2023).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from hyperdsl.evaluation.files import trained_once
from hyperdsl.evaluation.problems import Problem, VectorField
from hyperdsl.evaluation.shapes import CONSTANTS, SHAPES
from hyperdsl.training.given import seeded

STATE_SHAPE = (2,)
SPAN = (0.0, 1.0)
EPS = (1 / 16, 1.0)
FOLDER = Path("runs/flow")


class FlowField(nn.Module):
    """f(s, z) for z [*batch, 2] and s a scalar or [*batch, 1]: a perceptron that reads z and s.

    With `waves` it also reads the distance from 0, and so many octaves of sines and cosines of all (Tancik et al.,
    Fourier Features Let Networks Learn High Frequency Functions, 2020), by which it can follow edges.
    """

    def __init__(self, hidden: int = 64, layers: int = 2, waves: int = 0) -> None:
        super().__init__()
        self.rates = [2.0**k for k in range(waves)]
        read = STATE_SHAPE[0] + 1 if not waves else (STATE_SHAPE[0] + 2) * (1 + 2 * waves)
        widths = [read] + [hidden] * layers
        inner = [part for pair in itertools.pairwise(widths) for part in (nn.Linear(*pair), nn.SiLU())]
        self.layers = nn.Sequential(*inner, nn.Linear(hidden, STATE_SHAPE[0]))

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        read = self._read(s, z)
        parts = [read, *(wave(rate * read) for rate in self.rates for wave in (torch.sin, torch.cos))]
        return self.layers(torch.cat(parts, -1))  # type: ignore[no-any-return]  # modules are untyped

    def with_jacobian(self, s: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """f(s, z) and the columns of its exact Jacobian, [j, *batch, i] = ∂f_i/∂z_j, for z [*batch, 2].

        The columns go through the layers beside z, at three times the cost of f: forward-mode automatic differentiation
        by hand, which gives the same as torch's and is four times as fast in eager mode.
        """
        value, columns = self._with_slopes(self._read(s, z), z)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                value, *changed = functional.linear(torch.cat((value.unsqueeze(0), columns)), layer.weight)
                value, columns = value + layer.bias, torch.stack(changed)
            else:  # SiLU: a σ(a), whose derivative is σ(a) (1 + a − a σ(a))
                gate = torch.sigmoid(value)
                after = value * gate
                value, columns = after, columns * (gate * (1 + value - after))
        return value, columns

    def _read(self, s: Tensor, z: Tensor) -> Tensor:
        """What waves are of: z, with waves the distance from 0, and the time."""
        distance = [_distance(z)] if self.rates else []
        return torch.cat((z, *distance, s.to(z.dtype).expand(*z.shape[:-1], 1)), -1)

    def _with_slopes(self, read: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """What the layers read [*batch, n], and its derivatives with respect to both components of z [2, *batch, n]."""
        slope = torch.eye(2, dtype=z.dtype, device=z.device).reshape(2, *(1,) * (z.ndim - 1), 2).expand(2, *z.shape)
        if self.rates:
            slope = torch.cat((slope, (z / _distance(z)).movedim(-1, 0).unsqueeze(-1)), -1)
        slope = functional.pad(slope, (0, 1))
        parts, columns = [read], [slope]
        for rate in self.rates:
            sine, cosine = torch.sin(rate * read), torch.cos(rate * read)
            parts += [sine, cosine]
            columns += [rate * cosine * slope, -rate * sine * slope]
        return torch.cat(parts, -1), torch.cat(columns, -1)


def _distance(z: Tensor) -> Tensor:
    """From 0, [*batch, 1], with a derivative everywhere."""
    return z.square().sum(-1, keepdim=True).add(1e-6).sqrt()


@dataclass(frozen=True)
class FlowRecipe:
    """What f is and how it is trained towards a shape: AdamW with its learning rate falling along a cosine."""

    shape: str = "pinwheel"
    hidden: int = 64
    layers: int = 2
    waves: int = 0
    iterations: int = 3000
    batch: int = 512
    learning_rate: float = 1e-2

    def field(self, seed: int) -> FlowField:
        """f before it is trained; the global random state is left alone."""
        with seeded(seed):
            return FlowField(self.hidden, self.layers, self.waves)


_SHARP = FlowRecipe(hidden=128, layers=3, waves=4, iterations=6000, learning_rate=3e-3)
"""Follows edges and gaps, which the smaller field blurs."""
RECIPES: Mapping[str, FlowRecipe] = {
    "flow": FlowRecipe(),
    **{f"flow_{shape}": replace(_SHARP, shape=shape) for shape in SHAPES},
}
"""The built-in flows by their names as problems."""


def train_flow(seed: int = 0, recipe: FlowRecipe = FlowRecipe(), progress: bool = True) -> FlowField:
    """The field trained from `seed`; the global random state is left alone."""
    generator, field, shape = torch.Generator().manual_seed(seed), recipe.field(seed), SHAPES[recipe.shape]
    optimizer = torch.optim.AdamW(field.parameters(), lr=recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.iterations)
    for _ in tqdm(range(recipe.iterations), desc=f"{recipe.shape} f", disable=not progress):
        loss = matching_loss(field, shape(recipe.batch, generator), generator)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return field.requires_grad_(False).eval()


def matching_loss(field: VectorField, data: Tensor, generator: torch.Generator) -> Tensor:
    """The mean square of f(s, (1 − s) z0 + s z1) − (z1 − z0), z0 normal, z1 the data [n, ...] and s uniform."""
    start = torch.randn(data.shape, generator=generator)
    s = torch.rand(len(data), *(1,) * (data.ndim - 1), generator=generator)
    loss: Tensor = (field(s, torch.lerp(start, data, s)) - (data - start)).square().mean()
    return loss


def flow_field(
    seed: int = 0, recipe: FlowRecipe = FlowRecipe(), folder: Path = FOLDER, progress: bool = True
) -> FlowField:
    """The field of this seed and recipe, from `folder` where it was trained before."""
    return trained_once(
        lambda: recipe.field(seed), lambda: train_flow(seed, recipe, progress), folder, seed, recipe, CONSTANTS
    )


def flow_problem(seed: int = 0, field: FlowField | None = None, progress: bool = True, name: str = "flow") -> Problem:
    """z' = f(s, z) from normally distributed z(0), of one of the RECIPES; f is trained first if need be."""

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, *STATE_SHAPE, generator=generator)

    f = field or flow_field(seed, RECIPES[name], progress=progress)
    return Problem(f, sample, SPAN, STATE_SHAPE, eps=EPS, name=name, generative=True)
