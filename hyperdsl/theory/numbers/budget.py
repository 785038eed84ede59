"""What a computation may cost. Whatever might not end asks here first, and ends in `OutOfReach` where it is too much.

Sizes (bits, degrees, terms, trees) are what decides, and for very many operations that are small each, their number:
both are counted before an operation begins, and are the same on every machine. `limited` bounds what is done within it,
and `spend` counts. The clock is the last net, for what is counted wrongly: it is looked at once in a while, and a file
that may do what it does needs half of that time on a slow machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_seconds: Callable[[], float] = getattr(time, "thread_time", time.process_time)
"""A browser's Python has one thread, and no clock of it apart from the process's."""

MOST_OPERATIONS = 4_000_000
"""What a file may do, all that it declares and imports together; an operation is about a microsecond's work."""

SECONDS = 8.0
"""What a file may take of this thread's processor time, whatever it does."""

MOST_TREES = 90_000
"""Trees that one proof looks at: those with up to 14 nodes."""

MOST_WORK = 3 * 10**8
"""Trees times the square of the stages, in one proof, and more where numbers are long."""

MOST_BITS = 14_000
"""Bits of a number that a spec may write, numerator and denominator together."""

MOST_TERMS = 500_000
"""Products of two terms that a product of polynomials in parameters may have."""

MOST_DEGREE = 512
"""The degree, of all parameters together, of a polynomial in them."""

_BETWEEN_LOOKS = 1000


class NotExact(ValueError):  # noqa: N818 — it says what is the matter
    """A number outside the numbers that `Exact` holds; its text is one sentence that says why."""


class OutOfReach(NotExact):
    """A computation that would be too large, or take too long; its text says which one."""


class Superseded(Exception):  # noqa: N818 — nothing is wrong
    """Nobody waits any longer for what is computed."""


@dataclass
class _Account:
    """What may still be done, at which number of it the clock is looked at next, and when everything has to end.

    `superseded` says that it should end at once.
    """

    left: int
    look: int
    deadline: float
    superseded: Callable[[], bool]


_accounts: list[_Account] = []


@contextmanager
def limited(superseded: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Bound what is done within, by `MOST_OPERATIONS` and `SECONDS`; a bound that is there already stays.

    Raises Superseded from within soon after `superseded` says so. One thread at a time is bounded.
    """
    if _accounts:
        yield
        return
    _accounts.append(_Account(MOST_OPERATIONS, MOST_OPERATIONS, _seconds() + SECONDS, superseded))
    try:
        yield
    finally:
        _accounts.clear()


def spend(operations: int = 1) -> None:
    """Take note of operations; OutOfReach where `limited` allows no more."""
    if not _accounts:
        return
    account = _accounts[0]
    account.left -= operations
    if account.left < account.look:
        account.look = max(0, account.left - _BETWEEN_LOOKS)
        if account.superseded():
            raise Superseded
        if account.left < 0:
            raise OutOfReach(f"the proofs of a file may take {MOST_OPERATIONS:,} operations, and these are used up")
        if _seconds() > account.deadline:
            account.left = 0  # whatever comes next ends at once, too
            raise OutOfReach(f"the proofs of a file may take {SECONDS:g} seconds, and these are over")


def aside(operations: int, work: Callable[[], T]) -> T | None:
    """What `work` returns, for what a proof may do without; None where it takes more operations than these.

    They count for the file as any others do.
    """
    if not _accounts:
        return work()
    account = _accounts[0]
    kept = max(0, account.left - operations)
    account.left, account.look = account.left - kept, account.left - kept
    try:
        return work()
    except OutOfReach:
        if _seconds() > account.deadline:
            raise
        account.left = 0
        return None
    finally:
        account.left, account.look = account.left + kept, account.left + kept


def arithmetic(bits: int) -> int:
    """The operations of adding or multiplying two rational numbers that are together so long."""
    return 2 + bits * (bits + 16_000) // 8_000_000
