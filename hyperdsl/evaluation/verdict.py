"""Whether a hypersolver's corrector is worth its cost beside other methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperdsl.evaluation.work_precision import Row

EQUAL = 1.1  # costs up to so many times another count as equal: times are no more exact


@dataclass(frozen=True)
class Better:
    """Another method's row with less error than one of the hypersolver's, at equal cost."""

    own: Row
    other: Row

    @property
    def gain(self) -> float:
        """How many times less."""
        return self.own.relative_error / self.other.relative_error if self.other.relative_error else math.inf


def verdict(rows: Sequence[Row], name: str) -> str | None:
    """A sentence where others have less error at equal cost for most settings of the solver called `name`, else None.

    Cost is milliseconds or multiply-accumulates, g's included; each setting is held against the best of those that
    cost no more, within a tenth.
    """
    settings = [row for row in rows if row.method == name]
    ratio = next((row.corrector_over_field for row in settings if row.corrector_over_field is not None), None)
    found = {
        "time": _better(rows, name, lambda row: row.milliseconds),
        "multiply-accumulates": _better(rows, name, lambda row: row.macs),
    }
    lost = {cost: better for cost, better in found.items() if 2 * len(better) > len(settings)}
    if ratio is None or not lost:
        return None
    cost, better = next(iter(lost.items()))
    shown = sorted(better, key=lambda one: one.gain)[(len(better) - 1) // 2]
    counts = " and ".join(f"{len(better)} of {len(settings)} settings at equal {cost}" for cost, better in lost.items())
    return (
        f"At equal {cost} {shown.other.method} {shown.other.setting} has {shown.gain:.3g} times less error than "
        f"{name} {shown.own.setting}, and so it is for {counts}: a call of g costs {ratio:.2g} evaluations of f."
    )


def _better(rows: Sequence[Row], name: str, cost: Callable[[Row], float]) -> list[Better]:
    """For each setting that others beat at equal cost, the best of them."""
    found = []
    for own in rows:
        others = [row for row in rows if row.method != name and cost(row) <= EQUAL * cost(own)]
        best = min(others, key=_error, default=own)
        if own.method == name and _error(best) < _error(own):
            found.append(Better(own, best))
    return found


def _error(row: Row) -> float:
    """The relative error, infinite where it is no number."""
    return row.relative_error if math.isfinite(row.relative_error) else math.inf
