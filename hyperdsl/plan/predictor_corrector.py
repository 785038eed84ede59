"""Predictor-corrector pairs as steps: P(EC)^m and P(EC)^m E."""

from __future__ import annotations

from hyperdsl.plan.multistep import NEWEST, new_weight, past_terms, with_past
from hyperdsl.plan.step import Combine, Evaluate, Statement, Step, Term, exactly, state
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.numbers.exact import ONE

PREDICTED, SLOPE = "p", "fp"
"""The state that was predicted, or corrected last but once, and f there; earlier ones have a number."""


def predictor_corrector(pair: FormulaPair) -> tuple[Step, tuple[str, ...]]:
    """The step of a pair, and the slopes that it has at hand.

    The last E of a mode that has one is the f0 of the next step. Without it the slope that was corrected with is what
    the next step takes as its f0.
    """
    body: list[Statement] = [NEWEST] if pair.evaluates_last else []
    predicted, known = past_terms(pair.predictor), past_terms(pair.corrector)
    result = predicted
    for i in range(pair.corrections):
        number = "" if i == pair.corrections - 1 else str(i + 1)
        point, slope = PREDICTED + number, SLOPE + number
        body += [Combine(point, result), Evaluate(slope, exactly(ONE), state(point))]
        result = (
            *(term for term in known if not term.power),
            Term(new_weight(pair.corrector), slope, 1),
            *(term for term in known if term.power),
        )
    kept = None if pair.evaluates_last else SLOPE
    step, slopes = with_past(Step(tuple(body), result), (predicted, known), kept)
    return step, (*slopes, SLOPE)
