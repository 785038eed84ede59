"""Rosenbrock methods, checked."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.semantics.model.parameter import Parameter
from hyperdsl.source import Place
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.rosenbrock.order import OrderReport
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau


@dataclass(frozen=True)
class RosenbrockFacts:
    """What was proven of a Rosenbrock method; None where it depends on a parameter.

    `embedded` holds one proven order per further weight row, `w_order` is the order with any matrix in place of the
    Jacobian. Stability intervals are lengths connected to 0, `math.inf` where unbounded.
    """

    report: OrderReport
    embedded: tuple[int, ...]
    w_order: int
    conditions: int
    principal_error: float | None
    real_stability: float | None
    imaginary_stability: float | None
    a_stable: bool | None
    l_stable: bool | None
    stiffly_accurate: bool

    @property
    def order(self) -> int:
        """The proven order for non-autonomous problems z' = f(s, z)."""
        return self.report.order


@dataclass(frozen=True)
class RosenbrockDense:
    """Dense output z(s + θε) = z + ε Σ b_i(θ)·k_i, proven to have at least this order for every θ.

    `weights` are the b_i, of the untransformed k_i, with the constant coefficient first.
    """

    order: int
    weights: tuple[Polynomial, ...]


@dataclass(frozen=True)
class Rosenbrock:
    """A Rosenbrock method or family, with untransformed coefficients however it was written."""

    name: str
    place: Place
    tableau: RosenbrockTableau
    parameters: tuple[Parameter, ...]
    claimed_order: int
    claimed_embedded: tuple[int, ...]
    tolerance: Exact | None
    autonomous: bool
    facts: RosenbrockFacts
    nonzero: tuple[Exact, ...] = ()
    dense: RosenbrockDense | None = None
