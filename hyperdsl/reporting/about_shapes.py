"""Sections with pictures of other kinds: the stability region, and what solutions look like."""

from __future__ import annotations

import math

import torch
from matplotlib.axes import Axes
from torch import Tensor

from hyperdsl.evaluation.samples import EXACT, Panel, Show, shower
from hyperdsl.pages.multistep_regions import draw_multistep_region
from hyperdsl.pages.regions import draw_region
from hyperdsl.pages.text import length
from hyperdsl.reporting.about_cost import shown
from hyperdsl.reporting.measured import Measured
from hyperdsl.reporting.page import Part, Plot, Table
from hyperdsl.reporting.subject import Subject
from hyperdsl.reporting.svg import INK, SERIES, drawn
from hyperdsl.semantics.model.spec import HistorySolver, Multistep, RosenbrockSolver, Solver

LISTED, COMPONENTS = 8, 3
"""States whose ends stand in a table, and their components there."""


def about_stability(subject: Subject) -> Part:
    """The region of the base method, where it has one."""
    title, name = "Stability", subject.name
    plot = _region(subject)
    if plot is None:
        return Part("stability", title, left_out=_no_region(subject))
    lines = [
        "Where f pulls states together fast, by a rate λ, a step may be too long: errors then grow instead of fading. "
        "They fade where ελ lies in the shaded region.",
    ]
    entry = subject.entry
    if isinstance(entry.get("real_stability"), int | float):
        lines.append(f"Along the negative axis the region reaches to -{length(float(entry['real_stability']))}.")
    if subject.corrected:
        lines.append(
            f"That is the region of the base; what g adds is not linear, so {name} has no region of its own, and keeps "
            "close to this one while g is small."
        )
    return Part("stability", title, tuple(lines), plots=(plot,))


def _no_region(subject: Subject) -> str:
    if subject.entry.get("kind") == "additive":
        return "a method in two parts has no single region: its explicit part limits the step by what it is given"
    if subject.entry.get("kind") in ("variable", "predictor_corrector"):
        return "the region is another one for each order and step, or for each pair of formulas"
    return "its coefficients are found by training, or are those of a family"


def _region(subject: Subject) -> Plot | None:
    declared, entry = subject.declared, subject.entry

    def draw(axes: Axes) -> None:
        match declared:
            case HistorySolver(base=Multistep(formula=formula)):
                draw_multistep_region(axes, formula, SERIES[0], SERIES[1], INK)
            case RosenbrockSolver(tableau=rosenbrock):
                draw_region(axes, rosenbrock.linear, declared.facts.real_stability, SERIES[0], INK)
            case Solver(tableau=tableau):
                draw_region(axes, tableau, declared.facts.real_stability, SERIES[0], INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel("real part of ελ")
        axes.set_ylabel("imaginary part of ελ")

    has_one = (
        (isinstance(declared, HistorySolver) and isinstance(declared.base, Multistep))
        or isinstance(declared, RosenbrockSolver)
        or (isinstance(declared, Solver) and not declared.tableau.parameters)
    )
    if not has_one:
        return None
    caption = f"The stability region of {entry.get('base')}"
    known = {"real interval": entry.get("real_stability"), "imaginary interval": entry.get("imaginary_stability")}
    numbers = [(what, _length(value)) for what, value in known.items() if value is not None]
    properties = {"A-stable": entry.get("a_stable"), "L-stable": entry.get("l_stable")}
    numbers += [(what, "yes" if value else "no") for what, value in properties.items() if value is not None]
    numbers += [("order", str(entry.get("order")))]
    table = Table(caption, ("what", "value"), tuple(numbers))
    svg = drawn(
        "stability-region", caption, "A shaded part of the complex plane of ελ, around 0 and to its left.", draw
    )
    return Plot(f"{caption}.", svg, table)


def _length(value: object) -> str:
    return length(float(value)) if isinstance(value, int | float) else str(value)


def about_samples(subject: Subject, measured: Measured) -> Part:
    """What methods give, beside the exact ones."""
    what, show = _kind(subject), shower(subject.problem, measured.start, measured.lines)
    plots = [_picture(show, measured, panel, k, what) for k, panel in enumerate((None, *measured.panels))]
    beside = "pale lines are the exact ones" if what == "trajectories" else "the exact ones come first"
    return Part(
        "samples",
        what.capitalize(),
        (f"What methods give from the same starts; {beside}.",),
        plots=tuple(plots),
        after=measured.notes["samples"],
    )


def _kind(subject: Subject) -> str:
    shape = subject.problem.state_shape
    if len(shape) == 3 and shape[0] in (1, 3):
        return "images"
    return "samples" if subject.problem.generative else "trajectories"


def _picture(show: Show, measured: Measured, panel: Panel | None, k: int, what: str) -> Plot:
    """The figure of one method, or of the exact ones."""
    states = None if panel is None else panel.states
    endless = states is not None and not bool(states.isfinite().all())
    if states is not None and endless:
        states = torch.where(states.isfinite(), states, 0.0 if what == "images" else torch.nan)

    def draw(axes: Axes) -> None:
        if what != "trajectories":
            axes.set_axis_off()
        show(axes, states)
        axes.tick_params(labelsize=9)
        axes.spines[["top", "right"]].set_visible(False)

    told = EXACT if panel is None else f"{panel.method}, {panel.setting}"
    distance = "" if panel is None else f": mean distance from the exact ends (L2) {shown(panel.l2)}"
    lost = ". What is not finite is not drawn" * endless
    caption = f"{what.capitalize()}, {told}{distance}{lost}"
    ends = measured.start.reference if panel is None else panel.states[-1]
    table = Table(f"first ends, {told}", *_ends(ends, measured.start.reference, panel is not None))
    svg = drawn(f"samples-{k}", f"{what.capitalize()}, {told}", f"{caption}.", draw, (3.5, 3.0))
    return Plot(f"{caption}.", svg, table)


def _ends(ends: Tensor, reference: Tensor, with_distance: bool) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Heads and rows of some ends: their first components, and how far they are from the exact ones."""
    flat, exact = ends[:LISTED].double().flatten(1), reference[:LISTED].double().flatten(1)
    count = min(flat.shape[1], COMPONENTS)
    heads = ("start", *(f"component {k}" for k in range(1, count + 1)), *(["distance"] if with_distance else []))
    distances = (flat - exact).norm(dim=1).tolist()
    rows = []
    for k, (row, distance) in enumerate(zip(flat[:, :count].tolist(), distances, strict=True), start=1):
        cells = [f"{value:.4g}" if math.isfinite(value) else "not finite" for value in row]
        rows.append((str(k), *cells, *([shown(distance)] if with_distance else [])))
    return heads, tuple(rows)
