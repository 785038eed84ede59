"""The checked model of a `control` declaration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperdsl.source import Place
from hyperdsl.theory.numbers.exact import Exact

ErrorEstimate = Literal["embedded", "learned", "doubling"]


@dataclass(frozen=True)
class Control:
    """How an adaptive solver chooses its steps (DESIGN §2).

    `error` is what estimates the error of a step; where `fallback` is set, the embedded pair does so where the
    corrector is not to be trusted. `gains` are P, I and D; `factor` bounds the ratio of two steps,
    `max_step` and `min_step` their size.
    """

    name: str
    place: Place
    error: ErrorEstimate
    fallback: bool
    rtol: Exact
    atol: Exact
    gains: tuple[Exact, Exact, Exact]
    safety: Exact
    factor: tuple[Exact, Exact]
    first_step: Exact | None
    max_steps: int
    per_sample: bool
    max_step: Exact | None = None
    min_step: Exact | None = None
