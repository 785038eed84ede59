"""Methods of variable order and step: which formulas have them, and what is proven of every one of their orders.

A BDF formula of q steps has the BDF formulas of 1 to q steps, an Adams formula of order q the pairs of Adams–Bashforth
and Adams–Moulton of the orders up to q in the mode PECE. What is proven holds for equal steps: the order of each, and
that it is zero-stable. For variable steps the order is the same (each formula is exact for polynomials on any grid);
zero-stability then asks for bounded ratios of steps (Gear & Tu 1974; Hairer, Nørsett & Wanner I, §III.5), which keeping
a step for q + 1 steps provides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hyperdsl.theory.multistep.families import (
    Family,
    adams_bashforth,
    adams_moulton,
    backward_differentiation,
    family_of,
)
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.nordsieck import Nordsieck, adams, backward
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair

MOST_BACKWARD, MOST_ADAMS = 5, 12
"""The highest orders: BDF of order 6 is stable in too narrow a wedge, and is left out by every code."""


@dataclass(frozen=True)
class Variable:
    """A method whose histories have the orders 1 to `steps`: BDF, or Adams where `adams`.

    `raised`: whether Adams corrects by a formula of one order more than it predicts.
    """

    steps: int
    adams: bool
    raised: bool = False

    @property
    def order(self) -> int:
        """The highest order."""
        return self.steps + int(self.raised)

    @cached_property
    def orders(self) -> tuple[LinearMultistep | FormulaPair, ...]:
        """The formula of each history's order, from one on."""
        return tuple(self.at(q) for q in range(1, self.steps + 1))

    def at(self, q: int) -> LinearMultistep | FormulaPair:
        """The formula of one order."""
        if not self.adams:
            return backward_differentiation(q)
        order = q + int(self.raised)
        corrector = adams_moulton(order - 1) if order > 1 else backward_differentiation(1)
        return FormulaPair(adams_bashforth(q), corrector, 1, True)

    @cached_property
    def numbers(self) -> Nordsieck:
        """What its steps compute with."""
        return adams(self.steps, self.raised) if self.adams else backward(self.steps)


def variable_formula(formula: LinearMultistep) -> Variable | None:
    """The method of variable order that a formula used alone belongs to; None where there is none."""
    family = family_of(formula)
    return None if family is None else Variable(max(1, formula.order), family is not Family.BDF)


def variable_pair(pair: FormulaPair) -> Variable | None:
    """That of a pair: Adams formulas of one order, or the corrector of one order more, in the mode PECE."""
    moulton = family_of(pair.corrector) is Family.MOULTON or pair.corrector == backward_differentiation(1)
    raised = pair.corrector.order - pair.predictor.order
    if family_of(pair.predictor) is not Family.BASHFORTH or not moulton or raised not in (0, 1):
        return None
    if pair.corrections != 1 or not pair.evaluates_last:
        return None
    return Variable(pair.predictor.order, True, raised == 1)
