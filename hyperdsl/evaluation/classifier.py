"""Small Neural ODE classifiers of images: z(0) = h_x(x), z' = f(z), ŷ = h_y(z(1)), and how they are trained.

Model: Chen et al., Neural Ordinary Differential Equations, 2018, with a convolutional f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from hyperdsl.evaluation.image_sets import Images
from hyperdsl.evaluation.problems import Problem, VectorField
from hyperdsl.evaluation.solvers import Solve, in_double, torchdiffeq_solve
from hyperdsl.evaluation.work_precision import Start
from hyperdsl.training.given import seeded

SPAN = (0.0, 1.0)
REFERENCE_TOLERANCE = 1e-7


class ConvField(nn.Module):
    """f(s, z) for z [batch, channels, height, width]: two 3×3 convolutions with a tanh between them."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.inward = nn.Conv2d(channels, hidden, 3, padding=1)
        self.outward = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """The slope at z, like z."""
        return self.outward(torch.tanh(self.inward(z)))  # type: ignore[no-any-return]  # modules are untyped


class Classifier(nn.Module):
    """A classifier whose subclass sets `encode`, which is h_x, `field`, f, and `decode`, h_y."""

    encode: nn.Module
    field: nn.Module
    decode: nn.Module

    def forward(self, images: Tensor) -> Tensor:
        """Class scores [batch, 10] of images [batch, 1, height, width], solved by dopri5 at 1e-3."""
        scores: Tensor = self.decode(by_dopri5(self.field, self.encode(images)))
        return scores

    def accuracy(self, z: Tensor, classes: Tensor) -> float:
        """The percentage of end states z(1) that `decode` puts into their class."""
        found = self.decode(z.to(next(self.parameters()).dtype)).argmax(1)
        return 100.0 * float((found == classes).double().mean())


Model = TypeVar("Model", bound=Classifier)


@dataclass(frozen=True)
class Recipe:
    """How f is trained.

    `kinetic` weighs the mean square of f(0, z(0)), which keeps the dynamics calm; images are moved by up to `shift`
    pixels and turned by up to `turn` radians.
    """

    epochs: int = 30
    batch: int = 64
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3
    kinetic: float = 0.3
    shift: float = 0.5
    turn: float = 0.1


def moved(images: Tensor, recipe: Recipe) -> Tensor:
    """Each image turned and shifted at random, interpolated between its pixels."""
    count, width = len(images), images.shape[-1]
    angle = recipe.turn * (2 * torch.rand(count) - 1)
    shift = 2 / width * recipe.shift * (2 * torch.rand(2, count) - 1)
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack((torch.stack((cos, -sin, shift[0]), -1), torch.stack((sin, cos, shift[1]), -1)), 1)
    grid = functional.affine_grid(rows, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def by_dopri5(f: VectorField, z0: Tensor) -> Tensor:
    """z(1) by torchdiffeq's dopri5 at 1e-3."""
    return torchdiffeq_solve(f, z0, SPAN)


def train_classifier(
    build: Callable[[], Model],
    train: Images,
    seed: int,
    recipe: Recipe,
    *,
    solve: Solve = by_dopri5,
    label: str = "",
    progress: bool = True,
) -> Model:
    """The classifier trained from `seed` with `solve` inside; the global random state is left alone."""
    with seeded(seed):
        model = build()
        batches = -(-len(train.images) // recipe.batch)
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * batches)
        bar = tqdm(total=recipe.epochs * batches, desc=f"{label} f", disable=not progress)
        for _ in range(recipe.epochs):
            for rows in torch.randperm(len(train.images)).chunk(batches):
                z0 = model.encode(moved(train.images[rows], recipe))
                loss = functional.cross_entropy(model.decode(solve(model.field, z0)), train.classes[rows])
                loss = loss + recipe.kinetic * model.field(torch.zeros(()), z0).square().mean()
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
                bar.update()
        bar.close()
    return model.requires_grad_(False).eval()


@torch.no_grad()
def encoded(model: Classifier, images: Tensor) -> Tensor:
    """z(0) = h_x(x) of images [n, 1, height, width]."""
    states: Tensor = model.encode(images)
    return states


@torch.no_grad()
def unseen_images(model: Classifier, images: Tensor) -> Start:
    """z(0) of images and z(1) by dopri5 at 1e-7 in double precision."""
    z0 = encoded(model, images)
    exact = torchdiffeq_solve(in_double(model.field), z0.double(), SPAN, tolerance=REFERENCE_TOLERANCE)
    return Start(model.field, z0, SPAN, exact)


def classifier_problem(model: Classifier, images: Tensor, name: str) -> Problem:
    """z' = f(z) from z(0) = h_x(x) of images x drawn at random."""
    starts = encoded(model, images)

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return starts[torch.randint(len(starts), (batch,), generator=generator)]

    return Problem(model.field, sample, SPAN, tuple(starts.shape[1:]), name=name)
