"""What came of a training: whether the learned term helps, and at which ε."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HELPED = 0.95
"""δ up to which training helped; above it and up to 1 it did not, and beyond 1 it made things worse."""


@dataclass(frozen=True)
class Outcome:
    """The ε, from the smallest to the largest, at which training helped, did not, and made things worse.

    `unmeasured` are those at which the base has no error to be held against.
    """

    delta: Mapping[float, float]

    @property
    def helped(self) -> tuple[float, ...]:
        return self._where(-math.inf, HELPED)

    @property
    def unhelped(self) -> tuple[float, ...]:
        return self._where(HELPED, 1.0)

    @property
    def worse(self) -> tuple[float, ...]:
        return self._where(1.0, math.inf)

    @property
    def unmeasured(self) -> tuple[float, ...]:
        return tuple(eps for eps, value in self.delta.items() if math.isnan(value))

    @property
    def verdict(self) -> str:
        """One line for people."""
        parts = [f"{word} {self._told(where)}" for word, where in self._groups() if where]
        return f"training {', '.join(parts)}" if parts else "training was not measured"

    def plain(self) -> dict[str, object]:
        """For JSON."""
        named = {"helped": self.helped, "did_not_help": self.unhelped, "worse": self.worse}
        return {"verdict": self.verdict, **{name: [*where] for name, where in named.items()}}

    def _groups(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        return (
            ("helped", self.helped),
            ("did not help", self.unhelped),
            ("made the step worse than its base", self.worse),
            ("was not measured", self.unmeasured),
        )

    def _where(self, above: float, most: float) -> tuple[float, ...]:
        return tuple(eps for eps, value in self.delta.items() if above < value <= most)

    def _told(self, where: Sequence[float]) -> str:
        """Which ε these are, with the range of their δ."""
        at = f"at ε = {where[0]:.3g}" if len(where) == 1 else f"for ε from {where[0]:.3g} to {where[-1]:.3g}"
        if not self._contiguous(where):
            at = f"at ε = {', '.join(f'{eps:.3g}' for eps in where)}"
        low, high = (f"{end([self.delta[eps] for eps in where]):.3g}" for end in (min, max))
        return f"{at} (δ = {low if low == high else f'{low} .. {high}'})"

    def _contiguous(self, where: Sequence[float]) -> bool:
        all_eps = list(self.delta)
        first = all_eps.index(where[0])
        return all_eps[first : first + len(where)] == list(where)
