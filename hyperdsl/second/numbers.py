"""Where coefficients lie: the rationals, a number field, or the rational functions of parameters over one of them.

Everything is an element of a domain of sympy's, whose zero is decided by its normal form, never numerically. The
generators of a number field are the radicals and cosines that occur; signs come from an isolating interval of its
primitive element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, reduce
from math import prod
from typing import Any

import sympy
from sympy.polys.domains import QQ, ZZ
from sympy.polys.numberfields import primitive_element
from sympy.polys.polyerrors import NotAlgebraic
from sympy.polys.rings import ring

from hyperdsl.second.budget import Undecided
from hyperdsl.second.expressions import Expr

Element = Any
"""An element of a domain of sympy's."""

MOST_GENERATORS = 6
LARGEST_DEGREE = 64
SHORTEST = 300
"""Bits after the point to which the primitive element is enclosed at first."""


class Numbers:
    """The smallest field of this kind with all of `expressions` in it, polynomials in `variable` taken apart."""

    def __init__(self, expressions: Iterable[Expr], variable: Expr | None = None) -> None:
        found = tuple(expressions)
        free = set().union(*(value.free_symbols for value in found)) - {variable}
        self.parameters = tuple(sorted(free, key=str))
        self.constants, self._atoms = _number_field(_generators(found))
        self.field = self.constants.frac_field(*self.parameters) if self.parameters else self.constants
        self._atoms = {atom: self.field.convert(value, self.constants) for atom, value in self._atoms.items()}
        self._atoms |= {name: self.field.from_sympy(name) for name in self.parameters}
        self._between: tuple[Element, Element] | None = None
        self._symbol = variable
        self._ring: Any
        self._variable: Element
        self._ring, self._variable = ring(str(variable or "x"), self.field)

    def element(self, value: Expr) -> Element:
        """The element of the field that an expression without the variable is."""
        if value in self._atoms:
            return self._atoms[value]
        if value.is_Rational:
            return self.field.convert(QQ(int(value.p), int(value.q)), QQ)
        return self._combined(value, self.element)

    def polynomial(self, value: Expr) -> Element:
        """The polynomial in the variable that an expression is."""
        if value == self._symbol:
            return self._variable
        if self._symbol not in value.free_symbols:
            return self._ring(self.element(value))
        if value.is_Pow and not (value.exp.is_Integer and value.exp >= 0):
            raise Undecided("a weight of its dense output is not a polynomial")
        return self._combined(value, self.polynomial)

    def coefficients(self, value: Expr, length: int) -> list[Element]:
        """Of the polynomial, the constant first, so many of them."""
        found = self.polynomial(value)
        return [found.coeff(self._variable**k) if k else found.coeff(1) for k in range(length)]

    def degree(self, value: Expr) -> int:
        return max(0, int(self.polynomial(value).degree(self._variable))) if value != 0 else 0

    def _combined(self, value: Expr, inner: Callable[[Expr], Element]) -> Element:
        if value.is_Add or value.is_Mul:
            first, *rest = map(inner, value.args)
            for other in rest:
                first = first + other if value.is_Add else first * other
            return first
        if value.is_Pow and value.exp.is_Integer:
            base = inner(value.base)
            if not base:
                raise Undecided("a coefficient has a zero denominator")
            return base ** int(value.exp) if value.exp > 0 else (base**0 / base) ** int(-value.exp)
        raise Undecided(f"it has a coefficient with `{value.func.__name__}`")

    def common_denominator(self, values: Iterable[Element]) -> Element:
        """All of these times it are in the ring: integers, polynomials in the parameters, or a whole number field."""
        if self.parameters:
            return reduce(lambda found, x: found.lcm(x.denom), values, self.field.one.denom)
        if self.constants == QQ:
            return reduce(ZZ.lcm, (ZZ.convert(x.denominator) for x in values), ZZ(1))
        return self.field.one

    def cleared(self, value: Element, scale: Element) -> Element:
        """The product in the ring with a common denominator."""
        if self.parameters:
            return value.numer * scale.exquo(value.denom)
        return ZZ.convert(value.numerator) * (scale // ZZ.convert(value.denominator)) if self.constants == QQ else value

    def constant(self, above: Element, below: Element) -> Element | None:
        """The number that a quotient of two elements of the ring is; None where it depends on a parameter."""
        if self.parameters:
            quotient = self.field(above) / self.field(below)
            return quotient.numer.LC / quotient.denom.LC if _is_number(quotient) else None
        return QQ(above, below) if self.constants == QQ else above / below

    def number(self, value: Expr) -> Element:
        """The number that an expression without parameters is."""
        found = self.element(value)
        return found.numer.LC / found.denom.LC if self.parameters else found

    def sign(self, value: Element) -> int:
        """−1, 0 or 1, of a number."""
        if not value:
            return 0
        if self.constants == QQ:
            return 1 if value > 0 else -1
        if self._between is None:
            self._between = _root_between(self.constants)
        low, high = _value_between(value.to_list(), *self._between)
        while low <= 0 <= high:  # not for ever: the value is not zero
            self._between = _halved(self.constants.ext.minpoly, *self._between)
            low, high = _value_between(value.to_list(), *self._between)
        return 1 if low > 0 else -1


def _is_number(quotient: Element) -> bool:
    return bool(quotient.numer.is_ground and quotient.denom.is_ground)


def _generators(expressions: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The radicals and cosines that occur, inner ones too."""
    found = set()
    for value in expressions:
        for atom in value.atoms(sympy.Pow, sympy.cos):
            if isinstance(atom, sympy.cos) or not atom.exp.is_Integer:
                found.add(atom)
    if any(atom.free_symbols for atom in found):
        raise Undecided("it has a parameter under a root")
    if len(found) > MOST_GENERATORS:
        raise Undecided(f"it has more than {MOST_GENERATORS} different roots and cosines")
    return tuple(sorted(found, key=sympy.default_sort_key))


@lru_cache(maxsize=64)
def _number_field(generators: tuple[Expr, ...]) -> tuple[Any, dict[Expr, Element]]:
    """The field of some algebraic numbers, and these as its elements."""
    if not generators:
        return QQ, {}
    try:
        largest = prod(int(sympy.degree(sympy.minimal_polynomial(generator))) for generator in generators)
        if largest > LARGEST_DEGREE:
            raise Undecided(f"its numbers lie in a field of a degree up to {largest}")
        modulus, weights, images = primitive_element(generators, sympy.Dummy("x"), ex=True, polys=True)
    except NotAlgebraic:
        raise Undecided("it has a coefficient that is not algebraic") from None
    if modulus.degree() == 1:
        raise Undecided("sympy finds its roots to be rational and does not say which")
    theta = sympy.Add(*(weight * generator for weight, generator in zip(weights, generators, strict=True)))
    field = QQ.algebraic_field(sympy.AlgebraicNumber((modulus, theta)))
    return field, {atom: field([QQ.convert(q) for q in image]) for atom, image in zip(generators, images, strict=True)}


def _root_between(field: Any) -> tuple[Element, Element]:
    """A short interval with rational ends in which the primitive element is its polynomial's only root."""
    modulus = field.ext.minpoly
    for (low, high), _ in modulus.intervals():
        if low <= field.ext.root <= high:
            ends = modulus.refine_root(low, high, eps=sympy.Rational(1, 2**SHORTEST)) if low < high else (low, high)
            return tuple(QQ(int(end.p), int(end.q)) for end in ends)
    raise Undecided("sympy finds no interval around its primitive element")


def _halved(modulus: Any, lower: Element, upper: Element) -> tuple[Element, Element]:
    """The half of an interval with one root in it that has the root."""
    middle = (lower + upper) / 2
    at = [modulus.eval(sympy.Rational(int(x.numerator), int(x.denominator))) for x in (lower, middle)]
    return (lower, middle) if at[0] * at[1] <= 0 else (middle, upper)


def _value_between(coefficients: Iterable[Element], lower: Element, upper: Element) -> tuple[Element, Element]:
    """Between what a polynomial's values on an interval lie, by Horner's scheme."""
    low = high = QQ(0)
    for q in coefficients:
        ends = (low * lower, low * upper, high * lower, high * upper)
        low, high = min(ends) + q, max(ends) + q
    return low, high
