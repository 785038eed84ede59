"""What pages say of order conditions and local errors, of every class of methods: as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from hyperdsl.semantics.methods.proofs import Failed, Shape, shown
from hyperdsl.theory.numbers.exact import Exact

MOST_TREES = 20
"""Terms of a local error that are written out."""


class Elementary(Protocol):
    """A tree with its elementary differential."""

    def differential(self) -> str: ...


T = TypeVar("T")


def conditions(first: str, trees: Iterable[Shape], failing: Failed | None, *, more: bool) -> Iterator[str]:
    """Lines: what holds, these conditions, whether there are `more`, and the first one that fails."""
    yield first
    yield from (tree.condition() for tree in trees)
    if more:
        yield "and those of higher order"
    if failing is not None:
        yield f"the next one fails: {failing.tree.condition()}, the left side is {shown(failing.value)}"


def failure(condition: Failed | None) -> dict[str, str] | None:
    """A condition that fails, as JSON."""
    if condition is None:
        return None
    return {
        "tree": str(condition.tree),
        "condition": condition.tree.condition(),
        "value": str(condition.value),
        "expected": str(condition.expected),
    }


def missing(errors: Iterable[tuple[T, Exact]], tolerance: Exact | None) -> tuple[tuple[T, Exact], ...]:
    """What z(s + ε) has more than z₁, of principal errors: without those that are zero, or within the tolerance."""
    return tuple(
        (tree, -error)
        for tree, error in errors
        if not error.is_zero and (tolerance is None or error.parameters or abs(error) > tolerance)
    )


def local_error(order: int, terms: Iterable[tuple[Elementary, Exact]], why: str = "") -> Iterator[str]:
    """Lines: the leading term of the local error, a tree each."""
    power, terms = order + 1, tuple(terms)
    yield f"z(s + ε) - z₁ = ε^{power} times this sum + O(ε^{power + 1}){why}:"
    for i, (tree, coefficient) in enumerate(terms[:MOST_TREES]):
        yield term_text(coefficient, tree.differential(), first=i == 0)
    if len(terms) > MOST_TREES:
        yield f"and {len(terms) - MOST_TREES} more trees of order {power}"


def term_text(coefficient: Exact, differential: str, *, first: bool) -> str:
    """A summand: a coefficient and the elementary differential that it multiplies."""
    if coefficient.parameters:
        return f"{'  ' if first else '+ '}({coefficient}) · {differential}"
    sign = "-" if coefficient.sign() < 0 else " " if first else "+"
    size = shown(abs(coefficient))
    return f"{sign} {f'({size})' if ' + ' in size or ' - ' in size else size} · {differential}"
