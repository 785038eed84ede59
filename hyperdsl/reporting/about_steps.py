"""Sections on how errors fall with the step, and on where the learned part helps and where it does harm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes

from hyperdsl.reporting.about_cost import shown
from hyperdsl.reporting.curves import Beside, Curve, Local
from hyperdsl.reporting.measured import Measured
from hyperdsl.reporting.page import Part, Plot, Table
from hyperdsl.reporting.subject import Subject
from hyperdsl.reporting.svg import BAD, FAIR, GOOD, INK, POOR, drawn, logarithmic, named, style
from hyperdsl.training.trained import trained_grids

DRAWN = 400
"""States in a map."""
CLASSES = (
    ("error at most a tenth", 0.1, GOOD, "o"),
    ("error at most a half", 0.5, FAIR, "s"),
    ("error between a half and all of it", 1.0, POOR, "^"),
    ("error larger: harm", math.inf, BAD, "X"),
)
"""The error with the learned part over that without: up to which, and how it is drawn."""


def about_convergence(subject: Subject, measured: Measured) -> Part:
    """Slopes of errors over steps, beside the proven order."""
    title, order = "How errors fall with the step", int(subject.entry.get("order") or 0)
    lines, plots = [], []
    if measured.curves is None:
        lines.append(
            "The solver takes steps of its own, so that there is no number of steps to double: how its error follows "
            "its setting is in the section on cost."
        )
    else:
        slopes = " and ".join(f"{_slope(curve)} for {curve.name}" for curve in measured.curves)
        lines.append(
            f"Order {order} is proven, so doubling the number of steps divides the error at the end by about "
            f"{2**order}, a slope of {order} in this figure. The slope measured is {slopes}."
        )
        grids = trained_grids(subject.solver)
        if grids:
            lines.append(
                f"It was trained for K = {', '.join(map(str, grids))} alone: other numbers of steps show that the "
                "order stays, and not what it is good for."
            )
        caption = "Error at the end of the span over the number of steps"
        plots.append(_curves("convergence", caption, measured.curves, order, "number of steps", down=True))
    found = measured.local
    if found is None:
        lines.append(f"There is no figure of single steps: {measured.no_local}.")
    elif len(found.sizes) > 1:
        pair = (found.before, found.after) if subject.learns and subject.trained else (found.after,)
        slopes = " and ".join(f"{_slope(curve)} for {curve.name}" for curve in pair)
        lines.append(f"The error of a single step should fall with slope {order + 1}; the slope measured is {slopes}.")
        caption = "Error of a single step over its size ε"
        plots.append(_curves("local", caption, pair, order + 1, "step size ε", down=False))
    else:
        lines.append("The solver was made for steps of one size, so that there is no slope of single steps.")
    return Part("convergence", title, tuple(lines), plots=tuple(plots), after=measured.notes["convergence"])


def _slope(curve: Curve) -> str:
    return "not to be told" if curve.slope is None else f"{curve.slope:.2f}"


def _curves(name: str, caption: str, curves: Sequence[Curve], slope: int, x: str, *, down: bool) -> Plot:
    def usable(curve: Curve) -> list[tuple[float, float]]:
        return sorted((abs(at), error) for at, error in curve.points if 0 < error < 100)

    def draw(axes: Axes) -> None:
        for k, curve in enumerate(reversed(curves)):
            points = usable(curve)
            if points:
                axes.plot(*zip(*points, strict=True), label=curve.name, **style(k))
        anchors = usable(curves[0])
        if len(anchors) > 1:
            at, error = anchors[-1] if down else anchors[0]
            ends = [anchors[len(anchors) // 2][0], at]
            sign = -1 if down else 1
            line = [1.6 * error * (end / at) ** (sign * slope) for end in ends]
            axes.plot(ends, line, color=INK, linestyle="--", linewidth=1, label=f"slope {slope}, as proven")
        logarithmic(axes, x, "relative error")

    sizes = sorted({abs(at) for curve in curves for at, _ in curve.points}, reverse=not down)
    by_curve = [{abs(at): error for at, error in curve.points} for curve in curves]
    rows = tuple(
        (f"{size:.4g}", *(shown(errors[size]) if size in errors else "not measured" for errors in by_curve))
        for size in sizes
    )
    table = Table(caption, (x, *(curve.name for curve in curves)), rows)
    told = "; ".join(f"{curve.name}: slope {_slope(curve)}" for curve in curves)
    svg = drawn(name, caption, f"Straight lines mean a constant order. {told}. Proven: {slope}.", draw)
    endless = any(not 0 < error < 100 for curve in curves for _, error in curve.points)
    return Plot(f"{caption}. {told}.{' Steps whose errors are endless are left out.' * endless}", svg, table)


def about_delta(subject: Subject, measured: Measured) -> Part:
    """δ by step size."""
    title, found = "What the learned part gains, step by step", measured.local
    why = _no_delta(subject, measured)
    if why or found is None:
        return Part("gain", title, left_out=why)
    low, high = min(found.delta), max(found.delta)
    lines = [
        "δ is the error of a single step with the learned part over that without it, a median over states that "
        f"training has not seen: .1 is ten times more accurate, 1 is no gain. Here it is {_ends(low, high)}.",
    ]
    told = dict(subject.origin.delta) if subject.origin else {}
    if told:
        lines.append(f"Its own training measured {_ends(min(told.values()), max(told.values()))}.")
    if len(found.sizes) == 1:
        return Part("gain", title, tuple(lines), tables=(_delta_table(found),))
    return Part("gain", title, tuple(lines), plots=(_delta_plot(found),))


def _ends(low: float, high: float) -> str:
    first, last = f"{low:.3g}", f"{high:.3g}"
    return first if first == last else f"{first} to {last}"


def _no_delta(subject: Subject, measured: Measured) -> str:
    if not subject.learns:
        return f"{subject.name} has no learned part"
    if not subject.trained:
        return f"{subject.name} is untrained: its learned part adds nothing yet"
    return measured.no_local if measured.local is None else ""


def _delta_plot(found: Local) -> Plot:
    pairs = sorted((abs(eps), value) for eps, value in zip(found.sizes, found.delta, strict=True))

    def draw(axes: Axes) -> None:
        usable = [(eps, value) for eps, value in pairs if 0 < value < 1e6]
        if usable:
            axes.plot(*zip(*usable, strict=True), **style(0))
        axes.axhline(1.0, color=INK, linestyle="--", linewidth=1)
        logarithmic(axes, "step size ε", "δ")
        axes.annotate("no gain", (0.98, 1.0), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=9)

    caption = "δ over the step size ε; below the dashed line the learned part helps"
    return Plot(caption, drawn("delta", "δ over the step size", f"{caption}.", draw), _delta_table(found))


def _delta_table(found: Local) -> Table:
    rows = tuple(
        (f"{abs(eps):.4g}", f"{value:.3g}" if math.isfinite(value) else "not finite", f"{100 * harm:.1f} %")
        for eps, value, harm in zip(found.sizes, found.delta, found.harmed, strict=True)
    )
    return Table("δ by step size", ("ε", "δ", "states where it does harm"), rows)


def about_states(subject: Subject, measured: Measured) -> Part:
    """Where g may be used: states on and beside solutions, and the trained ranges."""
    title, found = "Where it may be used, and where not", measured.local
    why = _no_delta(subject, measured)
    if why or found is None or not found.beside:
        return Part("states", title, left_out=why or "no reference for states beside solutions could be had")
    lines = [
        f"Single steps of size ε = {abs(found.size):.3g} were taken from states on solutions, and from states 1, 2 "
        "and 4 standard deviations beside them, which training has hardly seen.",
        *_advice(found.beside),
    ]
    rows = tuple(
        (
            "on solutions" if one.off == 0 else f"{one.off:g} σ beside",
            f"{float(one.ratios.median()):.3g}",
            f"{100 * one.harmed:.1f} %",
        )
        for one in found.beside
    )
    table = Table(
        "How far beside solutions the learned part still helps",
        ("states", "median of error with it over without", "states where it does harm"),
        rows,
    )
    plots = (_map(found),) if found.beside[0].places.shape[1] == 2 else ()
    return Part("states", title, tuple(lines), tuple(_ranges(subject)), tables=(table,), plots=plots)


def _advice(beside: Sequence[Beside]) -> list[str]:
    harmful = [one for one in beside if one.harmed > 0.2]
    worst = max(one.harmed for one in beside)
    if not harmful:
        return [f"Nowhere does it make more than {100 * worst:.0f} % of the steps worse."]
    first = harmful[0]
    where = "even on solutions" if first.off == 0 else f"from {first.off:g} standard deviations beside solutions on"
    return [
        f"Do not rely on it {where}: there {100 * first.harmed:.0f} % of the steps are worse with the learned part "
        "than without it."
    ]


def _ranges(subject: Subject) -> list[str]:
    """What the weights say of their training."""
    ranges = subject.ranges
    if ranges is None:
        return ["The weights do not say which step sizes and times they were trained for."]
    sizes = ", ".join(f"{size:.4g}" for size in ranges.sizes) or f"{ranges.eps[0]:.4g} to {ranges.eps[1]:.4g}"
    times = "any time s" if ranges.s is None else f"times s from {ranges.s[0]:g} to {ranges.s[1]:g}"
    outside = getattr(getattr(subject.solver, "corrector", None), "outside", None)
    beyond = {
        "warn": "a solve that leaves these gives a warning",
        "base": "beyond these step sizes and times the solver goes on without g",
        "ignore": "a solve that leaves these says nothing",
    }.get(str(outside))
    told = [
        f"trained for step sizes ε {sizes}",
        f"trained for {times}",
        f"trained for up to {ranges.steps} steps a solve",
    ]
    return [*told, *([beyond] if beyond else [])]


def _map(found: Local) -> Plot:
    share = max(DRAWN // len(found.beside), 1)
    places = torch.cat([one.places[:share] for one in found.beside])
    ratios = torch.cat([one.ratios[:share] for one in found.beside]).nan_to_num(math.inf)
    classes = torch.bucketize(ratios, torch.tensor([limit for _, limit, _, _ in CLASSES[:-1]], dtype=ratios.dtype))

    def draw(axes: Axes) -> None:
        for k, (name, _, colour, marker) in enumerate(CLASSES):
            x, y = places[classes == k].T.tolist() if bool((classes == k).any()) else ([], [])
            axes.plot(x, y, linestyle="", marker=marker, color=colour, markersize=4, alpha=0.8, label=name)
        kind = "principal component" if found.components else "component of z"
        which = (f"first {kind}", f"second {kind}")
        named(axes, *which)

    everything = [
        (
            "on solutions" if one.off == 0 else f"{one.off:g} σ beside",
            *(f"{100 * share:.1f} %" for share in _shares(one)),
        )
        for one in found.beside
    ]
    heads = ("states", *(name for name, _, _, _ in CLASSES))
    table = Table("shares of states by what the learned part does", heads, tuple(everything))
    caption = "States and what the learned part does to a step's error there"
    lines = "; ".join(f"{row[0]}: harm at {row[-1]}" for row in everything)
    return Plot(f"{caption}.", drawn("states-map", caption, f"Points in a plane. {lines}.", draw, (5.2, 5.0)), table)


def _shares(one: Beside) -> list[float]:
    limits = torch.tensor([limit for _, limit, _, _ in CLASSES[:-1]], dtype=one.ratios.dtype)
    counts = torch.bincount(torch.bucketize(one.ratios.nan_to_num(math.inf), limits), minlength=len(CLASSES))
    return [float(count) / len(one.ratios) for count in counts]
