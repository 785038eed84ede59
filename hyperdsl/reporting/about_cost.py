"""Sections on what accuracy costs: error against cost, and the solves after which a training has paid for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from hyperdsl.evaluation.report import outside_sentences, short
from hyperdsl.evaluation.verdict import cost_sentence
from hyperdsl.evaluation.work_precision import Row
from hyperdsl.reporting.measured import Measured
from hyperdsl.reporting.page import Part, Plot, Table
from hyperdsl.reporting.subject import Subject
from hyperdsl.reporting.svg import drawn, logarithmic, style
from hyperdsl.reporting.verdict import LEVELS, MACS, NFE, TIME, Cost, cheapest, percent

AXES = {NFE.name: "evaluations of f", MACS.name: "multiply-accumulates a sample", TIME.name: "milliseconds a batch"}


def shown(value: float) -> str:
    """An error in a table."""
    return f"{value:.1e}" if math.isfinite(value) else "not finite"


def about_cost(subject: Subject, measured: Measured) -> Part:
    """Error against each cost, with a figure and a table of it."""
    rows = measured.rows
    batch = f"a batch of {measured.batch} states, on one thread"
    lines = [
        f"Every method solves the same unseen states over the same span. Time is that of {batch}, methods in "
        "turns, and is a median; what g costs is included in time and in multiply-accumulates. An error is the median "
        "distance from the exact end, over the size of that. Lower and further left is better.",
    ]
    lines += filter(None, [cost_sentence(rows, subject.name)])
    endless = [f"{row.method}, {row.setting}" for row in rows if not math.isfinite(row.relative_error)]
    after = [f"Not in the figures, since their ends are not finite: {'; '.join(endless)}."] if endless else []
    after += [*(f"{line}." for line in outside_sentences(rows)), *measured.notes["cost"]]
    plots = tuple(_plot(cost, rows) for cost in (TIME, NFE, MACS) if _known(cost, rows))
    return Part("cost", "Accuracy for its cost", tuple(lines), plots=plots, after=tuple(after))


def _known(cost: Cost, rows: Sequence[Row]) -> bool:
    return any(cost.of(row) > 0 for row in rows)


def _plot(cost: Cost, rows: Sequence[Row]) -> Plot:
    methods = list(dict.fromkeys(row.method for row in rows))

    def draw(axes: Axes) -> None:
        for k, method in enumerate(methods):
            own = [row for row in rows if row.method == method and cost.of(row) > 0]
            points = [(cost.of(row), row.relative_error) for row in own if 0 < row.relative_error < 10]
            if points:
                axes.plot(*zip(*sorted(points), strict=True), label=method, **style(k))
        logarithmic(axes, AXES[cost.name], "relative error")

    unit = cost.unit
    cells = [
        (
            row.method,
            row.setting + (" *" if row.outside else ""),
            short(round(cost.of(row))) if cost is not TIME else f"{row.milliseconds:.3g}",
            shown(row.relative_error),
            f"{row.mape:.3g}" if math.isfinite(row.mape) else "not finite",
        )
        for row in rows
        if cost.of(row) > 0
    ]
    table = Table(
        f"error by {cost.name}", ("method", "setting", unit, "relative error", "mean error in %"), tuple(cells)
    )
    best = cheapest(rows, LEVELS[1], cost)
    told = f"At 1 % {best.method} is the cheapest." if best.method else "No method reaches 1 %."
    title = f"Relative error against {AXES[cost.name]}"
    svg = drawn(f"cost-{cost.unit.lower()}", title, f"A curve for each method, falling to the right. {told}", draw)
    return Plot(f"{title}. {told}", svg, table)


@dataclass(frozen=True)
class Payback:
    """At an accuracy: the time that a batch takes with the solver and with the best of the others, in milliseconds."""

    level: float
    own: float
    other: float
    rival: str

    def batches(self, seconds: float) -> float:
        """After so many batches a training of so many seconds has paid for itself; inf where never."""
        saved = self.other - self.own
        return math.inf if saved <= 0 else 1e3 * seconds / saved


def paybacks(rows: Sequence[Row], name: str) -> list[Payback]:
    """One for each accuracy that the solver and another method reach."""
    found = []
    for level in LEVELS:
        spent = dict(cheapest(rows, level, TIME).spent)
        own = spent.pop(name, None)
        if own is not None and spent:
            rival, other = next(iter(spent.items()))
            found.append(Payback(level, own, other, rival))
    return found


def about_training(subject: Subject, measured: Measured) -> Part:
    """What training took, and when that is earned back."""
    title = "What training costs"
    if not subject.learns:
        why = f"nothing of {subject.name} is trained, so there is nothing to earn back"
        return Part("training", title, left_out=why)
    if not subject.trained:
        return Part("training", title, left_out=f"{subject.name} has not been trained yet")
    assert subject.origin is not None  # it is trained
    seconds, found = subject.origin.seconds, paybacks(measured.rows, subject.name)
    if seconds is None:
        unknown = "The weights do not say how long their training took, so that when it pays for itself is not known."
        return Part("training", title, (unknown,))
    rows = []
    for one in found:
        batches = one.batches(seconds)
        earned = "never" if math.isinf(batches) else f"{math.ceil(batches):,}"
        rows.append((percent(one.level), f"{one.own:.3g}", f"{one.other:.3g}", one.rival, earned))
    lines = [f"The training of these weights took {seconds:.3g} seconds, once."]
    finite = [one.batches(seconds) for one in found if math.isfinite(one.batches(seconds))]
    if finite:
        least = math.ceil(min(finite))
        lines.append(f"It has paid for itself after {least:,} batches of {measured.batch} solves at the earliest.")
    else:
        lines.append("It never pays for itself in time here: others take no longer at equal accuracy.")
    heads = ("error", f"{subject.name}, ms", "best other, ms", "which is", "batches until it pays")
    table = Table(f"Batches of {measured.batch} solves after which training has paid for itself", heads, tuple(rows))
    return Part("training", title, tuple(lines), tables=(table,) if rows else ())
