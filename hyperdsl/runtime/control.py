"""Step-size rules."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace
from typing import Any

TAKES = (
    "its steps follow an error, within the tolerances rtol= and atol=; steps= is for solvers of fixed steps, those "
    "without a `control` in their spec"
)
"""What decides the steps of a solver with such a rule."""


@dataclass(frozen=True)
class Control:
    """A step-size rule (Söderlind 2003; Hairer, Nørsett & Wanner I, §II.4).

    A step is accepted where e, the root mean square of error / (atol + rtol max(|z|, |z'|)), is at most 1. The next
    one is longer by safety · e^(-(P + I + D)/power) · e'^((P + 2D)/power) · e''^(-D/power), between `shortest` and
    `longest`; `gains` are P, I and D, and e' and e'' are the errors of the two steps before. `embedded_power` is the
    power where the embedded error decides in place of the learned term. No step is longer than `max_step`; none that
    the rule chooses is shorter than `min_step`, though the last one before an end may be.

    Where a state is a vector of several things, `parts` are the sizes of the first ones: e is the largest of their
    means, and the rest does not count.
    """

    rtol: Any
    atol: Any
    gains: tuple[float, float, float]
    power: int
    safety: float
    shortest: float
    longest: float
    first_step: float | None
    max_steps: int
    embedded_power: int = 0
    max_step: float | None = None
    min_step: float | None = None
    parts: tuple[int, ...] = ()

    def changed(
        self,
        rtol: Any = None,
        atol: Any = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        max_step: float | None = None,
        min_step: float | None = None,
    ) -> Control:
        """The rule with those settings that are not None; tolerances that are no numbers are looked at by `fitted`.

        ValueError where one is not positive, or max_step is shorter than min_step; TypeError where it is no number.
        """
        given = {"rtol": rtol, "atol": atol, "first_step": first_step, "max_steps": max_steps}
        given |= {"max_step": max_step, "min_step": min_step}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        for name, value in changes.items():
            if name not in ("rtol", "atol") or isinstance(value, (int, float)):
                changes[name] = positive(name, value)
        if max_steps is not None:
            changes["max_steps"] = _integer(changes["max_steps"])
        changed = replace(self, **changes)
        if changed.max_step is not None and changed.min_step is not None and changed.max_step < changed.min_step:
            raise ValueError(f"max_step must be at least min_step, not {changed.max_step} < {changed.min_step}")
        return changed


def positive(name: str, value: Any) -> Any:
    """A number as it is, or a tensor's; ValueError where it is not positive and finite, TypeError where it is none."""
    if not isinstance(value, bool) and hasattr(value, "__float__"):
        try:
            value = value.item() if hasattr(value, "item") else value
            good = 0 < value < math.inf
        except (TypeError, ValueError, RuntimeError):
            pass
        else:
            if not good:
                raise ValueError(f"{name} must be positive, not {value}")
            return value
    raise TypeError(f"{name} must be a number, not {value!r:.80}")


def _integer(steps: Any) -> int:
    try:
        return operator.index(int(steps) if isinstance(steps, float) and steps.is_integer() else steps)
    except TypeError:
        raise TypeError(f"max_steps is a number of steps, an integer, not {steps!r:.80}") from None
