"""Figures as SVG inside a page: colours that follow the page's, text as text, and ids of their own."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hyperdsl.evaluation.samples import COLOUR
from hyperdsl.evaluation.samples import PALE as BEHIND

INK, FAINT, PALE = "#010101", "#010102", "#010103"
"""Of axes and text, of grids, and of what stands behind something else."""
SERIES = tuple(f"#0102{k:02x}" for k in range(1, 9))
"""Of methods, the report's own first."""
GOOD, FAIR, POOR, BAD = "#010301", "#010302", "#010303", "#010304"
"""What helps much, what helps, what harms, what harms much."""
MARKERS = "osD^vPX*"
SHORT = 13
"""Characters of names of which three have room beside each other."""
_VARIABLES = {
    INK: "--ink",
    FAINT: "--line",
    PALE: "--pale",
    **{colour: f"--series-{k}" for k, colour in enumerate(SERIES, start=1)},
    GOOD: "--good",
    FAIR: "--fair",
    POOR: "--poor",
    BAD: "--bad",
    COLOUR: "--series-1",
    BEHIND: "--pale",
}
"""Colours that only stand for the page's, which are another pair for a dark one."""
_SETTINGS: dict[str, Any] = {
    **{name: value for name, value in rcParamsDefault.items() if name != "backend"},
    "svg.fonttype": "none",
    "text.parse_math": False,  # names are no formulas
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.edgecolor": "none",
    "legend.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 10.0,
}
Draw = Callable[[Axes], None]


def drawn(name: str, title: str, description: str, draw: Draw, size: tuple[float, float] = (4.2, 3.5)) -> Markup:
    """An SVG with a title and a description, of what `draw` draws into its axes; the same for the same drawing.

    `name` is an identifier that no other figure of the page has; `size` is in inches.
    """
    settings: Any = {**_SETTINGS, "svg.hashsalt": name}
    with rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        draw(axes)
        labels = axes.get_legend_handles_labels()[1]
        if labels:
            columns = 3 if max(map(len, labels)) <= SHORT else 2
            figure.legend(loc="outside lower center", ncols=columns, columnspacing=1.2, handlelength=1.8)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inlined(file.getvalue(), f"figure-{name}", title, description)


def _inlined(text: str, name: str, title: str, description: str) -> Markup:
    body = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 system-ui, sans-serif", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    used = {*re.findall(r"(?:#)([A-Za-z_][\w.-]*)(?=[\")])", body)}
    body = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'(xlink:href="|url\()#([A-Za-z_])', rf"\1#{name}-\2", body)
    head = re.match(r"<svg[^>]*>", body)
    assert head is not None  # it begins so
    box = re.search(r'viewBox="[^"]*"', head[0])
    assert box is not None  # matplotlib writes one
    opened = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-description" {box[0]} '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
    )
    # Matplotlib escapes the texts that it draws, and the lines above the rest.
    return Markup(opened + body[head.end() :].strip())


def logarithmic(axes: Axes, x: str, y: str) -> None:
    """Axes in powers of ten, with plain numbers at their ticks and a grid."""
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        narrow = low <= 0 or high < 60 * low
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=7))
        axis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
        axis.set_minor_formatter(NullFormatter())
    named(axes, x, y)


def named(axes: Axes, x: str, y: str) -> None:
    """Labels, a grid, and no more lines around than are needed."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(True, which="major", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def power(value: float) -> str:
    """`0.01`, `1`, `5000`, and powers of ten beyond."""
    if 1e-3 <= value < 9.9e3:
        return f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if mantissa == "1" else f"{mantissa}·10{raised}"


def style(k: int) -> dict[str, Any]:
    """Colour and marker of the k-th method."""
    own = {"linewidth": 2.2, "markersize": 6, "zorder": 5} if k == 0 else {"linewidth": 1.3, "markersize": 4.5}
    return {"color": SERIES[k % len(SERIES)], "marker": MARKERS[k % len(MARKERS)], **own}
