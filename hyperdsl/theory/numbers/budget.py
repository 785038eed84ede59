"""What a computation may cost. Whatever might not end asks here first, and ends in `OutOfReach` where it is too much.

Sizes (bits, degrees, terms, trees) are what decides: they are counted before an operation begins, and are the same on
every machine. Time is the last resort, for very many operations that are small each: `limited` bounds what is done
within it, in seconds of this thread's processor time, and `spend` looks at the clock once in a while.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 7.0
"""What a file may take, all that it declares and imports together."""

MOST_TREES = 90_000
"""Trees that one proof looks at: those with up to 14 nodes."""

MOST_WORK = 5 * 10**8
"""Trees times the square of the stages, in one proof, and more where numbers are long."""

MOST_BITS = 14_000
"""Bits of a number that a spec may write, numerator and denominator together."""

MOST_TERMS = 500_000
"""Products of two terms that a product of polynomials in parameters may have."""

MOST_DEGREE = 512
"""The degree, of all parameters together, of a polynomial in them."""

_BETWEEN_LOOKS = 50


class NotExact(ValueError):  # noqa: N818 — it says what is the matter
    """A number outside the numbers that `Exact` holds; its text is one sentence that says why."""


class OutOfReach(NotExact):
    """A computation that would be too large, or take too long; its text says which one."""


class _Clock:
    """When the computation under way has to end, and how many operations there are until the next look."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.left = _BETWEEN_LOOKS


_clock = _Clock()


@contextmanager
def limited() -> Iterator[None]:
    """Bound the time of what is done within to `SECONDS`; a bound that is there already stays."""
    if _clock.deadline is not None:
        yield
        return
    _clock.deadline, _clock.left = time.thread_time() + SECONDS, 0
    try:
        yield
    finally:
        _clock.deadline = None


def spend(operations: int = 1) -> None:
    """Take note of operations; OutOfReach where the time that `limited` gives is over."""
    _clock.left -= operations
    if _clock.left < 0:
        _clock.left = _BETWEEN_LOOKS
        if _clock.deadline is not None and time.thread_time() > _clock.deadline:
            _clock.left = 0  # whatever comes next ends at once, too
            raise OutOfReach(f"the proofs of a file may take {SECONDS:g} seconds, and these are over")
