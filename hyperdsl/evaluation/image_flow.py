"""A generative model of handwritten digits, conditional on their class: z' = f(s, x, z) from noise to images.

f is a small U-Net (Ronneberger et al. 2015) trained by conditional flow matching along straight lines (Lipman et al.,
Flow Matching for Generative Modeling, 2023) with labels left out at times, so that it can be guided (Ho & Salimans,
Classifier-Free Diffusion Guidance, 2022). Images are MNIST's, averaged down to 14×14 and scaled to −1 .. 1.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from hyperdsl.evaluation.flows import matching_loss
from hyperdsl.evaluation.image_sets import MNIST, load
from hyperdsl.evaluation.problems import Problem, VectorField
from hyperdsl.training.given import seeded
from hyperdsl.training.guidance import guided

SIZE = 14
STATE_SHAPE = (1, SIZE, SIZE)
SPAN = (0.0, 1.0)
CLASSES = 10
NO_CLASS = 10
"""The label that stands for none."""
WEIGHTS = Path(__file__).with_name("mnist_flow.safetensors")
GUIDANCE = 2.0


class Block(nn.Module):
    """Two convolutions around what the time and the class say, added to their input."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(8, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.tell = nn.Linear(told, 2 * outputs)
        self.normed = nn.GroupNorm(8, outputs, affine=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, z: Tensor, told: Tensor) -> Tensor:
        """[batch, outputs, h, w] of z [batch, inputs, h, w] and told [batch, told]."""
        scale, shift = self.tell(told)[..., None, None].chunk(2, 1)
        inside = self.normed(self.first(z)) * (1 + scale) + shift
        added: Tensor = self.skip(z) + self.second(functional.silu(inside))
        return added


class ImageField(nn.Module):
    """f(s, x, z) for z [batch, 1, 14, 14], classes x [batch] and s 0-d or [batch]."""

    def __init__(self, width: int = 24, deep: int = 48, told: int = 64) -> None:
        super().__init__()
        self.rates: Tensor
        # Slow waves alone: f varies with time no faster than it has to, and so is solved in few evaluations.
        self.classes = nn.Embedding(CLASSES + 1, told)
        self.register_buffer("rates", 2 * math.pi * 2.0 ** torch.arange(-3, 1), persistent=False)
        self.time = nn.Sequential(nn.Linear(8, told), nn.SiLU(), nn.Linear(told, told))
        self.inward = nn.Conv2d(1, width, 3, padding=1)
        self.before = Block(width, width, told)
        self.down = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([Block(deep, deep, told) for _ in range(2)])
        self.up = nn.Conv2d(deep, width, 3, padding=1)
        self.after = Block(2 * width, width, told)
        self.outward = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        """The velocity at z, like z."""
        angles = s.to(z.dtype).expand(len(z))[:, None] * self.rates
        told = functional.silu(self.time(torch.cat((angles.sin(), angles.cos()), -1)) + self.classes(x))
        wide = self.before(self.inward(z), told)
        deep = self.down(wide)
        for block in self.middle:
            deep = block(deep, told)
        back = self.up(functional.interpolate(deep, scale_factor=2))
        velocity: Tensor = self.outward(self.after(torch.cat((back, wide), 1), told))
        return velocity


@dataclass(frozen=True)
class ImageRecipe:
    """How f is trained: AdamW, its learning rate falling along a cosine, and a mean of its weights kept.

    `unlabelled` is the share of images whose class f does not get to see, `kept` how much of the mean an iteration
    keeps.
    """

    iterations: int = 3000
    batch: int = 128
    learning_rate: float = 2e-3
    unlabelled: float = 0.15
    kept: float = 0.998


def train_image_field(seed: int = 0, recipe: ImageRecipe = ImageRecipe(), progress: bool = True) -> ImageField:
    """The field trained from `seed` on the 60,000 training images; the global random state is left alone."""
    data, generator = load(MNIST, "train", SIZE), torch.Generator().manual_seed(seed)
    with seeded(seed):
        field = ImageField()
    mean = copy.deepcopy(field)
    optimizer = torch.optim.AdamW(field.parameters(), lr=recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.iterations)
    for k in tqdm(range(recipe.iterations), desc="image flow f", disable=not progress):
        rows = torch.randint(len(data.images), (recipe.batch,), generator=generator)
        hidden = torch.rand(recipe.batch, generator=generator) < recipe.unlabelled
        x = data.classes[rows].masked_fill(hidden, NO_CLASS)
        loss = matching_loss(_labelled(field, x), 2 * data.images[rows] - 1, generator)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            share = 1 - min(recipe.kept, (1 + k) / (10 + k))
            torch._foreach_lerp_([*mean.parameters()], [*field.parameters()], share)
    return mean.requires_grad_(False).eval()


def _labelled(field: nn.Module, x: Tensor) -> VectorField:
    """The field of these classes as f(s, z), s a column."""
    return lambda s, z: field(s.flatten(), x, z)


def shipped_field() -> ImageField:
    """The field that comes with hyperdsl: `train_image_field(0)`, its weights in half precision."""
    with seeded(0):
        field = ImageField()
    field.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return field.requires_grad_(False).eval()


def image_problem(field: nn.Module | None = None, guidance: float = GUIDANCE) -> Problem:
    """z' = f(s, x, z) from normally distributed z(0) for classes x, guided; f is the one shipped unless given."""

    def sample(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        noise = torch.randn(batch, *STATE_SHAPE, generator=generator)
        return noise, torch.randint(CLASSES, (batch,), generator=generator)

    f = guided(field or shipped_field(), guidance, NO_CLASS)
    return Problem(
        f,
        sample,
        SPAN,
        STATE_SHAPE,
        input_shape=(),
        eps=(1 / 16, 1.0),
        name="mnist_flow",
        generative=True,
        samples=64,
        tolerance=1e-6,
    )
