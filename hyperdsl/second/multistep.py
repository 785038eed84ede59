"""Multistep formulas and predictor-corrector pairs, proven with sympy's polynomials (Hairer, Nørsett & Wanner I, ch.
III.2–3; Henrici 1962, §5.3).

A formula Σ α_j z[n+j] = h Σ β_j f[n+j] is read from its equation as a polynomial in h and a symbol for each state and
derivative. Its defect for the exact solution is Σ C_q h^q z^(q).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.polys.domains import QQ

from hyperdsl.second.budget import Undecided
from hyperdsl.second.expressions import Expr, expression
from hyperdsl.second.numbers import Element, Numbers
from hyperdsl.syntax import nodes as n

H = sympy.Symbol("h")
MOST_ROOTS = 12


@dataclass(frozen=True)
class Formula:
    """α and β from the oldest step on, as elements of a field."""

    numbers: Numbers
    alpha: tuple[Element, ...]
    beta: tuple[Element, ...]

    @property
    def explicit(self) -> bool:
        return not self.beta[-1]

    def defect(self, q: int) -> Element:
        """C_q = Σ α_j j^q/q! − Σ β_j j^(q−1)/(q−1)!."""
        field = self.numbers.field
        total = field.zero
        for j, (a, b) in enumerate(zip(self.alpha, self.beta, strict=True)):
            total += a * field.convert(QQ(j**q, int(sympy.factorial(q))), QQ)
            if q:
                total -= b * field.convert(QQ(j ** (q - 1), int(sympy.factorial(q - 1))), QQ)
        return total

    @property
    def order(self) -> int:
        """The largest p with C_0 = … = C_p = 0; −1 where there is none."""
        q = 0
        while not self.defect(q):
            q += 1
        return q - 1

    @property
    def sigma(self) -> Element:
        """σ(1) = Σ β_j."""
        return sum(self.beta, self.numbers.field.zero)

    @property
    def error_constant(self) -> Element | None:
        """C_(p+1)/σ(1); None where σ(1) = 0."""
        return self.defect(self.order + 1) / self.sigma if self.sigma else None

    @property
    def zero_stable(self) -> bool:
        """Whether ρ has no root outside the unit circle, and only simple ones on it.

        The products of two roots of a polynomial are the roots of a resultant. One of them is real and the square of
        the largest modulus: so the modulus of no root is above 1 where the resultant has no root above 1, and below 1
        where it has none from 1 on.
        """
        if self.numbers.constants != QQ:
            raise Undecided("the zero-stability of irrational coefficients")
        x = sympy.Dummy("x")
        rho = sympy.Poly([sympy.Rational(int(a.numerator), int(a.denominator)) for a in reversed(self.alpha)], x)
        return all(_inside(part, strictly=multiple > 1) for part, multiple in rho.factor_list()[1])


def _inside(part: Any, *, strictly: bool) -> bool:
    """Whether an irreducible polynomial has its roots in the unit disc, without the circle where it is `strictly`."""
    if part.degree() > MOST_ROOTS:
        raise Undecided(f"the zero-stability of more than {MOST_ROOTS} steps")
    x, t = part.gen, sympy.Dummy("t")
    scaled = sum(q * t**k * x ** (part.degree() - k) for (k,), q in part.terms())
    products = sympy.Poly(sympy.resultant(part.as_expr(), sympy.expand(scaled), x), t)
    if products.is_ground:
        return True  # of x alone: its root is 0
    return not products.count_roots(1, None) - (0 if strictly or products.eval(1) else 1)


def read(declaration: n.Declaration) -> Formula:
    """The formula that a sound `multistep` declaration writes."""
    (update,) = (statement for statement in declaration.body.statements if isinstance(statement, n.Update))
    symbols: dict[tuple[str, int], Expr] = {}
    right = sympy.expand(_written(update.right, symbols))
    states = {j: _coefficient(right, symbol) for (kind, j), symbol in symbols.items() if kind == "z"}
    slopes = {j: _coefficient(right, symbol) for (kind, j), symbol in symbols.items() if kind == "f"}
    oldest = min([0, *states, *slopes])
    zero = sympy.Integer(0)
    alpha = [*(-states.get(j, zero) for j in range(oldest, 1)), sympy.Integer(1)]
    beta = [sympy.expand(slopes.get(j, zero) / H) for j in range(oldest, 2)]
    linear = sum(a * symbols.get(("z", j), zero) for j, a in states.items()) + sum(
        b * symbols.get(("f", j), zero) for j, b in slopes.items()
    )
    if sympy.expand(right - linear) != 0 or any(value.free_symbols for value in (*alpha, *beta)):
        raise Undecided("its equation is not linear in the states and the derivatives times h")
    numbers = Numbers((*alpha, *beta))
    return Formula(numbers, tuple(map(numbers.element, alpha)), tuple(map(numbers.element, beta)))


def _coefficient(right: Expr, symbol: Expr) -> Expr:
    return right.coeff(symbol, 1)


def _written(node: n.Expression, symbols: dict[tuple[str, int], Expr]) -> Expr:
    """The right side, with a symbol for each z[n−j] and f[n+1−j]."""
    match node:
        case n.Index(n.Name(kind), offset):
            key = kind, int(expression(offset, {"n": sympy.Integer(0)}))
            return symbols.setdefault(key, sympy.Symbol(f"{kind}{key[1]}"))
        case n.Name("h"):
            return H
        case n.Negate(operand):
            return -_written(operand, symbols)
        case n.Binary("+", left, right):
            return _written(left, symbols) + _written(right, symbols)
        case n.Binary("-", left, right):
            return _written(left, symbols) - _written(right, symbols)
        case n.Binary("*", left, right):
            return _written(left, symbols) * _written(right, symbols)
        case n.Binary("/", left, right):
            return _written(left, symbols) / _written(right, symbols)
        case _:
            return expression(node, {})


def pair_order(predictor: Formula, corrector: Formula, mode: str) -> int:
    """The order of P(EC)^m or P(EC)^m E.

    The error of each iterate, as a polynomial in h and J = f' over symbols for z^(q): the predictor's defect, then
    e = h β J e + the corrector's defect. Without a last evaluation the derivatives of the whole history have the
    error of the last iterate but one. J^i z^(q) are different elementary differentials for different i and q, so
    the lowest power of h that occurs is the order and one.
    """
    corrections = mode.count("C")
    highest = corrector.order + predictor.order + corrections + 2
    numbers = Numbers([_expr(x) for formula in (predictor, corrector) for x in (*formula.alpha, *formula.beta)])
    if numbers.field != QQ:
        raise Undecided("a pair with irrational coefficients")
    errors = _defects(predictor, highest)
    iterates = [errors]
    for _ in range(corrections):
        errors = _sum(_shifted(errors, corrector.beta[-1]), _defects(corrector, highest))
        iterates.append(errors)
    if not mode.endswith("E"):
        errors = _sum(_shifted(iterates[-2], corrector.sigma), _defects(corrector, highest))
    return min(h for (h, _, _), q in errors.items() if q) - 1


def _expr(value: Element) -> Expr:
    return sympy.Rational(int(value.numerator), int(value.denominator))


Errors = Mapping[tuple[int, int, int], Element]
"""Coefficients of h^k J^i z^(q), by (k, i, q)."""


def _defects(formula: Formula, highest: int) -> Errors:
    return {(q, 0, q): formula.defect(q) for q in range(highest + 1)}


def _shifted(errors: Errors, factor: Element) -> Errors:
    """The same times factor·h·J."""
    return {(k + 1, i + 1, q): factor * value for (k, i, q), value in errors.items()}


def _sum(one: Errors, other: Errors) -> Errors:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {*one, *other}}
