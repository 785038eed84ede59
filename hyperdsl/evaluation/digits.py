"""A small Neural ODE classifier of handwritten digits: z(0) = h_x(x), z' = f(z), ŷ = h_y(z(1)).

Data: the 1,797 images of 8×8 pixels that come with scikit-learn (Alpaydin & Kaynak, UCI repository, 1998).
Model: Chen et al., Neural Ordinary Differential Equations, 2018, with a convolutional f.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional
from torchdiffeq import odeint
from tqdm import tqdm

from hyperdsl.evaluation.files import trained_once
from hyperdsl.evaluation.problems import Problem
from hyperdsl.training.given import seeded

TEST_IMAGES = 500
STATE_SHAPE = (8, 4, 4)
SPAN = (0.0, 1.0)
FOLDER = Path("runs/digits")


@dataclass(frozen=True)
class Images:
    """Images [n, 1, 8, 8] in [0, 1] and their classes [n]."""

    images: Tensor
    classes: Tensor


@cache
def digits_data(seed: int = 0) -> tuple[Images, Images]:
    """1,297 images to train on and 500 to test with, as many of each class as in the whole set; split by `seed`."""
    images, classes = load_digits(return_X_y=True)
    split = train_test_split(images, classes, test_size=TEST_IMAGES, stratify=classes, random_state=seed)
    train_x, test_x, train_y, test_y = (torch.as_tensor(part) for part in split)
    scaled = [part.float().view(-1, 1, 8, 8) / 16 for part in (train_x, test_x)]
    return Images(scaled[0], train_y.long()), Images(scaled[1], test_y.long())


class DigitsField(nn.Module):
    """f(s, z) for z [batch, 8, 4, 4]: two 3×3 convolutions with a tanh between them."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.inward = nn.Conv2d(STATE_SHAPE[0], hidden, 3, padding=1)
        self.outward = nn.Conv2d(hidden, STATE_SHAPE[0], 3, padding=1)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.outward(torch.tanh(self.inward(z)))  # type: ignore[no-any-return]  # modules are untyped


class DigitsModel(nn.Module):
    """The classifier: `encode` is h_x, `field` is f and `decode` is h_y."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, STATE_SHAPE[0], 3, stride=2, padding=1)
        )
        self.field = DigitsField(hidden)
        self.decode = nn.Sequential(nn.Flatten(), nn.Linear(128, 10))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores [batch, 10] of images [batch, 1, 8, 8], solved by dopri5 at 1e-3."""
        z0 = self.encode(images)
        grid = torch.tensor(SPAN, dtype=z0.dtype, device=z0.device)
        states = odeint(self.field, z0, grid, rtol=1e-3, atol=1e-3, method="dopri5")
        return self.decode(states[-1])  # type: ignore[no-any-return]  # modules are untyped

    def accuracy(self, z: Tensor, classes: Tensor) -> float:
        """The percentage of end states z(1) that `decode` puts into their class."""
        found = self.decode(z.to(next(self.parameters()).dtype)).argmax(1)
        return 100.0 * float((found == classes).double().mean())


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


def train_digits(seed: int = 0, recipe: Recipe = Recipe(), progress: bool = True) -> DigitsModel:
    """The classifier trained from `seed` with dopri5 inside; the global random state is left alone."""
    train, _ = digits_data(seed)
    with seeded(seed):
        model = DigitsModel()
        batches = -(-len(train.images) // recipe.batch)
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * batches)
        for _ in tqdm(range(recipe.epochs), desc="digits f", unit="epoch", disable=not progress):
            for rows in torch.randperm(len(train.images)).chunk(batches):
                images = moved(train.images[rows], recipe)
                loss = functional.cross_entropy(model(images), train.classes[rows])
                loss = loss + recipe.kinetic * model.field(torch.zeros(()), model.encode(images)).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    return model.requires_grad_(False).eval()


def digits_model(
    seed: int = 0,
    recipe: Recipe = Recipe(),
    folder: Path = FOLDER,
    progress: bool = True,
) -> DigitsModel:
    """The classifier of this seed and recipe, from `folder` where it was trained before."""
    return trained_once(DigitsModel, lambda: train_digits(seed, recipe, progress), folder, seed, recipe)


def digits_problem(seed: int = 0, model: DigitsModel | None = None, progress: bool = True) -> Problem:
    """z' = f(z) from z(0) = h_x(x) of training images x drawn at random; the model is trained first if need be."""
    model = model or digits_model(seed, progress=progress)
    starts = digits_states(model, digits_data(seed)[0].images)

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return starts[torch.randint(len(starts), (batch,), generator=generator)]

    return Problem(model.field, sample, SPAN, STATE_SHAPE, name="digits")


@torch.no_grad()
def digits_states(model: DigitsModel, images: Tensor) -> Tensor:
    """z(0) = h_x(x) of images [n, 1, 8, 8]."""
    states: Any = model.encode(images)
    return states  # type: ignore[no-any-return]  # modules are untyped
