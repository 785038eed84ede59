"""Whether a hypersolver's corrector is worth its cost beside other methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperdsl.evaluation.work_precision import Row

EQUAL = 1.1  # costs up to so many times another count as equal: times are no more exact
LEAST = 1e-300  # an error of nothing, for logarithms


@dataclass(frozen=True)
class Better:
    """A setting of the hypersolver, and less error at equal cost: `other` is whose, and where on the curve."""

    own: Row
    other: str
    error: float

    @property
    def gain(self) -> float:
        """How many times less."""
        own = self.own.relative_error
        return own / self.error if math.isfinite(own) else math.inf


def cost_ratio(rows: Sequence[Row], name: str) -> float | None:
    """The cost of a call of g over that of an evaluation of f, of the solver called `name`; None where it has none."""
    found = (row.corrector_over_field for row in rows if row.method == name)
    return next((ratio for ratio in found if ratio is not None), None)


def cost_sentence(rows: Sequence[Row], name: str) -> str | None:
    """What g costs, where there is a g."""
    ratio = cost_ratio(rows, name)
    return None if ratio is None else f"A call of g costs {_rounded(ratio)} evaluations of f, in multiply-accumulates."


def verdict(rows: Sequence[Row], name: str) -> str | None:
    """A sentence where others have less error at equal cost for most settings of the solver called `name`, else None.

    Cost is milliseconds or multiply-accumulates, g's included; each setting is held against the best of the other
    methods' errors at its cost, within a tenth, and between two of their rows on the line in logarithms.
    """
    settings = [row for row in rows if row.method == name]
    ratio = cost_ratio(rows, name)
    found = {
        "time": beaten(rows, name, lambda row: row.milliseconds),
        "multiply-accumulates": beaten(rows, name, lambda row: row.macs),
    }
    lost = {cost: better for cost, better in found.items() if 2 * len(better) > len(settings)}
    if ratio is None or not lost:
        return None
    cost, better = next(iter(lost.items()))
    shown = sorted(better, key=lambda one: one.gain)[(len(better) - 1) // 2]
    counts = " and ".join(f"{len(better)} of {len(settings)} settings at equal {cost}" for cost, better in lost.items())
    return (
        f"At equal {cost} {shown.other} has {shown.gain:.3g} times less error than "
        f"{name} {shown.own.setting}, and so it is for {counts}: a call of g costs {_rounded(ratio)} evaluations of f."
    )


def beaten(rows: Sequence[Row], name: str, cost: Callable[[Row], float]) -> list[Better]:
    """For each setting of the solver called `name` that others beat at equal cost, within a tenth, the best of them."""
    curves: dict[str, list[Row]] = {}
    costly = [row for row in rows if cost(row) > 0]
    for row in sorted((row for row in costly if row.method != name and math.isfinite(row.relative_error)), key=cost):
        curves.setdefault(row.method, []).append(row)
    found = []
    for own in (row for row in costly if row.method == name):
        rivals = [rival for curve in curves.values() if (rival := _at(own, curve, cost))]
        best = min(rivals, key=lambda rival: rival.error, default=None)
        if best and not best.error >= own.relative_error:  # nan is beaten by anything
            found.append(best)
    return found


def _at(own: Row, curve: Sequence[Row], cost: Callable[[Row], float]) -> Better | None:
    """What a method's curve has at the cost of a row; None where all of it costs more."""
    below = [row for row in curve if cost(row) <= EQUAL * cost(own)]
    above = curve[len(below) :]
    if not below:
        return None
    last = below[-1]
    error = max(last.relative_error, LEAST)
    if not above or cost(last) >= cost(own) / EQUAL:
        return Better(own, f"{last.method} {last.setting}", error)
    share = math.log(cost(own) / cost(last)) / math.log(cost(above[0]) / cost(last))
    error *= (max(above[0].relative_error, LEAST) / error) ** share
    return Better(own, f"{last.method} between {last.setting} and {above[0].setting}", error)


def _rounded(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f}"
