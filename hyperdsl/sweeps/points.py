"""What a sweep has found: networks measured at numbers of steps, and those of them that nothing beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hyperdsl.evaluation.work_precision import Row

Cost = Literal["macs", "evaluations", "milliseconds"]
"""A field of `Row`: what is minimised beside the error."""

WORST = 1e6
"""An error above it is as bad as any: the solution has diverged."""
LEAST = 1e-300


@dataclass(frozen=True)
class Network:
    """One variant, trained. `values` are what varies, as a spec writes them, and `order` is proven.

    `delta` is δ in the middle of the range of ε, `seconds` what its training took, `folder` that of its spec, package
    and weights inside the sweep's; `rows` are its measurements by the number of steps K.
    """

    values: Mapping[str, str]
    order: int
    delta: float
    seconds: float
    folder: str
    rows: Mapping[int, Row]

    def as_json(self) -> dict[str, object]:
        """JSON's types; `from_json` reads them."""
        return asdict(self) | {"rows": {str(steps): asdict(row) for steps, row in self.rows.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Network:
        """KeyError or TypeError where something is missing."""
        rows = {int(steps): Row(**row) for steps, row in stored["rows"].items()}
        return cls(**{**stored, "rows": rows})


@dataclass(frozen=True)
class Point:
    """A network at one number of steps, or (`network` None) a method without a corrector."""

    network: Network | None
    steps: int
    row: Row

    def objectives(self, cost: Cost) -> tuple[float, float]:
        """The logarithms of error and cost: both range over decades."""
        error = self.row.relative_error
        bounded = min(max(error, LEAST), WORST) if math.isfinite(error) else WORST
        return math.log10(bounded), math.log10(max(float(getattr(self.row, cost)), LEAST))


def points(networks: Iterable[Network]) -> list[Point]:
    """Every network at every number of steps."""
    return [Point(network, steps, row) for network in networks for steps, row in network.rows.items()]


def front(found: Sequence[Point], cost: Cost) -> list[Point]:
    """The points that no other equals or beats in both error and cost, the cheapest first; of equal ones the first.

    Solutions that diverged are on no front.
    """
    kept: list[Point] = []
    best = math.log10(WORST)
    for point in sorted(found, key=lambda point: point.objectives(cost)[::-1]):
        error = point.objectives(cost)[0]
        if error < best:
            kept.append(point)
            best = error
    return kept


def knee(best: Sequence[Point], cost: Cost) -> Point | None:
    """The front's point farthest below the line through its ends, error and cost on logarithmic axes of one length.

    Where further cost begins to buy less: I. Das, On characterizing the "knee" of the Pareto curve based on
    normal-boundary intersection, Structural Optimization 18 (1999).
    """
    found = [point.objectives(cost) for point in best]
    (errors, costs) = zip(*found, strict=True) if found else ((), ())
    lengths = [max(axis) - min(axis) or 1.0 for axis in (errors, costs)] if found else []
    return min(
        best,
        key=lambda point: sum(x / length for x, length in zip(point.objectives(cost), lengths, strict=True)),
        default=None,
    )


def hypervolume(found: Sequence[Point], cost: Cost, worst: tuple[float, float]) -> float:
    """The area in square decades that the front dominates below `worst`, the logarithms of an error and a cost.

    E. Zitzler, L. Thiele, Multiobjective Optimization Using Evolutionary Algorithms, PPSN 1998.
    """
    area, above = 0.0, worst[0]
    for point in front(found, cost):
        error, price = point.objectives(cost)
        if error < above and price < worst[1]:
            area += (above - error) * (worst[1] - price)
            above = error
    return area
