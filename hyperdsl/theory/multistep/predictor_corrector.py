"""Orders of predictor-corrector methods P(EC)^m and P(EC)^m E (Henrici 1962, §5.3; Lambert 1991, §4.2).

With a predictor of order p* and error constant C*, and a corrector of order p, σ's leading coefficient β and error
constant C, the iterate after i corrections is off the corrector's own solution by (εβJ)^i·C*·ε^(p*+1)·z^(p*+1) + …,
J = f'. The last correction's residual is therefore

    C·ε^(p+1)·z^(p+1) + β^m·C*·ε^(p*+m+1)·J^m·z^(p*+1) + …,

where the second term has σ(1)·β^(m−1) in place of β^m if the step ends with a correction: the derivatives kept are
then those of the last but one iterate, in every step of the history. z^(p+1) has elementary differentials, such as
f⁽ᵖ⁾(f, …, f), that J^m·z^(p*+1) has not, so neither term can take the other away and the order is exactly
min(p, p* + m) wherever the factors of the second term are not zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.numbers.exact import ONE, Exact
from hyperdsl.theory.numbers.polynomials import value


@dataclass(frozen=True)
class FormulaPair:
    """P(EC)^m, and a last E where `evaluates_last`."""

    predictor: LinearMultistep
    corrector: LinearMultistep
    corrections: int
    evaluates_last: bool

    def __post_init__(self) -> None:
        if not self.predictor.explicit or self.corrector.explicit or self.corrections < 1:
            raise ValueError("the predictor must be explicit, the corrector implicit, and used at least once")

    @property
    def steps(self) -> int:
        """How many past steps either formula reaches back over."""
        return max(self.predictor.steps, self.corrector.steps)

    @property
    def order(self) -> int:
        """min(p, p* + m); p alone where the predictor's error does not come through."""
        p = self.corrector.order
        return p if self.predicted_error.is_zero else min(p, self.predictor.order + self.corrections)

    @property
    def predicted_error(self) -> Exact:
        """The coefficient of ε^(p*+m+1)·J^m·z^(p*+1) in the residual."""
        beta = self.corrector.beta[-1]
        constant = self.predictor.moment(self.predictor.order + 1)
        if self.evaluates_last:
            return constant * beta**self.corrections
        return constant * value(self.corrector.sigma, ONE) * beta ** (self.corrections - 1)

    @property
    def is_zero_stable(self) -> bool:
        """As ε → 0 the corrector alone decides: the derivatives of the history are forgotten after k steps."""
        return self.corrector.is_zero_stable

    @property
    def evaluations_per_step(self) -> int:
        return self.corrections + int(self.evaluates_last)

    @property
    def start_order(self) -> int:
        """The order that a one-step method needs for the first states (see `LinearMultistep.start_order`)."""
        return max(1, self.order - 1)
