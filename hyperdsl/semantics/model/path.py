"""The checked model of a path: a diffusion model as a vector field on the straight path from noise to data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperdsl.semantics.model.expressions import Expression
from hyperdsl.source import Place
from hyperdsl.theory.numbers.exact import Exact

Prediction = Literal["noise", "data", "v", "velocity"]


@dataclass(frozen=True)
class PathModel:
    """x = alpha·data + sigma·noise at the model's time `t`, which runs over `times` from noise to data.

    `alpha` reads `t` and the parameters, `sigma` may read `alpha` too. `span` is α/(α + σ) at the ends of the times:
    those of the straight path.
    """

    name: str
    place: Place
    parameters: tuple[tuple[str, Exact], ...]
    alpha: Expression
    sigma: Expression
    predicts: Prediction
    times: tuple[Exact, Exact]
    span: tuple[float, float]
