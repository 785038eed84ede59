"""The highest order that so many stages can have, whatever their coefficients."""

from __future__ import annotations

from hyperdsl.theory.runge_kutta.tableau import Kind

_EXPLICIT = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 5, 7: 6, 8: 6, 9: 7, 10: 7}
"""Butcher's barriers (Hairer, Nørsett & Wanner I, §II.5); from 11 stages on, order p needs at least p + 3."""
_UNIQUE = 4
"""Up to so many stages, the weights of the highest order are the only ones, so that embedded ones have less."""


def highest_order(kind: Kind, stages: int, *, embedded: bool = False) -> int:
    """A bound on the order of a method, or of a second row of weights beside one of the highest order.

    Diagonally implicit methods have at most order s + 1, implicit ones 2s (Hairer & Wanner II, §IV.6 and §IV.5).
    """
    if kind == "explicit":
        return _EXPLICIT.get(stages, stages - 3) - (embedded and 1 < stages <= _UNIQUE)
    return stages + 1 if kind == "dirk" else 2 * stages
