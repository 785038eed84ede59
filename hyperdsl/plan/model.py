"""What a plan is: stages in the order in which they are evaluated, each a sum over earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.semantics.expressions import Expression
from hyperdsl.semantics.model import Solver
from hyperdsl.theory.exact import Exact
from hyperdsl.theory.polynomials import Polynomial

DERIVATIVE = "dz"
"""The name of the extra stage f(s, z) for correctors whose base has no such stage."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of the method: its exact value, and the expression that gives it, for readers of the code."""

    value: Exact
    written: Expression


@dataclass(frozen=True)
class Term:
    """`coefficient` times the stage called `stage`."""

    coefficient: Coefficient
    stage: str


@dataclass(frozen=True)
class Stage:
    """`name` = f(s + node·ε, z + ε Σ terms)."""

    name: str
    node: Coefficient
    terms: tuple[Term, ...]

    @property
    def is_derivative(self) -> bool:
        """Whether the stage is f(s, z), the derivative at the start of the step."""
        return self.node.value.is_zero and not self.terms


@dataclass(frozen=True)
class Weight:
    """What dense output takes of `stage`: a polynomial in θ, the constant coefficient first, and as it is written."""

    polynomial: Polynomial
    written: Expression
    stage: str


@dataclass(frozen=True)
class StepPlan:
    """One step: evaluate `stages` in their order, then z + ε Σ update is the base's result.

    `seen` names the stages that the corrector reads, in the order in which it gets them: f(s, z) first where it reads
    dz, then the others where it reads `stages`.

    With an embedded error that error is ε Σ error, and `after` are the stages that it alone reads, evaluated once the
    new state is known. `carried` names the one among them that is f at that state, the next step's f(s, z).

    Where the method has dense output of its own, z + ε Σ dense is the state at s + θε, and `between` are the stages
    that it alone reads, evaluated where it is asked for.
    """

    solver: Solver
    stages: tuple[Stage, ...]
    update: tuple[Term, ...]
    seen: tuple[str, ...]
    error: tuple[Term, ...] = ()
    after: tuple[Stage, ...] = ()
    carried: str = ""
    dense: tuple[Weight, ...] = ()
    between: tuple[Stage, ...] = ()

    @property
    def known(self) -> tuple[Stage, ...]:
        """The stages that every attempt at a step evaluates."""
        return (*self.stages, *self.after)

    @property
    def attempt_evaluations(self) -> int:
        """Evaluations of f in one attempt at a step, f(s, z) at its start left out."""
        control = self.solver.control
        if control and control.error == "doubling":  # a whole step and two halves, two of the three from one f(s, z)
            return 3 * len(self.stages) - 2
        return len(self.stages) - 1 + len(self.after) + self.doubted

    @property
    def evaluations_per_step(self) -> int:
        """Evaluations of f that one further step costs."""
        if self.solver.control is None:
            return len(self.stages)
        return self.attempt_evaluations + (not self.carried and not self.doubted)

    @property
    def doubted(self) -> bool:
        """Whether f at the new state, which the next step needs anyway, tests what g says of the error.

        That is so for a base of order 1: the trapezoidal rule, of order 2, then sees what g gets wrong.
        """
        control = self.solver.control
        alone = control is not None and control.error == "learned" and not control.fallback
        return alone and self.solver.order == 1
