"""From expressions as written to exact numbers, node by node."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import get_args

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.model import expressions as e
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.budget import MOST_BITS
from hyperdsl.theory.numbers.exact import ONE, Exact, NotExact

MAX_POWER = 64
NO_PI = "numbers are exact here: write a decimal, such as 3.14159; cosines of parts of π are, as in `cos(pi/5)`"
NO_NAMES = "write a number: names stand for none here, also for what a `sweep` varies"
NO_CONSTANTS = "write the number out: names are parameters of a family, as in `method mine(alpha) {`"
PI = "pi"

Valued = tuple[e.Expression, Exact]


def constant(number: n.Number) -> Exact:
    """The exact value of a number as written; the tokens bound its size."""
    return Exact.of(Fraction(number.text))


def fits_double(report: Report, node: n.Expression, value: Exact) -> bool:
    """Whether the nearest double is finite, and zero only for zero; reported where it is not."""
    if value.parameters:
        return True
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if math.isinf(double) or (double == 0 and not value.is_zero):
        report(catalogue.NUMBER_SIZE, node, size="large" if double else "small")
        return False
    return True


class ExactReader:
    """Reads constant expressions and coefficients of tableaux: names of parameters, sqrt, and cos(pi·q)."""

    def __init__(self, report: Report, parameters: Iterable[str] | None = None) -> None:
        """`parameters` are those of a method; None where no name can stand."""
        self.report = report
        self.unnamed = NO_NAMES if parameters is None else NO_CONSTANTS
        self.parameters = frozenset(parameters or ())

    def value(self, node: n.Expression) -> Exact | None:
        """The value alone."""
        read = self.read(node)
        return read[1] if read else None

    def double(self, node: n.Expression) -> Exact | None:
        """The value of a number that becomes a double somewhere; one beyond a double's range is reported."""
        read = self.read(node)
        return read[1] if read and fits_double(self.report, node, read[1]) else None

    def read(self, node: n.Expression) -> Valued | None:
        """The expression with its names resolved and its exact value; None where it was reported."""
        match node:
            case n.Number():
                value = constant(node)
                return e.Constant(value), value
            case n.Name(text):
                return self._name(node, text)
            case n.Negate(operand):
                inner = self.read(operand)
                return (e.Negation(inner[0]), -inner[1]) if inner else None
            case n.Binary():
                return self._binary(node)
            case n.Call(name, arguments):
                return self._call(node, name, arguments)
            case n.Index():
                self.report(catalogue.UNEXPECTED, node, found="index")
                return None

    def _name(self, node: n.Name, text: str) -> Valued | None:
        if text in self.parameters:
            return e.Variable(text), Exact.parameter(text)
        advice = NO_PI if text == PI else did_you_mean(text, self.parameters) or self.unnamed
        self.report(catalogue.UNKNOWN_NAME, node, kind="parameter", name=text, help=advice)
        return None

    def _binary(self, node: n.Binary) -> Valued | None:
        left, right = self.read(node.left), self.read(node.right)
        if left is None or right is None:
            return None
        try:
            value = self._combined(node, left[1], right[1])
        except ZeroDivisionError:
            self.report(catalogue.DIVISION_BY_ZERO, node.right)
            return None
        except NotExact as reason:
            self.report(catalogue.NOT_EXACT, node, reason=reason)
            return None
        if value is not None and value.bits > MOST_BITS:
            self.report(catalogue.TOO_LARGE, node, what="this number", limit=f"{MOST_BITS} bits")
            return None
        return None if value is None else (e.Binary(node.operator, left[0], right[0]), value)

    def _combined(self, node: n.Binary, left: Exact, right: Exact) -> Exact | None:
        match node.operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "^":
                return self._power(node, left, right)

    def _power(self, node: n.Binary, base: Exact, exponent: Exact) -> Exact | None:
        wants = f"an integer constant between -{MAX_POWER} and {MAX_POWER}"
        if not exponent.is_rational or (power := exponent.fraction()).denominator != 1 or abs(power) > MAX_POWER:
            self.report(catalogue.OUT_OF_RANGE, node.right, what="an exponent", wants=wants)
            return None
        return base ** int(power)

    def _call(self, node: n.Call, name: n.Name | n.Number, arguments: tuple[n.Argument, ...]) -> Valued | None:
        if name.text not in ("sqrt", "cos"):
            advice = did_you_mean(name.text, ("sqrt", "cos"))
            self.report(catalogue.UNKNOWN_NAME, name, kind="function", name=name.text, help=advice)
            return None
        argument = one_argument(self.report, node, arguments)
        if argument is None:
            return None
        reader = self if name.text == "sqrt" else _AngleReader(self.report, (*self.parameters, PI))
        inner = reader.read(argument)
        if inner is None:
            return None
        try:
            value = irrational.sqrt(inner[1]) if name.text == "sqrt" else irrational.cos_pi(_multiple_of_pi(inner[1]))
        except NotExact as reason:
            self.report(catalogue.NOT_EXACT, node, reason=reason)
            return None
        return e.Function("sqrt" if name.text == "sqrt" else "cos", inner[0]), value


class _AngleReader(ExactReader):
    """Inside cos( ), where pi is a name; it is carried as a parameter, so that the angle can be divided by it."""

    def _name(self, node: n.Name, text: str) -> Valued | None:
        return (e.Pi(), Exact.parameter(PI)) if text == PI else super()._name(node, text)


def _multiple_of_pi(angle: Exact) -> Fraction:
    """q of an angle π·q."""
    turn = angle / Exact.parameter(PI)
    if not turn.is_rational:
        raise NotExact("the argument of cos must be pi times a rational number")
    return turn.fraction()


class ProblemReader:
    """Reads expressions of problems and paths: states, parameters, the time, pi and elementary functions."""

    FUNCTIONS = get_args(e.FunctionName)

    def __init__(self, report: Report, names: Iterable[str], kind: str = "state or parameter") -> None:
        """`kind` is how messages call what the names are of."""
        self.report, self.kind = report, kind
        self.names = frozenset(names)

    def read(self, node: n.Expression) -> e.Expression | None:
        match node:
            case n.Number():
                value = constant(node)
                return e.Constant(value) if fits_double(self.report, node, value) else None
            case n.Name(text) if text in self.names:
                return e.Variable(text)
            case n.Name(text) if text == PI:
                return e.Pi()
            case n.Name(text):
                advice = did_you_mean(text, self.names)
                self.report(catalogue.UNKNOWN_NAME, node, kind=self.kind, name=text, help=advice)
                return None
            case n.Negate(operand):
                inner = self.read(operand)
                return None if inner is None else e.Negation(inner)
            case n.Binary(operator, left, right):
                sides = self.read(left), self.read(right)
                if sides[0] is None or sides[1] is None or self._divides_by_zero(node, sides[1]):
                    return None
                return e.Binary(operator, sides[0], sides[1])
            case n.Call(name, arguments):
                return self._call(node, name, arguments)
            case n.Index():
                self.report(catalogue.UNEXPECTED, node, found="index")
                return None

    def _divides_by_zero(self, node: n.Binary, right: e.Expression) -> bool:
        zero = node.operator == "/" and right == e.Constant(ONE - ONE)
        if zero:
            self.report(catalogue.DIVISION_BY_ZERO, node.right)
        return zero

    def _call(self, node: n.Call, name: n.Name | n.Number, arguments: tuple[n.Argument, ...]) -> e.Expression | None:
        if name.text not in self.FUNCTIONS:
            advice = did_you_mean(name.text, self.FUNCTIONS)
            self.report(catalogue.UNKNOWN_NAME, name, kind="function", name=name.text, help=advice)
            return None
        argument = one_argument(self.report, node, arguments)
        inner = None if argument is None else self.read(argument)
        return None if inner is None else e.Function(name.text, inner)  # type: ignore[arg-type]  # one of FUNCTIONS


def one_argument(report: Report, call: n.Call, arguments: tuple[n.Argument, ...]) -> n.Expression | None:
    """The single unnamed expression of a function call."""
    if len(arguments) == 1 and arguments[0].name is None:
        value = arguments[0].value
        if not isinstance(value, n.Range | n.Comparison | n.String):
            return value
    report(catalogue.WRONG_VALUE, call, word=call.name.text, wants="one expression")
    return None
