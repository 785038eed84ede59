"""Equations, constants and numbers as they are written on paper, and how they are written here."""

from __future__ import annotations

from itertools import pairwise

from lark import Token

from hyperdsl.diagnostics import Diagnostic, Edit, Fix, catalogue
from hyperdsl.source import Place
from hyperdsl.syntax.builder import span_of
from hyperdsl.syntax.elsewhere import setting_meant
from hyperdsl.syntax.fault import OPERATORS, Fault, gap

CONSTANTS = "there are no named constants: write the number out where it stands"
FAMILY = ", or make it a parameter of a family, `method {name}({word}) {{`, whose value is given where it is used"
FACTORS = frozenset({"NAME", "LPAR"})
TIMES = frozenset({"t", "s", "time"})
LOW_STORAGE = "a low-storage method is written as a tableau, as `williamson3` of the library is"


def start_value(fault: Fault) -> Diagnostic | None:
    """`x(0) in 1 .. 2`."""
    row = fault.statement
    if fault.kind != "IN" or len(row) < 5 or row[1] != "(" or fault.before != ")":
        return None
    name, span = str(row[0]), span_of(row[0]).to(span_of(fault.before))
    help_ = f"write `{name} {fault.written(fault.token, row[-1])}`"
    fix = Fix.put(name, span, f"write `{name}`")
    problem = "a state's start is written without its time"
    return catalogue.BAD_EQUATION.at(Place(fault.source, span), problem=problem, help=help_, fix=fix)


def left_side(fault: Fault) -> Diagnostic | None:
    """`3*z[n+1] - 4*z[n] = ...`, `z[n+1] - z[n-1] = ...`."""
    row = fault.statement
    equal = next((i for i, token in enumerate(row) if token == "="), None)
    if fault.blocks[-1:] != ("multistep",) or equal is None or fault.at - fault.start >= equal:
        return None
    if not any(token.type == "LSQB" for token in row[:equal]):
        return None
    help_ = "solve the equation for it: `z[n+1] = ...`, with all else on the right"
    place = Place(fault.source, span_of(row[0]).to(span_of(row[equal - 1])))
    problem = "on the left of a multistep equation stands `z[n+1]` alone"
    return catalogue.BAD_EQUATION.at(place, problem=problem, help=help_)


def constant(fault: Fault) -> Diagnostic | None:
    """`gamma = 1/4` and `where gamma = 1/4` in a method, `mu = 1`, `x0 = 1` and `t = 0 .. 5` in a problem."""
    row, blocks = fault.statement, fault.blocks
    if fault.token != "=" or fault.before is None or fault.known is None or fault.in_table:
        return None
    plain = not any(token == "transformed" for token in fault.stream)  # whose γ is a setting
    word, alone = str(row[0]), fault.at - fault.start == 1
    if blocks[-1] == "problem" and alone and word not in fault.known:
        return catalogue.UNEXPECTED.at(fault.place, found="`=`", help=_of_problem(fault, word))
    if blocks[-1] not in {"method", "multistep", "predictor_corrector"}:
        return None
    if (
        word in fault.known and word != "where" and not (alone and word == "gamma" and plain)
    ) or fault.before.type == "RSQB":
        return None
    if not alone and word != "where":
        help_ = "a method is its coefficients: there are no assignments, and stages are rows of `tableau { ... }`"
    else:
        name = next((str(token) for token in _head(fault)[1:2]), "mine")
        help_ = CONSTANTS + (FAMILY.format(name=name, word=fault.before) if blocks[-1] == "method" else "")
    return catalogue.UNEXPECTED.at(fault.place, found="`=`", help=help_)


def _head(fault: Fault) -> tuple[Token, ...]:
    """The statement whose block is open here."""
    brace = fault.openers[-1]
    end = start = next(i for i, token in enumerate(fault.stream) if token is brace)
    while start > 0 and fault.stream[start - 1].line == brace.line:
        start -= 1
    return fault.stream[start:end]


def _of_problem(fault: Fault, word: str) -> str:
    """What is written in a problem in place of `word = ...`."""
    value = fault.written(fault.after, fault.statement[-1]) if fault.after is not None else "1"
    if word in TIMES:
        return f"the time is `s`: write `span {value if '..' in value else '0 .. 1'}`"
    states = [str(token) for token, prime in pairwise(fault.stream) if prime.type == "PRIME"]
    if state := next((name for name in (word, word.rstrip("0").rstrip("_")) if name in states), None):
        return f"a state's start stands after `in`: write `{state} in {value}`"
    name = next((str(token) for token in _head(fault)[1:2]), "mine")
    return f"a constant is a parameter of the problem: write `problem {name}({word} = {value}) {{`"


def unknown_setting(fault: Fault) -> Diagnostic | None:
    """`x = 1` where no setting is called so: to leave the sign out would not do."""
    before, known = fault.before, fault.known
    if fault.token not in {"=", ":"} or before is None or before.type != "WORD" or known is None or before in known:
        return None
    block = fault.blocks[-1]
    place, help_ = Place(fault.source, span_of(before)), setting_meant(str(before), sorted(known))
    return catalogue.UNKNOWN_SETTING.at(place, kind=f"a {block}", word=str(before), help=help_)


def product(fault: Fault) -> Diagnostic | None:
    """`4/3 z[n]`, `2 (z + 1)` in an equation."""
    before, row = fault.before, fault.statement
    if fault.in_table or before is None or fault.kind not in FACTORS:
        return None
    if before.type not in {"NUMBER", "NAME", "RPAR", "RSQB"} or not any(
        token == "=" for token in row[: fault.at - fault.start]
    ):
        return None
    left = fault.at - 1
    while left > fault.start and fault.stream[left - 1].type in OPERATORS | {"NUMBER"}:
        left -= 1
    sure = before.type == "NUMBER" and not any(token.type == "SLASH" for token in fault.stream[left : fault.at])
    fix = Fix.put("*", gap(before, fault.token), "write the `*`") if sure else None
    help_ = f"a product has its sign: write `{fault.written(fault.stream[left], before)}*{fault.token}`"
    return catalogue.UNEXPECTED.at(fault.place, found=f"`{fault.token}`", help=help_, fix=fix)


def root(fault: Fault) -> Diagnostic | None:
    """`√3` and `√(1 + 1/2)`."""
    if fault.token != "√":
        return None
    edits, example = [], "sqrt(3)"
    row = fault.statement
    for sign, following in pairwise(row):
        if sign == "√" and following.type in {"NUMBER", "NAME"}:
            edits.append(Edit(span_of(sign).to(span_of(following)), f"sqrt({following})"))
        elif sign == "√" and following.type == "LPAR":
            edits.append(Edit(span_of(sign), "sqrt"))
    if fault.after is not None and fault.after.type in {"NUMBER", "NAME"}:
        example = f"sqrt({fault.after})"
    fix = Fix("write `sqrt`", tuple(edits)) if len(edits) == sum(token == "√" for token in row) else None
    return catalogue.UNEXPECTED.at(fault.place, found="`√`", help=f"write `{example}`", fix=fix)
