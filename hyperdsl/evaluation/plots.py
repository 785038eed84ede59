"""Work-precision plots: error against evaluations, multiply-accumulates and time, the corrector's included."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter

from hyperdsl.evaluation.work_precision import Row
from hyperdsl.training.files import write_atomically

AXES = (
    ("evaluations", "evaluations of f"),
    ("macs", "MACs a sample, g's included"),
    ("milliseconds", "milliseconds a batch, g's included"),
)
MARKERS = "osD^vPX*"
COLOURS = ("#0b5fa5", "#d1495b", "#3a7d44", "#8a5a9e", "#c77f0a", "#4d4d4d", "#00838f", "#9c4f2f")


def endings() -> set[str]:
    """The endings of files that a plot can be written to; one of LaTeX's needs more than there may be."""
    return {*FigureCanvasAgg.get_supported_filetypes()} - {"pgf"}


def plot(rows: Sequence[Row], path: Path, title: str, error: str = "relative_error", label: str = "") -> None:
    """Writes a figure with one panel for each cost to `path` (its ending says the format).

    `error` is the field of `Row` on the vertical axis, with `label` beside it. Errors that are not finite and costs
    that are not known are left out.
    """
    figure = Figure(figsize=(12.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(AXES), sharey=True)
    methods = list(dict.fromkeys(row.method for row in rows))
    for panel, (field, name) in zip(panels, AXES, strict=True):
        for i, method in enumerate(methods):
            points = [(getattr(row, field), getattr(row, error)) for row in rows if row.method == method]
            shown = [(cost, value) for cost, value in points if math.isfinite(value) and min(cost, value) > 0]
            style = {"marker": MARKERS[i % len(MARKERS)], "color": COLOURS[i % len(COLOURS)]}
            panel.plot(*zip(*shown, strict=True) if shown else ((), ()), label=method, **style)
        panel.set_xscale("log")
        panel.set_yscale("log")
        plain_ticks(panel.xaxis)
        panel.set_xlabel(name)
        panel.grid(True, which="major", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(label or error.replace("_", " "))
    panels[-1].legend(frameon=False, fontsize="small")
    figure.suptitle(title)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=150))


def plain_ticks(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 of each decade, labelled as numbers: ranges here are often shorter than a decade."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    thousands = EngFormatter(sep="")
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1000 else thousands(x)))
    axis.set_minor_formatter(NullFormatter())
