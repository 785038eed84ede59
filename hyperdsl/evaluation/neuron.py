"""A latent ODE on a recording of a neuron: an encoder, z' = f(z) in the latent space, a decoder.

As Rubanova, Chen & Duvenaud have it (Latent ODEs for Irregularly-Sampled Time Series, 2019), without the variational
part: a GRU reads the samples that were seen, backwards and with how long they lie apart, the state that it ends in is
the start of the ODE, and what the decoder makes of the solution is compared with all samples, those of the future
among them. The recording is the membrane's potential, 12,000 samples, that Matplotlib carries: a neuron that fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from hyperdsl.evaluation.files import trained_once
from hyperdsl.evaluation.problems import Problem
from hyperdsl.training.given import seeded

LATENT, EVERY = 8, 4
"""Every fourth sample is used: 35 from a spike to the next."""
SEEN, WINDOW = 60, 90
"""Samples of a window that the encoder reads, and all of them, which the time 0 .. 1 of the ODE stands for."""
PARTS = {False: (2000, 6000), True: (6000, 7200)}
"""Of the recording, where the neuron fires evenly: for training, and for tests."""
SPAN = (0.0, 1.0)
FOLDER = Path("runs/neuron")


def recording() -> Tensor:
    """The potential [12000], of mean 0 and deviation 1 where it is used."""
    found = np.fromfile(Path(mpl.get_data_path()) / "sample_data" / "membrane.dat", dtype=np.float32)
    used = found[PARTS[False][0] : PARTS[True][1]]
    return torch.from_numpy((found - used.mean()) / used.std())


def windows(test: bool = False) -> Tensor:
    """All windows [n, WINDOW] of the recording's part for training, or for tests."""
    start, end = PARTS[test]
    return recording()[start:end].unfold(0, EVERY * WINDOW, 1)[:, ::EVERY].contiguous()


class LatentField(nn.Module):
    """f(s, z) = f(z) for z [*batch, LATENT]."""

    def __init__(self, hidden: int = 96) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(LATENT, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, LATENT)
        )

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.layers(z)  # type: ignore[no-any-return]  # modules are untyped


class LatentModel(nn.Module):
    """The encoder, the field and the decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = nn.GRU(2, 48, batch_first=True)
        self.start = nn.Linear(48, LATENT)
        self.field = LatentField()
        self.decoder = nn.Linear(LATENT, 1)

    def encode(self, windows: Tensor, kept: Tensor) -> Tensor:
        """z(0) [n, LATENT] of windows [n, WINDOW], of whose first samples those `kept` [m] are seen."""
        times = kept.flip(0).to(windows) / SEEN
        apart = functional.pad(times[:-1] - times[1:], (1, 0))
        seen = torch.stack((windows[:, kept.flip(0)], apart.expand(len(windows), -1)), -1)
        _, last = self.reader(seen)
        return self.start(last[0])  # type: ignore[no-any-return]  # modules are untyped


@dataclass(frozen=True)
class NeuronRecipe:
    """How the model is trained: AdamW, its learning rate falling along a cosine, RK4 in `steps` equal steps inside.

    `share` of the samples that may be seen are, others each time.
    """

    iterations: int = 800
    batch: int = 256
    learning_rate: float = 1e-2
    steps: int = 30
    share: float = 0.6


def _solved(field: nn.Module, z: Tensor, steps: int) -> Tensor:
    """The states after each of so many steps of RK4, [n, steps, LATENT]."""
    eps, found = 1 / steps, []
    for _ in range(steps):
        k1 = field(z, z)
        k2 = field(z, z + eps / 2 * k1)
        k3 = field(z, z + eps / 2 * k2)
        k4 = field(z, z + eps * k3)
        z = z + eps / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        found.append(z)
    return torch.stack(found, 1)


def train_neuron(seed: int = 0, recipe: NeuronRecipe = NeuronRecipe(), progress: bool = True) -> LatentModel:
    """The model trained from `seed`; the global random state is left alone."""
    data, every = windows(), WINDOW // recipe.steps
    with seeded(seed):
        model = LatentModel()
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.iterations)
        for _ in tqdm(range(recipe.iterations), desc="neuron f", disable=not progress):
            batch = data[torch.randint(len(data), (recipe.batch,))]
            kept = torch.randperm(SEEN)[: round(recipe.share * SEEN)].sort().values
            states = _solved(model.field, model.encode(batch, kept), recipe.steps)
            loss = (model.decoder(states).squeeze(-1) - batch[:, every - 1 :: every]).square().mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.requires_grad_(False).eval()


def neuron_model(
    seed: int = 0, recipe: NeuronRecipe = NeuronRecipe(), folder: Path = FOLDER, progress: bool = True
) -> LatentModel:
    """The model of this seed and recipe, from `folder` where it was trained before."""
    return trained_once(LatentModel, lambda: train_neuron(seed, recipe, progress), folder, seed, recipe)


@torch.no_grad()
def neuron_states(model: LatentModel, test: bool = False) -> Tensor:
    """z(0) of all windows of a part of the recording, every second sample seen."""
    return model.encode(windows(test), torch.arange(0, SEEN, 2))


def neuron_problem(seed: int = 0, model: LatentModel | None = None, progress: bool = True) -> Problem:
    """z' = f(z) from what the encoder makes of windows for training; the model is trained first if need be."""
    model = model or neuron_model(seed, progress=progress)
    starts = neuron_states(model)

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return starts[torch.randint(len(starts), (batch,), generator=generator)]

    return Problem(model.field, sample, SPAN, (LATENT,), eps=(1 / 16, 1.0), name="neuron")
