"""Reads the weights of dense output: polynomials in theta with exact coefficients."""

from __future__ import annotations

from collections.abc import Iterator

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model import expressions as e
from hyperdsl.semantics.reading.numbers import ExactReader, fits_double
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import ONE, ZERO, NotExact
from hyperdsl.theory.numbers.polynomials import Polynomial, combined, degree, times, trimmed

THETA = "theta"
MAX_DEGREE = 20

Weight = tuple[e.Expression, Polynomial]


class WeightReader(ExactReader):
    """Reads coefficients in which `theta` may occur."""

    def weight(self, node: n.Expression) -> Weight | None:
        """The expression and the polynomial that it is; None where it was reported."""
        found = self._polynomial(node)
        if found is None or not all(fits_double(self.report, node, q) for q in found[1]):
            return None
        return found

    def _polynomial(self, node: n.Expression) -> Weight | None:
        if not any(name.text == THETA for name in _names(node)):
            read = self.read(node)
            return (read[0], trimmed([read[1]])) if read else None
        match node:
            case n.Name():
                return e.Variable(THETA), (ZERO, ONE)
            case n.Negate(operand):
                inner = self._polynomial(operand)
                return (e.Negation(inner[0]), combined(inner[1], -ONE, (), ZERO)) if inner else None
            case n.Binary(operator, left, right):
                sides = self._polynomial(left), self._polynomial(right)
                if sides[0] is None or sides[1] is None:
                    return None
                value = self._joined(node, sides[0][1], sides[1][1])
                return None if value is None else (e.Binary(operator, sides[0][0], sides[1][0]), value)
            case _:
                self._not_a_polynomial(node)
                return None

    def _joined(self, node: n.Binary, left: Polynomial, right: Polynomial) -> Polynomial | None:
        try:
            match node.operator:
                case "+":
                    return combined(left, ONE, right, ONE)
                case "-":
                    return combined(left, ONE, right, -ONE)
                case "*":
                    return times(left, right) if self._is_small(node, degree(left) + degree(right)) else None
                case "/":
                    return self._divided(node, left, right)
                case "^":
                    return self._raised(node, left, right)
        except NotExact as reason:
            self.report(catalogue.NOT_EXACT, node, reason=reason)
            return None

    def _divided(self, node: n.Binary, left: Polynomial, right: Polynomial) -> Polynomial | None:
        if degree(right) > 0:
            self._not_a_polynomial(node.right)
            return None
        if not right:
            self.report(catalogue.DIVISION_BY_ZERO, node.right)
            return None
        return combined(left, 1 / right[0], (), ZERO)

    def _raised(self, node: n.Binary, base: Polynomial, exponent: Polynomial) -> Polynomial | None:
        if degree(exponent) > 0:
            self._not_a_polynomial(node.right)
            return None
        power = exponent[0] if exponent else ZERO
        if not power.is_rational or power.fraction().denominator != 1 or power.sign() < 0:
            self.report(catalogue.OUT_OF_RANGE, node.right, what="an exponent of theta", wants="a natural number")
            return None
        if not self._is_small(node.right, max(1, degree(base)) * int(power.fraction())):
            return None
        _ = sum(base, ZERO) ** int(power.fraction())  # refused where it is too large, and so would this power be
        result: Polynomial = (ONE,)
        for _ in range(int(power.fraction())):
            result = times(result, base)
        return result

    def _is_small(self, node: n.Expression, size: int) -> bool:
        if size > MAX_DEGREE:
            self.report(catalogue.OUT_OF_RANGE, node, what="the degree in theta", wants=f"at most {MAX_DEGREE}")
        return size <= MAX_DEGREE

    def _not_a_polynomial(self, node: n.Expression) -> None:
        problem = "a weight of dense output is a polynomial in theta"
        self.report(catalogue.BAD_DENSE, node, problem=problem, help="keep theta out of divisors, exponents and roots")


def _names(node: n.Expression) -> Iterator[n.Name]:
    """The names in an expression."""
    pending: list[object] = [node]
    while pending:
        match pending.pop():
            case n.Name() as name:
                yield name
            case n.Negate(operand):
                pending.append(operand)
            case n.Binary(_, left, right):
                pending += [left, right]
            case n.Call(_, arguments):
                pending += [argument.value for argument in arguments]
            case _:
                pass
