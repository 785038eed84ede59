"""Pareto fronts of image classifiers as a picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hyperdsl.evaluation.contenders import ADAPTIVE
from hyperdsl.evaluation.plots import COLOURS, MARKERS, plain_ticks
from hyperdsl.evidence.image_classifiers import HYPER, LEARNED, METHODS, MIDDLE
from hyperdsl.evidence.image_rows import Cost, Seeds
from hyperdsl.training.files import write_atomically


def fronts(seeds: Seeds, title: str, path: Path) -> None:
    """Writes accuracy lost against evaluations, MAPE against MACs, and MAPE against milliseconds to `path`."""
    figure = Figure(figsize=(13.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    time, mape = partial(seeds.milliseconds, batch=MIDDLE), partial(seeds.value, name="mape")
    axes: list[tuple[str, Cost, str, Cost]] = [
        ("evaluations of f", partial(seeds.value, name="evaluations"), "points of accuracy lost", seeds.loss),
        ("MACs a sample, g's included", partial(seeds.value, name="macs"), "MAPE of z(1), %", mape),
        (f"ms for {MIDDLE}, g's included", time, "MAPE of z(1), %", mape),
    ]
    for panel, (cost_name, cost, error_name, error) in zip(panels, axes, strict=True):
        for method, style in _styles().items():
            points = [(cost(key), error(key)) for key in seeds.settings([method])]
            panel.plot(*zip(*points, strict=True) if points else ((), ()), label=method, **style)
        panel.set(xlabel=cost_name, ylabel=error_name, xscale="log")
        plain_ticks(panel.xaxis)
        panel.grid(True, which="major", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[1:]:
        panel.set_yscale("log")
        plain_ticks(panel.yaxis)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7, frameon=False, fontsize="small")
    figure.suptitle(title)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=110))


def _styles() -> dict[str, dict[str, Any]]:
    """Greys and dashes for methods of the library, colours for what is learned."""
    found: dict[str, dict[str, Any]] = {ADAPTIVE: {"color": "black", "marker": "*", "markersize": 11, "linestyle": ""}}
    for i, method in enumerate(METHODS):
        found[method] = {"color": str(0.4 + 0.1 * i), "marker": MARKERS[i], "markersize": 4, "linestyle": "--"}
    for i, method in enumerate(HYPER.values()):
        found[method] = {"color": COLOURS[i], "marker": MARKERS[i], "markersize": 5}
    for i, method in enumerate(LEARNED.values()):
        colour = COLOURS[4 + i // 2 * 2]  # one for those with g and without
        found[method] = {"color": colour, "marker": MARKERS[4 + i], "markersize": 9, "linestyle": ""}
    return found
