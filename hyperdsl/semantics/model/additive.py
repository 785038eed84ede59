"""Additive Runge–Kutta methods, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Expression
from hyperdsl.semantics.model.parameter import Parameter
from hyperdsl.source import Place
from hyperdsl.theory.additive.order import OrderReport
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.runge_kutta.tableau import Tableau

Part = Literal["explicit", "implicit"]
EXPLICIT: Part = "explicit"
IMPLICIT: Part = "implicit"
PARTS: tuple[Part, ...] = (EXPLICIT, IMPLICIT)
"""The parts of f and of an additive method, in the order in which f is given."""


@dataclass(frozen=True)
class AdditiveFacts:
    """What was proven of an additive method; None where it depends on a parameter.

    `embedded` holds one proven coupled order per further weight row. Stability intervals are the explicit part's,
    lengths connected to 0; `a_stable`, `l_stable` and `stiffly_accurate` are the implicit part's.
    """

    report: OrderReport
    embedded: tuple[int, ...]
    stage_order: int
    fsal: bool
    conditions: int
    principal_error: float | None
    real_stability: float | None
    imaginary_stability: float | None
    a_stable: bool | None
    l_stable: bool | None
    stiffly_accurate: bool | None

    @property
    def order(self) -> int:
        """The proven coupled order for non-autonomous problems z' = f(s, z) + g(s, z)."""
        return self.report.order


@dataclass(frozen=True)
class AdditiveDense:
    """Dense output z(s + θε) = z + ε Σ b_i(θ)·(k_i of each part), proven to have at least this order for every θ.

    `weights` are the b_i, with the constant coefficient first, and as they are `written`.
    """

    order: int
    weights: tuple[Polynomial, ...]
    written: tuple[Expression, ...]


@dataclass(frozen=True)
class Additive:
    """An additive Runge–Kutta method or family, for f = explicit + implicit.

    `pair` has the parts in the order of `PARTS`, `entries` their coefficients as written, in the same order.
    """

    name: str
    place: Place
    pair: Pair
    entries: tuple[Entries, ...]
    parameters: tuple[Parameter, ...]
    claimed_order: int
    claimed_embedded: tuple[int, ...]
    tolerance: Exact | None
    autonomous: bool
    facts: AdditiveFacts
    nonzero: tuple[Exact, ...] = ()
    dense: AdditiveDense | None = None

    @property
    def tableau(self) -> Tableau:
        """All evaluations as the stages of one tableau."""
        return self.pair.joined
