"""Generated Python compared as syntax: layout, comments and how a number is written do not count, docstrings do."""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

STEPS = frozenset({"method", "advance", "estimate", "between", "weights", "formula", "starting"})
"""Functions of a solver whose lines may differ if they compute the same."""

_CALLED = frozenset({"f", "beside", "filtered", "increments", "polynomials", "solved"})
_METHODS = frozenset({"add", "explicit", "implicit", "mul"})
_LONGEST = 60
_LARGEST_POWER = 64


@dataclass(frozen=True)
class Place:
    """Where two texts differ: a line of the first, and how; `owner` is the class and function whose lines differ."""

    line: int
    text: str
    owner: tuple[str, str] | None = None


def differences(found: ast.Module, expected: ast.Module) -> Iterator[Place]:
    """Where a module is not the expected one; imports may stand in any order."""
    imports, others = _parted(found)
    expected_imports, expected_others = _parted(expected)
    for name in sorted(imports.keys() - expected_imports.keys()):
        yield Place(imports[name], f"`{name}` is imported, which the spec's package does not import")
    for name in sorted(expected_imports.keys() - imports.keys()):
        yield Place(1, f"`{name}` is not imported")
    yield from _bodies(others, expected_others, (), 1)


def _parted(module: ast.Module) -> tuple[dict[str, int], list[ast.stmt]]:
    """What a module imports, with the line, and its other statements."""
    imports = {}
    for node in module.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                one = ast.Import([alias]) if isinstance(node, ast.Import) else None
                imports[ast.unparse(one or ast.ImportFrom(node.module, [alias], node.level))] = node.lineno  # type: ignore[union-attr]
    return imports, [node for node in module.body if not isinstance(node, ast.Import | ast.ImportFrom)]


def _bodies(
    found: Sequence[ast.stmt], expected: Sequence[ast.stmt], owner: tuple[str, ...], line: int
) -> Iterator[Place]:
    """Statement by statement."""
    for one, other in zip(found, expected, strict=False):
        yield from _statements(one, other, owner)
        line = one.end_lineno or line
    if len(found) > len(expected):
        yield Place(found[len(expected)].lineno, f"`{_short(found[len(expected)])}` is not in the spec's package")
    elif len(found) < len(expected):
        yield Place(line, f"`{_short(expected[len(found)])}` is missing after this line")


def _statements(found: ast.stmt, expected: ast.stmt, owner: tuple[str, ...]) -> Iterator[Place]:
    scopes = ast.ClassDef | ast.FunctionDef
    if isinstance(found, scopes) and isinstance(expected, scopes) and type(found) is type(expected):
        yield from _heads(found, expected)
        inside = (*owner, found.name)
        bodies = _documented(found.body), _documented(expected.body)
        yield from _bodies(bodies[0][:1], bodies[1][:1], inside, found.lineno)
        yield from _owned(inside, [*_bodies(bodies[0][1:], bodies[1][1:], inside, found.lineno)])
        return
    yield from _nodes(found, expected)


def _owned(inside: tuple[str, ...], places: list[Place]) -> list[Place]:
    """The places, as those of the step that they are in."""
    if len(inside) != 2 or inside[1] not in STEPS:  # a function of a class
        return places
    return [Place(place.line, place.text, (inside[0], inside[1])) for place in places]


def _documented(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body with its docstring first, an empty one where it has none."""
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body
    return [ast.copy_location(ast.Expr(ast.copy_location(ast.Constant(""), first)), first), *body]


def _heads(found: ast.ClassDef | ast.FunctionDef, expected: ast.ClassDef | ast.FunctionDef) -> Iterator[Place]:
    """Everything of a class or function but its body."""
    for name in found._fields:
        if name != "body":
            yield from _values(getattr(found, name), getattr(expected, name), found, expected)


def _nodes(found: ast.AST, expected: ast.AST) -> Iterator[Place]:
    """Node by node; the smallest two that differ. Arithmetic of numbers is the number that it gives: 1 / 2 is .5."""
    numbers = _number(found), _number(expected)
    if None not in numbers:
        same = type(numbers[0]) is type(numbers[1]) and repr(numbers[0]) == repr(numbers[1])
        yield from [] if same else [_place(found, expected)]
        return
    if type(found) is not type(expected):
        yield _place(found, expected)
        return
    if isinstance(found, ast.Expr) and isinstance(expected, ast.Expr):
        texts = [_text(node.value) for node in (found, expected)]
        if texts[0] is not None and texts[0] == texts[1]:
            return
    for name in found._fields:
        if name != "kind":  # of a constant: whether there was a u before its quotes
            yield from _values(getattr(found, name, None), getattr(expected, name, None), found, expected)


def _values(found: Any, expected: Any, inside: ast.AST, other: ast.AST) -> Iterator[Place]:
    """The values of a field."""
    if isinstance(found, ast.AST) and isinstance(expected, ast.AST):
        same = type(found) is type(expected) or hasattr(found, "lineno")  # an operator has no place of its own
        yield from _nodes(found, expected) if same else [_place(inside, other)]
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for one, another in zip(found, expected, strict=True):
            yield from _values(one, another, inside, other)
    elif type(found) is not type(expected) or repr(found) != repr(expected):
        yield _place(inside, other)


def _place(found: ast.AST, expected: ast.AST) -> Place:
    line = next((node.lineno for node in ast.walk(found) if hasattr(node, "lineno")), 1)
    return Place(line, f"`{_short(found)}`, by the spec `{_short(expected)}`")


def _text(node: ast.AST) -> str | None:
    """A docstring without its indentation."""
    return inspect.cleandoc(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).strip()
    lines = [line for line in text.splitlines() if line] or [type(node).__name__]
    return lines[0] if len(lines) == 1 and len(text) <= _LONGEST else f"{lines[0][:_LONGEST]} ..."


_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _number(node: ast.AST) -> int | float | None:
    """What numbers and their arithmetic give, as Python has it; None for anything else."""
    match node:
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case ast.UnaryOp(ast.USub(), operand):
            value = _number(operand)
            return None if value is None else -value
        case ast.BinOp(left, sign, right) if type(sign) in _ARITHMETIC:
            first, second = _number(left), _number(right)
            if first is None or second is None:
                return None
            try:
                result: int | float = _ARITHMETIC[type(sign)](first, second)
            except ArithmeticError:
                return None
            return result
        case _:
            return None


def straight(function: ast.FunctionDef) -> Place | None:
    """What is more in a function than arithmetic in a straight line, which is all that is run; None where nothing is.

    Names are given to values, and f and functions of the runtime are called: nothing that could do anything else.
    """
    for statement in _documented(function.body)[1:]:
        match statement:
            case ast.Assign(targets=[target], value=value) if _is_names(target):
                pass
            case ast.Return(value=ast.expr() as value):
                pass
            case _:
                return Place(statement.lineno, f"`{_short(statement)}` is no line of a step")
        for node in ast.walk(value):
            if not _is_arithmetic(node):
                return Place(getattr(node, "lineno", statement.lineno), f"`{_short(statement)}` is no line of a step")
    return None


def _is_names(target: ast.expr) -> bool:
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return all(isinstance(part, ast.Name) and part.id not in _CALLED | {"torch"} for part in parts)


def _is_arithmetic(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value):
            return (isinstance(value, int | float) and not isinstance(value, bool)) or value is None
        case ast.BinOp(_, ast.Pow(), ast.Constant(exponent)):
            return isinstance(exponent, int) and exponent <= _LARGEST_POWER and _number(node.left) is None
        case ast.BinOp(_, sign, _):
            return type(sign) in _ARITHMETIC
        case ast.Call(ast.Name(name), keywords=[]):
            return name in _CALLED
        case ast.Call(ast.Attribute(ast.Name("torch"), "stack"), keywords=[]):
            return True
        case ast.Call(ast.Attribute(_, name), keywords=keywords):
            return name in _METHODS and all(keyword.arg == "alpha" for keyword in keywords)
        case ast.Attribute(_, name):
            return name in {*_METHODS, "stack", "states", "derivatives"}
        case _:
            kinds = ast.Name | ast.UnaryOp | ast.Tuple | ast.expr_context | ast.operator | ast.unaryop | ast.keyword
            return isinstance(node, kinds)
