"""Polynomials in one variable with exact coefficients, the constant one first and the last one not zero."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

Polynomial = tuple[Exact, ...]
"""() is the zero polynomial."""


def trimmed(coefficients: Sequence[Exact]) -> Polynomial:
    """The polynomial without zeros at its end."""
    size = max((k for k, q in enumerate(coefficients) if not q.is_zero), default=-1) + 1
    return tuple(coefficients[:size])


def degree(p: Polynomial) -> int:
    """−1 for the zero polynomial."""
    return len(p) - 1


def combined(p: Polynomial, x: Exact, q: Polynomial, y: Exact) -> Polynomial:
    """x·p + y·q."""
    size = max(len(p), len(q))
    left, right = ([*r, *[ZERO] * (size - len(r))] for r in (p, q))
    return trimmed([x * a + y * b for a, b in zip(left, right, strict=True)])


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    """p·q."""
    product = [ZERO] * max(0, len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return trimmed(product)


def divided(p: Polynomial, q: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Quotient and remainder; ZeroDivisionError for q = 0."""
    if not q:
        raise ZeroDivisionError("division by the zero polynomial")
    rest, quotient = list(p), [ZERO] * max(0, len(p) - len(q) + 1)
    for k in reversed(range(len(quotient))):
        factor = rest[k + len(q) - 1] / q[-1]
        quotient[k] = factor
        for i, coefficient in enumerate(q):
            rest[k + i] -= factor * coefficient
    return trimmed(quotient), trimmed(rest)


def greatest_common_divisor(p: Polynomial, q: Polynomial) -> Polynomial:
    """The monic one; () where both are zero."""
    while q:
        p, q = q, divided(p, q)[1]
    return tuple(a / p[-1] for a in p)


def derivative(p: Polynomial) -> Polynomial:
    """p'."""
    return trimmed([a * k for k, a in enumerate(p)][1:])


def integral(p: Polynomial) -> Polynomial:
    """∫ p from 0 on."""
    return trimmed([ZERO, *(a / Exact.of(k + 1) for k, a in enumerate(p))])


def value(p: Polynomial, x: Exact) -> Exact:
    """p(x)."""
    total = ZERO
    for a in reversed(p):
        total = total * x + a
    return total


def sign_changes(p: Polynomial, low: Exact, high: Exact) -> int:
    """The number of distinct real roots in low < x <= high, by Sturm's theorem; p is not zero at both ends."""
    chain = [p, derivative(p)]
    while chain[-1]:
        chain.append(combined(divided(chain[-2], chain[-1])[1], -ONE, (), ZERO))
    return _variations(chain, low) - _variations(chain, high)


def _variations(chain: Sequence[Polynomial], x: Exact) -> int:
    signs = [sign for p in chain if p and (sign := value(p, x).sign())]
    return sum(a != b for a, b in pairwise(signs))
