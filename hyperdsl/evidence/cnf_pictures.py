"""Samples of flows in the plane by each method, beside those of dopri5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from hyperdsl.evaluation.contenders import Contender
from hyperdsl.evaluation.cost import cost_of
from hyperdsl.evaluation.problems import VectorField
from hyperdsl.evaluation.samples import COLOUR
from hyperdsl.evaluation.work_precision import Start
from hyperdsl.evidence.cnf_measuring import LOOSE, SAMPLES, data, flow, noise, samplers
from hyperdsl.evidence.study import Settings
from hyperdsl.training.files import write_atomically

SHOWN = (
    ("dopri5", f"{LOOSE:.0e}"),
    ("HyperHeun", "K = 1"),
    ("HyperHeun", "K = 3"),
    ("learned(2) + g", "K = 1"),
    ("heun", "K = 1"),
    ("heun", "K = 3"),
)


def draw(names: Sequence[str], settings: Settings, path: Path) -> None:
    """A row for each flow: data, and samples of each method from the same noise with its evaluations in brackets."""
    figure = Figure(figsize=(1.75 * (1 + len(SHOWN)), 1.95 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(names), 1 + len(SHOWN), squeeze=False)
    for row, name in zip(axes, names, strict=True):
        for axis, (title, z) in zip(row, _panels(name, settings).items(), strict=True):
            axis.scatter(z[:, 0], z[:, 1], s=1.2, color=COLOUR, linewidths=0)
            axis.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal", xticks=[], yticks=[])
            axis.set_title(title, fontsize="small")
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=80))


@torch.no_grad()
def _panels(name: str, settings: Settings) -> Mapping[str, Tensor]:
    own, seed = flow(name, settings), settings.seeds[0]
    start = noise(own, seed, SAMPLES)
    contenders = {(one.method, one.setting): one for one in samplers(own, seed, settings)[0]}
    found = {"data": data(own, seed, SAMPLES)}
    for key in SHOWN:
        count = cost_of(partial(_end, contenders[key], start), start.f).evaluations
        found[f"{key[0]} ({count})"] = _end(contenders[key], start, start.f)
    return found


def _end(contender: Contender, start: Start, f: VectorField) -> Tensor:
    return contender.run(f, start.z0, start.span, None)
