"""At which parameters of a family the order rises, and what of its principal error vanishes there.

The coefficients of the principal error are rational functions of the parameters. With one parameter their zeros are
isolated exactly; with several, a Gröbner basis of all numerators, saturated by what must not vanish, decides whether
they have a common zero at all (Cox, Little & O'Shea, Ideals, Varieties, and Algorithms, §4.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.functions import RationalFunction, terms
from hyperdsl.theory.numbers.roots import RealRoot
from hyperdsl.theory.runge_kutta.families import Region, has_strict_sign, numerator_factors, zeros_in_region
from hyperdsl.theory.runge_kutta.order import principal_error
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Tree

MOST_PARAMETERS = 3
_MOST_TREES = 120
_MOST_TERMS = 400


@dataclass(frozen=True)
class Vanishing:
    """Parameters, as an equation, at which a part of the principal error vanishes, and what remains of it.

    Coefficients are None where the value has no closed form, or where there are several parameters.
    """

    where: str
    remaining: tuple[tuple[Tree, Exact | None], ...]

    @property
    def raises_order(self) -> bool:
        return not self.remaining


@dataclass(frozen=True)
class Rises:
    """`vanishing` as far as single equations go; `order` says where every coefficient vanishes.

    `order` holds the equations that all parameters of a higher order fulfil; None where it was too large to decide.
    Without equations there are no such parameters.
    """

    vanishing: tuple[Vanishing, ...]
    order: tuple[str, ...] | None


def rises(tableau: Tableau, order: int, region: Region) -> Rises | None:
    """What happens to the principal error of a family of this order; None where square roots meet parameters."""
    errors = [(tree, error) for tree, error in principal_error(tableau, order) if not error.is_zero]
    if any(set(error.terms) != {1} for _, error in errors):
        return None
    parts = [(tree, error, set(numerator_factors(error))) for tree, error in errors]
    found: list[Vanishing] = []
    for factor in sorted(set[Exact]().union(*(factors for _, _, factors in parts)), key=str):
        rest = [(tree, error) for tree, error, factors in parts if factor not in factors]
        if len(factor.parameters) == 1:
            found += [_at(factor, root, rest) for root in zeros_in_region(factor, region)]
        elif not has_strict_sign(factor, region):
            found.append(Vanishing(f"{factor} = 0", tuple((tree, None) for tree, _ in rest)))
    if len(tableau.parameters) == 1:
        return Rises(tuple(found), tuple(value.where for value in found if value.raises_order))
    return Rises(tuple(found), _common_zeros([error for _, error in errors], tableau, region))


def _at(factor: Exact, root: RealRoot, rest: list[tuple[Tree, Exact]]) -> Vanishing:
    (name,) = factor.parameters
    value = root.closed_form
    where = f"{name} {'' if value is None else '= '}{root}"
    if value is None or any(error.parameters - {name} for _, error in rest):
        return Vanishing(where, tuple((tree, None) for tree, _ in rest))
    put_in = ((tree, error.substitute({name: value})) for tree, error in rest)
    return Vanishing(where, tuple((tree, error) for tree, error in put_in if not error.is_zero))


def _common_zeros(errors: list[Exact], tableau: Tableau, region: Region) -> tuple[str, ...] | None:
    """Equations that the parameters of a higher order fulfil; () where there are none, None where it is too large."""
    if any(not error.parameters for error in errors):
        return ()
    sizes = [sum(1 for _ in terms(_numerator(error))) for error in errors]
    if len(tableau.parameters) > MOST_PARAMETERS or len(errors) > _MOST_TREES or sum(sizes) > _MOST_TERMS:
        return None
    import sympy

    names = sorted(tableau.parameters)
    symbols = {name: sympy.Symbol(name) for name in names}
    zero = [_sympy(_numerator(error), symbols) for error in errors]
    denominators = {factor for row in tableau.rows for value in row for factor in value.denominators()}
    never = denominators | {factor for expression in region.nonzero for factor in numerator_factors(expression)}
    inverse = sympy.Symbol("_inverse")  # no name of the language begins so and is met here
    saturated = 1 - inverse * prod(_sympy(factor.terms[1].numerator, symbols) for factor in never)
    basis = sympy.groebner([*zero, saturated], inverse, *symbols.values(), order="lex")
    if basis.exprs == [1]:
        return ()
    kept = [sympy.Poly(p, *symbols.values()).clear_denoms()[1] for p in basis.exprs if not p.has(inverse)]
    return tuple(f"{polynomial.as_expr()} = 0".replace("**", "^") for polynomial in kept)


def _numerator(error: Exact) -> Any:
    function = error.terms[1]
    assert isinstance(function, RationalFunction)  # the error has parameters, and no square roots
    return function.numerator


def _sympy(polynomial: Any, symbols: dict[str, Any]) -> Any:
    """A polynomial of flint's as one of sympy's, term by term."""
    import sympy

    total = sympy.Integer(0)
    for monomial, coefficient in terms(polynomial):
        product = sympy.Rational(int(coefficient.p), int(coefficient.q))
        for name, exponent in monomial:
            product *= symbols[name] ** exponent
        total += product
    return total
