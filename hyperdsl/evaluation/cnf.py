"""Continuous normalizing flows in the plane trained by maximum likelihood: z' = f(s, z) from a normal distribution.

Along a solution the logarithm of the density falls by the divergence of f, d log p/ds = −∇·f (Chen et al., Neural
Ordinary Differential Equations, 2018); in the plane the divergence is exact at three times the price of f, and needs no
estimate (Grathwohl et al., FFJORD, 2019). The likelihood of data is what solving from them back to s = 0 gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from hyperdsl.evaluation.files import trained_once
from hyperdsl.evaluation.flows import EPS, SPAN, FlowField, FlowRecipe, flow_problem, train_flow
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.shapes import CONSTANTS, SHAPES
from hyperdsl.evaluation.solvers import torchdiffeq_states

FOLDER = Path("runs/cnf")


class Augmented(nn.Module):
    """(z, l) [*batch, 3] to (f(s, z), −∇·f(s, z)): l changes along a solution as the logarithm of the density does."""

    def __init__(self, field: FlowField) -> None:
        super().__init__()
        self.field = field

    def forward(self, s: Tensor, state: Tensor) -> Tensor:
        slope, columns = self.field.with_jacobian(s, state[..., :2])
        return torch.cat((slope, -_trace(columns)), -1)


def _trace(columns: Tensor) -> Tensor:
    """[*batch, 1] of columns [2, *batch, 2]."""
    return columns[0, ..., :1] + columns[1, ..., 1:]


def augmented(data: Tensor) -> Tensor:
    """The states (z, 0) [*batch, 3] of data z [*batch, 2]."""
    return nn.functional.pad(data, (0, 1))


def log_normal(z: Tensor) -> Tensor:
    """The logarithm of the standard normal density at z [*batch, n]."""
    return -0.5 * z.square().sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)


def log_likelihood(end: Tensor) -> Tensor:
    """log p of data from the augmented states [*batch, 3] that solving from (data, 0) at s = 1 gives at s = 0."""
    return log_normal(end[..., :2]) - end[..., 2]


def log_likelihood_of_map(back: Callable[[Tensor], Tensor], data: Tensor) -> Tensor:
    """log N(T x) + log|det ∂T/∂x| [n] of data x [n, 2], for a map T = `back` from data to noise, row by row.

    That is a density where T is one to one, whatever solver made T: the change of variables is exact for
    the map itself.
    """
    with torch.enable_grad():
        given = data.detach().requires_grad_()
        end = back(given)
        rows = [torch.autograd.grad(part.sum(), given, retain_graph=True)[0] for part in end.unbind(-1)]
    expansion: Tensor = torch.linalg.slogdet(torch.stack(rows, -2)).logabsdet
    return log_normal(end.detach()) + expansion


@dataclass(frozen=True)
class CnfRecipe:
    """What f is and how it is trained: first by `start`, flow matching, whose iterations cost a hundredth; then by
    maximum likelihood, RK4 in `steps` steps from data to noise, by Adam along a cosine after a short rise.

    `kinetic` and `jacobian` weigh ∫|f|² ds and ∫|∂f/∂z|² ds beside the likelihood (Finlay et al., How to Train Your
    Neural ODE, 2020), without which training would rather make f wilder than RK4 can follow.
    """

    start: FlowRecipe
    iterations: int = 300
    batch: int = 256
    learning_rate: float = 1e-3
    steps: int = 8
    kinetic: float = 0.01
    jacobian: float = 0.001


def _recipe(shape: str) -> CnfRecipe:
    return CnfRecipe(FlowRecipe(shape, hidden=64, layers=3, waves=4, iterations=6000, learning_rate=5e-3))


RECIPES: Mapping[str, CnfRecipe] = {f"cnf_{shape}": _recipe(shape) for shape in SHAPES}
"""The built-in ones by their names as problems."""


def train_cnf(seed: int, recipe: CnfRecipe, progress: bool = True) -> FlowField:
    """The field trained from `seed`; the global random state is left alone."""
    field = train_flow(seed, recipe.start, progress).requires_grad_(True)
    generator, shape = torch.Generator().manual_seed(seed), SHAPES[recipe.start.shape]
    optimizer = torch.optim.Adam(field.parameters(), betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, max(recipe.iterations, 20), pct_start=0.1, cycle_momentum=False
    )
    for _ in tqdm(range(recipe.iterations), desc=f"{recipe.start.shape} by likelihood", disable=not progress):
        loss, kinetic, jacobian = likelihood_loss(field, shape(recipe.batch, generator), recipe.steps)
        optimizer.zero_grad()
        torch.autograd.backward(loss + recipe.kinetic * kinetic + recipe.jacobian * jacobian)
        nn.utils.clip_grad_norm_(field.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return field.requires_grad_(False).eval()


def likelihood_loss(field: FlowField, data: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """The means of −log p, ∫|f|² ds and ∫|∂f/∂z|² ds over data [n, 2] on their way to the noise, by RK4 in `steps`."""

    def extended(s: Tensor, state: Tensor) -> Tensor:
        slope, columns = field.with_jacobian(s, state[..., :2])
        squares = slope.square().sum(-1, keepdim=True), columns.square().sum((0, -1)).unsqueeze(-1)
        return torch.cat((slope, -_trace(columns), *squares), -1)

    times = torch.linspace(SPAN[1], SPAN[0], steps + 1).tolist()
    end = torchdiffeq_states(extended, nn.functional.pad(data, (0, 3)), times, method="rk4")[-1]
    kinetic, jacobian = -end[..., 3:].mean(0)  # s falls, and so do the integrals
    return -log_likelihood(end[..., :3]).mean(), kinetic, jacobian


def cnf_field(seed: int, recipe: CnfRecipe, folder: Path = FOLDER, progress: bool = True) -> FlowField:
    """The field of this seed and recipe, from `folder` where it was trained before."""
    return trained_once(
        lambda: recipe.start.field(seed), lambda: train_cnf(seed, recipe, progress), folder, seed, recipe, CONSTANTS
    )


def cnf_problem(name: str, seed: int = 0, progress: bool = True) -> Problem:
    """z' = f(s, z) from normally distributed z(0), of one of the RECIPES; f is trained first if need be."""
    return flow_problem(seed, cnf_field(seed, RECIPES[name], progress=progress), name=name)


def likelihood_problem(field: FlowField, shape: str, name: str) -> Problem:
    """From data (z, 0) at s = 1 back to (noise, change of the log-density) at s = 0, for `log_likelihood`."""

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return augmented(SHAPES[shape](batch, generator))

    return Problem(Augmented(field), sample, SPAN[::-1], (3,), eps=EPS, name=name)
