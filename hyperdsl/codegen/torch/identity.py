"""What tells the base method of weights from others: a digest of its coefficients."""

from __future__ import annotations

import hashlib

from hyperdsl.plan import Combine, Evaluate, Learn, Linear, Linearise, Plan, Resolve, Solve, Statement
from hyperdsl.plan.passes import needed
from hyperdsl.plan.step import derivative
from hyperdsl.theory.numbers.exact import Exact

_LENGTH = 16
"""Hexadecimal digits: enough that no two methods meet by accident."""


def base_digest(plan: Plan) -> str:
    """The digest of the base's step as it is computed: its nodes, its coefficients, and the slopes that they belong to.

    It is that of the nearest doubles; of numbers that depend on parameters, of their exact form. What only an estimate
    of the error, dense output or the next step reads is left out, and so is f(s, z), which a control may carry along.
    """
    first = derivative(plan.step)
    statements = [s for s in needed(plan.step, plan.step.base) if not (isinstance(s, Evaluate) and s.name == first)]
    lines = [*map(_line, statements), f"end {_sum(plan.step.base)}"]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_LENGTH]


def _line(statement: Statement) -> str:
    match statement:
        case Evaluate(name, node, of):
            return f"{name} {_number(node.value)} {_sum(of)}"
        case Solve(equations, guess):
            return "; ".join(("solve", *map(_line, equations), _sum(guess)))
        case Linearise(matrix, _, ratio):
            return f"{matrix} {_number(ratio.value)}"
        case Resolve(name, matrix, of):
            return f"{name} {matrix} {_sum(of)}"
        case Combine(name, of):
            return f"{name} {_sum(of)}"
        case Learn():
            return ""  # g is no part of the base


def _sum(linear: Linear) -> str:
    return " + ".join(f"{_number(term.coefficient.value)} {term.power} {term.name}" for term in linear)


def _number(value: Exact) -> str:
    return str(value) if value.parameters else float(value).hex()
