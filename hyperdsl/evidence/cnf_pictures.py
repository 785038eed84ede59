"""Samples of flows in the plane by each method, beside those of dopri5."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from hyperdsl.evaluation.samples import COLOUR
from hyperdsl.evidence.cnf_measuring import LOOSE, SAMPLES, data, end, flow, noise, samplers
from hyperdsl.evidence.study import Settings
from hyperdsl.training.files import write_atomically

Counts = Mapping[tuple[str, str], Mapping[str, Any]]
"""Of evaluations, by method and setting, among what else was measured."""
SHOWN = (
    ("dopri5", f"{LOOSE:.0e}"),
    ("HyperHeun", "K = 1"),
    ("learned(2) + g", "K = 1"),
    ("HyperHeun", "K = 3"),
    ("learned(6) + g", "K = 1"),
    ("heun", "K = 1"),
    ("heun", "K = 3"),
)


def draw(counts: Mapping[str, Counts], settings: Settings, path: Path) -> None:
    """A row for each flow: data, and samples of each method from the same noise, with its evaluations in brackets."""
    figure = Figure(figsize=(1.6 * (1 + len(SHOWN)), 1.8 * len(counts)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(counts), 1 + len(SHOWN), squeeze=False)
    for row, (name, each) in zip(axes, counts.items(), strict=True):
        for axis, (title, z) in zip(row, _panels(name, each, settings).items(), strict=True):
            axis.scatter(z[:, 0], z[:, 1], s=2, color=COLOUR, linewidths=0)
            axis.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal", xticks=[], yticks=[])
            axis.set_title(title, fontsize="small")
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=66))


def _panels(name: str, counts: Counts, settings: Settings) -> Mapping[str, Tensor]:
    own, seed = flow(name, settings), settings.seeds[0]
    start = noise(own, seed, SAMPLES)
    contenders = {(one.method, one.setting): one for one in samplers(own, seed, settings)[0]}
    found = {"data": data(own, seed, SAMPLES)}
    return found | {f"{key[0]} ({counts[key]['evaluations']:.0f})": end(contenders[key], start) for key in SHOWN}
