"""Pictures of what solvers give: samples of a distribution, images, or trajectories, beside the exact ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from hyperdsl.evaluation.contenders import Contender, ends_of_parts
from hyperdsl.evaluation.metrics import energy_distance, l2
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import plain
from hyperdsl.evaluation.scipy_methods import scipy_states, suited
from hyperdsl.evaluation.solvers import in_double, torchdiffeq_states
from hyperdsl.evaluation.work_precision import Start
from hyperdsl.training.files import write_atomically

EXACT = "exact"
COLUMNS = 4
SHOWN = 12
"""How many trajectories are drawn."""
SIDE = 6
"""Of the square of images that is drawn."""
LINES = 1e-7
"""The tolerance of exact trajectories in pictures."""
MARKED = 60
"""Up to so many states of a trajectory each has a mark."""
COLOUR, PALE = "#0b5fa5", "#b9b9b9"


@dataclass(frozen=True)
class Panel:
    """One method at one setting: its states [n, samples, *state_shape] with the end last, and how far that is off.

    `energy_distance` is between its ends and the exact ones, as two distributions.
    """

    method: str
    setting: str
    states: Tensor
    l2: float
    energy_distance: float

    def plain(self) -> dict[str, object]:
        """For JSON, without the states."""
        values = {"l2": plain(self.l2), "energy_distance": plain(self.energy_distance)}
        return {"method": self.method, "setting": self.setting, **values}


@torch.no_grad()
def panels(contenders: Sequence[Contender], start: Start) -> list[Panel]:
    """What each method gives from the starts, whose exact ends are known; those that are not finite have nan."""
    found = []
    for contender in contenders:
        solve = contender.states or _ends(contender)
        states = solve(start.f, start.z0, start.span, start.x)
        end, exact = states[-1].double(), start.reference.double()
        found.append(
            Panel(contender.method, contender.setting, states, l2(end, exact), energy_distance(end, exact, paired=True))
        )
    return found


def _ends(contender: Contender) -> Callable[..., Tensor]:
    def states(*given: object) -> Tensor:
        return torch.stack((given[1], contender.run(*given)))  # type: ignore[arg-type]  # f, z0, span, x

    return states


def draw(found: Sequence[Panel], problem: Problem, start: Start, path: Path) -> None:
    """Write a figure with the exact solution first, then each method at each setting.

    Images of one or three channels are drawn as such, ends of a generative problem as points, and what else there is
    as trajectories: of two components one against the other, of more or one against time.
    """
    columns = min(COLUMNS, 1 + len(found))
    rows = -(-(1 + len(found)) // columns)
    figure = Figure(figsize=(3.1 * columns, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    show = shower(problem, start, exact_lines(problem, start))
    show(axes[0], None)
    axes[0].set_title(EXACT, fontsize="small")
    for axis, panel in zip(axes[1:], found, strict=False):
        show(axis, panel.states)
        told = f"L2 {panel.l2:.2g}, energy distance {panel.energy_distance:.1e}"
        axis.set_title(f"{panel.method}, {panel.setting}\n{told}", fontsize="small")
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=110))


Show = Callable[[Axes, Tensor | None], None]
"""Draws states into axes, or the exact ones for None."""


def shower(problem: Problem, start: Start, lines: Tensor | None) -> Show:
    """What draws states of this problem, from these starts; `lines` are `exact_lines`, where they are known."""
    if _are_images(problem):
        return _images(start)
    if problem.generative:
        return _points(start)
    return _trajectories(start, lines)


def _are_images(problem: Problem) -> bool:
    return len(problem.state_shape) == 3 and problem.state_shape[0] in (1, 3)


@torch.no_grad()
def exact_lines(problem: Problem, start: Start) -> Tensor | None:
    """The exact trajectories that are drawn, [times, samples, components]; None where ends alone are."""
    if _are_images(problem) or problem.generative:
        return None
    z0, x = start.z0[:SHOWN].double(), None if start.x is None else start.x[:SHOWN]
    times, f = ends_of_parts(start.span), in_double(start.f)
    if problem.stiff:
        method, jacobian = suited(z0), problem.jacobian
        return scipy_states(f, z0, times, x, method=method, tolerance=LINES, jacobian=jacobian).flatten(2)
    return torchdiffeq_states(f, z0, times, x, tolerance=LINES).flatten(2)


def _images(start: Start) -> Show:
    low, high = start.reference.min(), start.reference.max()

    def show(axis: Axes, states: Tensor | None) -> None:
        images = (start.reference if states is None else states[-1])[: SIDE**2].double()
        side = math.isqrt(len(images))
        tiles = (
            images[: side**2].reshape(side, side, *images.shape[1:]).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
        )
        shown = ((tiles - low) / (high - low)).clamp(0, 1)
        axis.imshow((shown if shown.shape[-1] == 3 else 1 - shown[..., 0]).numpy(), cmap="gray", vmin=0, vmax=1)

    return show


def _points(start: Start) -> Show:
    exact = start.reference.flatten(1)[:, :2]
    low, high = exact.aminmax(dim=0)

    def show(axis: Axes, states: Tensor | None) -> None:
        z = exact if states is None else states[-1].flatten(1)[:, :2]
        axis.scatter(z[:, 0], z[:, -1], s=2, color=COLOUR, linewidths=0)
        axis.set(xlim=(float(low[0]), float(high[0])), ylim=(float(low[-1]), float(high[-1])), aspect="equal")

    return show


def _trajectories(start: Start, exact: Tensor | None) -> Show:
    first, last = start.span
    plane = start.z0[0].numel() == 2

    def line(axis: Axes, z: Tensor, **style: Any) -> None:
        if plane:
            axis.plot(z[..., 0], z[..., 1], **style)
            return
        axis.plot(torch.linspace(first, last, len(z)), z[..., 0], **style)

    def show(axis: Axes, states: Tensor | None) -> None:
        axis.set_axis_on()
        axis.tick_params(labelsize="xx-small")
        if exact is not None:
            line(axis, exact, color=PALE, linewidth=1)
        if states is not None:
            if exact is not None:
                axis.set(xlim=axis.get_xlim(), ylim=axis.get_ylim())
            mark = "." if len(states) <= MARKED else ""
            line(axis, states[:, :SHOWN].flatten(2), color=COLOUR, linewidth=0.8, marker=mark, markersize=3)

    return show
