"""A generative flow in the plane: z' = f(s, z) carries a normal distribution at s = 0 to a pinwheel at s = 1.

f is trained by conditional flow matching along straight lines (Lipman et al., Flow Matching for Generative Modeling,
2023; Liu et al., Flow Straight and Fast, 2023). The pinwheel is that of Johnson et al., Composing Graphical Models
with Neural Networks, 2016.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from tqdm import tqdm

from hyperdsl.evaluation.files import save_safetensors
from hyperdsl.evaluation.problems import Problem
from hyperdsl.training.given import seeded

STATE_SHAPE = (2,)
SPAN = (0.0, 1.0)
EPS = (1 / 16, 1.0)
FOLDER = Path("runs/flow")

ARMS = 5
TWIST = 0.25  # turns by e^radius times this, in radians
SPREAD = (0.3, 0.1)  # standard deviations along and across an arm, before the twist


def pinwheel(count: int, generator: torch.Generator) -> Tensor:
    """Points [count, 2] of a pinwheel of five arms, with a standard deviation of about one in each direction."""
    along, across = torch.randn(2, count, generator=generator) * torch.tensor(SPREAD).unsqueeze(1)
    arm = torch.randint(ARMS, (count,), generator=generator)
    radius = 1 + along
    angle = 2 * math.pi / ARMS * arm + TWIST * radius.exp()
    cos, sin = angle.cos(), angle.sin()
    return math.sqrt(2) * torch.stack((radius * cos - across * sin, radius * sin + across * cos), -1)


class FlowField(nn.Module):
    """f(s, z) for z [*batch, 2] and s a scalar or [*batch, 1]: two hidden layers that read z and s."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(STATE_SHAPE[0] + 1, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, STATE_SHAPE[0]),
        )

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        time = s.to(z.dtype).expand(*z.shape[:-1], 1)
        return self.layers(torch.cat((z, time), -1))  # type: ignore[no-any-return]  # modules are untyped


@dataclass(frozen=True)
class FlowRecipe:
    """How f is trained: AdamW with its learning rate falling along a cosine."""

    iterations: int = 3000
    batch: int = 512
    learning_rate: float = 1e-2


def train_flow(seed: int = 0, recipe: FlowRecipe = FlowRecipe(), progress: bool = True) -> FlowField:
    """The field trained from `seed`; the global random state is left alone."""
    generator = torch.Generator().manual_seed(seed)
    with seeded(seed):
        field = FlowField()
    optimizer = torch.optim.AdamW(field.parameters(), lr=recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.iterations)
    for _ in tqdm(range(recipe.iterations), desc="flow f", disable=not progress):
        loss = matching_loss(field, pinwheel(recipe.batch, generator), generator)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return field.requires_grad_(False).eval()


def matching_loss(field: nn.Module, data: Tensor, generator: torch.Generator) -> Tensor:
    """The mean square of f(s, (1 − s) z0 + s z1) − (z1 − z0), z0 normal, z1 the data [n, 2] and s uniform."""
    start = torch.randn(data.shape, generator=generator)
    s = torch.rand(len(data), 1, generator=generator)
    loss: Tensor = (field(s, torch.lerp(start, data, s)) - (data - start)).square().mean()
    return loss


def flow_field(
    seed: int = 0, recipe: FlowRecipe = FlowRecipe(), folder: Path = FOLDER, progress: bool = True
) -> FlowField:
    """The field of this seed and recipe, from `folder` where it was trained before."""
    with seeded(seed):  # also where weights come from a file, a module draws its first ones
        field = FlowField()
    key = hashlib.sha256(f"{recipe} {field} {ARMS} {TWIST} {SPREAD}".encode()).hexdigest()[:12]
    path = folder / f"field_{seed}_{key}.safetensors"
    if path.exists():
        field.load_state_dict(load_file(path))
        return field.requires_grad_(False).eval()
    field = train_flow(seed, recipe, progress)
    save_safetensors(path, field.state_dict(), {"recipe": str(recipe), "seed": str(seed)})
    return field


def flow_problem(seed: int = 0, field: FlowField | None = None, progress: bool = True) -> Problem:
    """z' = f(s, z) from normally distributed z(0); f is trained first if need be."""

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, *STATE_SHAPE, generator=generator)

    return Problem(field or flow_field(seed, progress=progress), sample, SPAN, STATE_SHAPE, eps=EPS, name="flow")


def energy_distance(first: Tensor, second: Tensor) -> float:
    """2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖ of samples [n, 2] and [m, 2], without bias (Székely & Rizzo 2013)."""
    within = sum(float(torch.cdist(z, z).sum()) / (len(z) * (len(z) - 1)) for z in (first, second))
    return 2 * float(torch.cdist(first, second).mean()) - within
