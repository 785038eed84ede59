"""A method's tableau and leading error as LaTeX, coefficients as they are written in the spec."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hyperdsl.pages.analysis import Analysis
from hyperdsl.pages.conditions import MOST_TREES
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Function, Negation, Pi, Variable
from hyperdsl.semantics.model.spec import Method
from hyperdsl.theory.numbers.exact import Exact, NotExact
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Tree

_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|chi|psi|omega"
)
_SUM, _PRODUCT, _POWER, _ATOM = range(4)


def tableau_latex(method: Method) -> str:
    """The Butcher tableau as an array, without dollar signs."""
    entries, tableau = method.entries, method.tableau
    rows = [
        " & ".join([expression_latex(c), *_row(row, last)])
        for c, row, last in zip(entries.c, entries.a, _lasts(tableau), strict=True)
    ]
    weights = [" & ".join(["", *_row(row, tableau.stages)]) for row in entries.weights]
    body = " \\\\\n".join(rows) + " \\\\\n\\hline\n" + " \\\\\n".join(weights)
    return f"\\begin{{array}}{{c|{'c' * tableau.stages}}}\n{body}\n\\end{{array}}"


def local_error_latex(method: Method, analysis: Analysis) -> str:
    """z(s + ε) − z₁ up to its leading terms, without dollar signs."""
    power = method.facts.order + 1
    learned = analysis.learned or ()
    text = ""
    for tree, coefficient in learned[:MOST_TREES]:
        negative = not coefficient.parameters and coefficient.sign() < 0
        size = exact_latex(-coefficient if negative else coefficient)
        text += (" - " if negative else " + " if text else "") + f"{size}\\,{differential_latex(tree)}"
    if not learned or len(learned) > MOST_TREES:
        text += " + \\cdots"
    epsilon = "\\varepsilon"
    return f"z(s+{epsilon}) - z_1 = {epsilon}^{{{power}}}\\left({text.strip()}\\right) + O({epsilon}^{{{power + 1}}})"


def differential_latex(tree: Tree) -> str:
    """An elementary differential."""
    states = [differential_latex(child) for child in tree.children if not child.is_time_leaf]
    times = len(tree.children) - len(states)
    before = "" if times == 0 else "\\partial_s " if times == 1 else f"\\partial_s^{{{times}}} "
    primes = "f" + ("'" * len(states) if len(states) <= 3 else f"^{{({len(states)})}}")
    return before + primes + (f"({', '.join(states)})" if len(states) > 1 else "\\," + states[0] if states else "")


def exact_latex(value: Exact) -> str:
    """An exact number; one that is long is a decimal."""
    if value.is_rational:
        fraction = value.fraction()
        top, bottom = str(abs(fraction.numerator)), str(fraction.denominator)
        sign = "-" if fraction < 0 else ""
        if len(top) + len(bottom) > 30:
            return value.decimal(16)
        return sign + (top if bottom == "1" else f"\\tfrac{{{top}}}{{{bottom}}}")
    try:
        return f"\\approx {value.decimal(16)}"
    except NotExact:
        return f"\\left({_plain(str(value))}\\right)"


def expression_latex(expression: Expression) -> str:
    """A coefficient as it is written."""
    return _latex(expression)[0]


def _latex(expression: Expression) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match expression:
        case Constant(value):
            return exact_latex(value), _ATOM if value.is_rational and value.sign() >= 0 else _SUM
        case Pi():
            return "\\pi", _ATOM
        case Variable(name):
            return (
                f"\\{name}" if _GREEK.fullmatch(name) else f"\\mathit{{{_plain(name)}}}" if len(name) > 1 else name
            ), _ATOM
        case Negation(operand):
            return f"-{_within(operand, _PRODUCT)}", _SUM
        case Binary("/", left, right):
            return f"\\tfrac{{{expression_latex(left)}}}{{{expression_latex(right)}}}", _ATOM
        case Binary("*", left, right):
            return f"{_within(left, _PRODUCT)} \\cdot {_within(right, _PRODUCT)}", _PRODUCT
        case Binary("^", left, right):
            return f"{_within(left, _ATOM)}^{{{expression_latex(right)}}}", _POWER
        case Binary(operator, left, right):
            return f"{expression_latex(left)} {operator} {_within(right, _PRODUCT)}", _SUM
        case Function("sqrt", operand):
            return f"\\sqrt{{{expression_latex(operand)}}}", _ATOM
        case Function(name, operand):
            return f"\\{name}\\left({expression_latex(operand)}\\right)", _ATOM


def _name(name: str) -> str:
    if _GREEK.fullmatch(name):
        return f"\\{name}"
    return name if len(name) == 1 else f"\\mathit{{{_plain(name)}}}"


def _within(expression: Expression, around: int) -> str:
    text, level = _latex(expression)
    return f"\\left({text}\\right)" if level < around else text


def _row(row: Sequence[Expression], last: int) -> list[str]:
    return [expression_latex(entry) if j < last else "" for j, entry in enumerate(row)]


def _lasts(tableau: Tableau) -> list[int]:
    """How many entries of each row of A to print: zeros at its end are left out."""
    return [max((j + 1 for j, a in enumerate(row) if not a.is_zero), default=0) for row in tableau.a]


def _plain(text: str) -> str:
    """Names and numbers of the language as LaTeX: no character of theirs but `_`, `^` and `*` means something there."""
    return text.replace("_", "\\_").replace("*", " ")
