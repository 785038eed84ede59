"""What the rows of several seeds say together: medians, what a method loses and gains, which is the quickest."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hyperdsl.evaluation.contenders import ADAPTIVE
from hyperdsl.evaluation.report import markdown
from hyperdsl.evidence.image_classifiers import BATCHES, METHODS
from hyperdsl.evidence.study import Found

Row: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[str, str]
"""A method and its setting, such as "K = 2"."""
Cost: TypeAlias = Callable[[Key], float]
"""A number of each."""
SAME = 0.2
"""Points of accuracy that methods may lose to dopri5 and count as equal."""


@dataclass(frozen=True)
class Seeds:
    """The parts of one set of images, a seed each, all with the same methods and settings."""

    parts: Sequence[Found]

    @property
    def keys(self) -> list[Key]:
        """All methods and settings in their order, dopri5 first."""
        return [(row["method"], row["setting"]) for row in self.parts[0]["rows"]]

    @property
    def adaptive(self) -> Key:
        """dopri5."""
        return next(key for key in self.keys if key[0] == ADAPTIVE)

    def settings(self, methods: Iterable[str]) -> list[Key]:
        """The settings of these methods."""
        wanted = set(methods)
        return [key for key in self.keys if key[0] in wanted]

    def median(self, of: Callable[[Mapping[Key, Row]], float]) -> float:
        """The median over the seeds of what is computed from a seed's rows."""
        return statistics.median(
            of({(row["method"], row["setting"]): row for row in part["rows"]}) for part in self.parts
        )

    def value(self, key: Key, name: str) -> float:
        """The median of a number of a row."""
        return self.median(lambda rows: rows[key][name])

    def milliseconds(self, key: Key, batch: int) -> float:
        """The median of the milliseconds of a batch."""
        return self.median(lambda rows: rows[key]["milliseconds"][str(batch)])

    def loss(self, key: Key) -> float:
        """Points of accuracy below dopri5's on the same f: the median over the seeds."""
        return self.median(lambda rows: rows[self.adaptive]["accuracy"] - rows[key]["accuracy"])

    def gain(self, method: str, setting: str) -> float:
        """Euler's MAPE over the method's in as many steps."""
        return self.median(lambda rows: rows["euler", setting]["mape"] / rows[method, setting]["mape"])

    def speed_up(self, key: Key, batch: int) -> float:
        """dopri5's time over this one's."""
        return self.median(lambda rows: _time(rows[self.adaptive], batch) / _time(rows[key], batch))

    def quickest(self, methods: Iterable[str], batch: int) -> Key | None:
        """The setting of these methods of the fewest milliseconds that is as accurate as dopri5; None if none is."""
        equal = [key for key in self.settings(methods) if self.loss(key) <= SAME]
        return min(equal, key=lambda key: self.milliseconds(key, batch), default=None)

    def rivals_time(self, key: Key, batch: int) -> float:
        """The time of the quickest setting of a fixed-step method of the library with no more MAPE, over this one's.

        Infinite where there is none.
        """
        rivals = self.settings(METHODS)

        def ratio(rows: Mapping[Key, Row]) -> float:
            as_good = [_time(rows[rival], batch) for rival in rivals if rows[rival]["mape"] <= rows[key]["mape"]]
            return min(as_good, default=float("inf")) / _time(rows[key], batch)

        return self.median(ratio)

    def on_front(self, key: Key, cost: Cost) -> bool:
        """Whether no fixed-step method of the library has less MAPE at no more cost."""
        own, error = cost(key), self.value(key, "mape")
        return not any(cost(rival) <= own and self.value(rival, "mape") <= error for rival in self.settings(METHODS))

    def table(self) -> str:
        """All medians in Markdown."""
        heads = ["method", "setting", "NFE", "MACs", *(f"ms for {b}" for b in BATCHES), "MAPE %", "L2", "accuracy %"]
        rows = []
        for key in self.keys:
            times = [f"{self.milliseconds(key, batch):.3g}" for batch in BATCHES]
            numbers = [f"{self.value(key, name):.3g}" for name in ("mape", "l2")]
            counts = [f"{self.value(key, 'evaluations'):g}", f"{self.value(key, 'macs') / 1e3:,.0f}k"]
            lost = self.loss(key)
            accuracy = f"{self.value(key, 'accuracy'):.2f}" + (f" (−{lost:.2f})" if lost >= 0.005 else "")
            rows.append([*key, *counts, *times, *numbers, accuracy])
        return markdown([*heads[:-1], "accuracy % (lost to dopri5)"], rows)


def _time(row: Row, batch: int) -> float:
    milliseconds: float = row["milliseconds"][str(batch)]
    return milliseconds


def named(key: Key) -> str:
    """A method and its setting, in words."""
    return key[0] if key[0].startswith("learned") else f"{key[0]}, {key[1]}"
