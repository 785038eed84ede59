"""Step-size rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Control:
    """A step-size rule (Söderlind 2003; Hairer, Nørsett & Wanner I, §II.4).

    A step is accepted where e, the root mean square of error / (atol + rtol max(|z|, |z'|)), is at most 1. The next
    one is longer by safety · e^(-(P + I + D)/power) · e'^((P + 2D)/power) · e''^(-D/power), between `shortest` and
    `longest`; `gains` are P, I and D, and e' and e'' are the errors of the two steps before. `embedded_power` is the
    power where the embedded error decides in place of the learned term.

    Where a state is a vector of several things, `parts` are the sizes of the first ones: e is the largest of their
    means, and the rest does not count.
    """

    rtol: float
    atol: float
    gains: tuple[float, float, float]
    power: int
    safety: float
    shortest: float
    longest: float
    first_step: float | None
    max_steps: int
    embedded_power: int = 0
    parts: tuple[int, ...] = ()

    def changed(
        self, rtol: float | None, atol: float | None, first_step: float | None, max_steps: int | None
    ) -> Control:
        """The rule with those settings that are not None; ValueError where one is not positive."""
        given = {"rtol": rtol, "atol": atol, "first_step": first_step, "max_steps": max_steps}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        for name, value in changes.items():
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive, not {value}")
        return replace(self, **changes)
