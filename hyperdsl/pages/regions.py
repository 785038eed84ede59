"""A method's stability region |R(z)| ≤ 1 and order star |R(z)| > |e^z| (Hairer & Wanner II, §§IV.2, IV.4)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hyperdsl.pages.text import length
from hyperdsl.semantics.model.spec import Method
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.linear import stability_function

_POINTS = 601
BLUE, RED, LINE = "#0b5fa5", "#d1495b", "#4d4d4d"
as_ever = rc_context({name: value for name, value in rcParamsDefault.items() if name != "backend"})
"""Decorates what draws: settings that lie in the current folder, which may have it run TeX, change nothing."""


@as_ever
def plot_region(method: Method, path: Path) -> None:
    """Writes both panels to a .png or .svg; OSError where the file cannot be written. The method has no parameters."""
    figure = Figure(figsize=(10.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    region, star = figure.subplots(1, 2)
    draw_region(region, method.tableau, method.facts.real_stability)
    region.set_title("stability region |R(z)| ≤ 1")
    above, below = _function(method.tableau)
    reach = max(3.0, min(10.0, 1.2 * len(above)))
    z, factor = _grid(above, below, (-reach, reach), (-reach, reach))
    _fill(star, z, 1 - factor * np.exp(-z.real), RED)
    star.set_title("order star |R(z)| > |exp(z)|")
    figure.suptitle(f"{method.name}, order {method.facts.order}: {_intervals(method)}")
    save(figure, path)


def draw_region(panel: Axes, tableau: Tableau, real: float | None, colour: str = BLUE, line: str = LINE) -> None:
    """Fill the region of a tableau without parameters; `real` is the length of its real stability interval."""
    above, below = _function(tableau)
    z, factor = _grid(above, below, *_window(tableau, real or 0.0, above, below))
    _fill(panel, z, factor - 1, colour, line)


def _function(tableau: Tableau) -> tuple[Any, Any]:
    above, below = (np.array([float(q) for q in part]) for part in stability_function(tableau))
    return above, below


def save(figure: Figure, path: Path) -> None:
    """To a .png or .svg, without the time at which it was made."""
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=150, metadata=metadata)


def _intervals(method: Method) -> str:
    real, imaginary = method.facts.real_stability, method.facts.imaginary_stability
    assert real is not None  # the method has no parameters
    assert imaginary is not None
    return f"real interval [-{length(real)}, 0], imaginary [0, {length(imaginary)}i]"


def _grid(above: Any, below: Any, x: tuple[float, float], y: tuple[float, float]) -> tuple[Any, Any]:
    """Points z of a window and |R(z)| there."""
    re, im = np.meshgrid(np.linspace(*x, _POINTS), np.linspace(*y, _POINTS))
    z = re + 1j * im
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.abs(np.polyval(above[::-1], z) / np.polyval(below[::-1], z))
    return z, np.nan_to_num(factor, nan=np.inf, posinf=1e300)


def _window(tableau: Tableau, real: float, above: Any, below: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """The smallest window of a few that holds the region around 0, or shows enough of an unbounded one."""
    if tableau.kind != "explicit" or math.isinf(real):
        reach = max(6.0, 4.0 * len(below))
        return (-reach, reach), (-reach, reach)
    left, top = 1.25 * max(real, 1.0), 1.0
    while top < 100 and _touches(above, below, left, top):
        top *= 1.2
    while left < 200 and _touches(above, below, left, top):
        left *= 1.2
    return (-left, max(1.0, 0.3 * left)), (-top, top)


def _touches(above: Any, below: Any, left: float, top: float) -> bool:
    """Whether the region reaches the upper or the left side of the window."""
    upper = np.linspace(-left, max(1.0, 0.3 * left), 400) + 1j * top
    side = -left + 1j * np.linspace(-top, top, 400)
    z = np.concatenate((upper, side))
    return bool((np.abs(np.polyval(above[::-1], z) / np.polyval(below[::-1], z)) <= 1).any())


def _fill(panel: Axes, z: Any, excess: Any, colour: str, line: str = LINE) -> None:
    """Fills where the excess is not positive."""
    inside = np.clip(excess, -1, 1)
    panel.contourf(z.real, z.imag, inside, levels=[-1.0, 0.0], colors=[colour], alpha=0.25)
    panel.contour(z.real, z.imag, inside, levels=[0.0], colors=[colour], linewidths=1.2)
    window_lines(panel, line)


def window_lines(panel: Axes, colour: str = LINE) -> None:
    """The axes of the complex plane."""
    for line in (panel.axhline, panel.axvline):
        line(0, color=colour, linewidth=0.6)
    panel.set_xlabel("Re z")
    panel.set_ylabel("Im z")
    panel.set_aspect("equal")
