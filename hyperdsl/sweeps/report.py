"""A sweep's front as a table, as JSON and as a plot, beside methods without a corrector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hyperdsl.evaluation.plots import AXES, COLOURS, MARKERS, plain_ticks
from hyperdsl.evaluation.report import markdown, plain, short
from hyperdsl.sweeps.points import Cost, Point, front
from hyperdsl.sweeps.run import Task, spec_path, weights_path
from hyperdsl.sweeps.store import Store
from hyperdsl.tables import Column, Listing, listing
from hyperdsl.training.files import write_atomically

MEASURED = ("p", "K", "NFE", "MACs", "ms", "error", "δ", "front")
HEADS = {"iterations": "iter."}
LEAVE = {"δ": 5, "p": 4, "ms": 3, "MACs": 2, "NFE": 1}
"""Which columns leave a narrow terminal, those with the largest number first; what varies and the error stay."""
GREY = "#9a9a9a"


def lines(best: Sequence[Point], methods: Sequence[Point], cost: Cost) -> tuple[list[str], list[list[str]]]:
    """The columns' heads, the front's rows, then the methods'.

    The column `front` has a tick where no row of either kind is better in both error and cost.
    """
    varied = [word for point in best[:1] if point.network for word in point.network.values if word != "base"]
    whole = front([*best, *methods], cost)
    found = []
    for point in (*best, *methods):
        network, row = point.network, point.row
        values = [network.values[word] if network else "" for word in varied]
        measured = [str(network.order) if network else "", str(point.steps), str(row.evaluations), short(row.macs)]
        measured += [f"{row.milliseconds:.2f}", f"{row.relative_error:.1e}", f"{network.delta:.3f}" if network else ""]
        found.append([f"{_base(point)} + g" if network else row.method, *values, *measured, "✓" * (point in whole)])
    return ["method", *(HEADS.get(word, word) for word in varied), *MEASURED], found


def table(best: Sequence[Point], methods: Sequence[Point], cost: Cost, title: str) -> Listing:
    """What rich prints, with a line between the front and the methods."""
    heads, rows = lines(best, methods, cost)
    columns = [Column(head, right=i > 0, leaves=LEAVE.get(head, 0)) for i, head in enumerate(heads)]
    return listing(title, columns, rows, [len(best)] if best else [])


def markdown_table(best: Sequence[Point], methods: Sequence[Point], cost: Cost) -> str:
    """The same in Markdown."""
    return markdown(*lines(best, methods, cost))


def as_json(point: Point, store: Store, task: Task) -> dict[str, object]:
    """A point as JSON's types: what varies, what was measured, and where its files are."""
    row, network = point.row, point.network
    found: dict[str, object] = {"method": row.method}
    if network is not None:
        found.update(network.values)
    found["steps"] = point.steps
    names = ("relative_error", "mape", "l2", "evaluations", "macs", "milliseconds")
    found |= {name: plain(getattr(row, name)) for name in names}
    if network is not None:
        found |= {"order": network.order, "delta": plain(network.delta), "seconds": network.seconds}
        found["spec"] = spec_path(store.folder, network.folder, task).as_posix()
        found["weights"] = weights_path(store.folder, network.folder, task).as_posix()
    return found


def plot(
    found: Sequence[Point], best: Sequence[Point], methods: Sequence[Point], cost: Cost, path: Path, title: str
) -> None:
    """Writes a figure with one panel for each cost to `path` (its ending says the format).

    All points found, by base, the front over `cost` in rings, and methods beside it, dashed. Times are of each
    network's own measuring, but those of the front and of the methods, which took turns.
    """
    figure = Figure(figsize=(13.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(AXES), sharey=True)
    for panel, (field, label) in zip(panels, AXES, strict=True):
        _panel(panel, field, found, best, methods, minimised=field == cost)
        panel.set_xscale("log")
        panel.set_yscale("log")
        plain_ticks(panel.xaxis)
        panel.tick_params(labelsize="small")
        panel.set_xlabel(label + (" (minimised)" if field == cost else ""))
        panel.grid(True, which="major", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("relative error")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize="small", loc="outside right center")
    figure.suptitle(title)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=150))


def _panel(
    panel: Axes,
    field: str,
    found: Sequence[Point],
    best: Sequence[Point],
    methods: Sequence[Point],
    *,
    minimised: bool,
) -> None:
    ordered = sorted(found, key=lambda point: point.network.order if point.network else 0)
    bases = list(dict.fromkeys(map(_base, ordered)))
    for i, base in enumerate(bases):
        x, y = _shown([point for point in found if _base(point) == base], field)
        panel.scatter(
            x, y, s=14, marker=MARKERS[i % len(MARKERS)], color=COLOURS[i % len(COLOURS)], alpha=0.55, lw=0, label=base
        )
    x, y = _shown(best, field)
    line = "-" if minimised else "none"
    panel.plot(x, y, ls=line, color="black", marker="o", markersize=6, markerfacecolor="none", lw=1.2, label="front")
    for i, name in enumerate(dict.fromkeys(point.row.method for point in methods)):
        x, y = _shown([point for point in methods if point.row.method == name], field)
        panel.plot(x, y, color=GREY, linestyle="--", marker="1234"[i % 4], lw=1, label=f"{name}, no g")


def _shown(points: Sequence[Point], field: str) -> tuple[list[float], list[float]]:
    pairs = [(float(getattr(point.row, field)), point.row.relative_error) for point in points]
    kept = [(cost, error) for cost, error in pairs if math.isfinite(error) and error > 0]
    return [cost for cost, _ in kept], [error for _, error in kept]


def _base(point: Point) -> str:
    return point.network.values.get("base", "base") if point.network else ""
