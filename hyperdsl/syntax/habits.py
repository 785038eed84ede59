"""What is written out of habit in other languages, and what to write here.

A recogniser looks at a statement that cannot be parsed, from the token that cannot stand where it does, and says what
to write, or returns None. They are asked in the order of `HABITS`; whatever none of them knows is told by what could
stand there.
"""

from __future__ import annotations

import re

from lark import Token

from hyperdsl.diagnostics import Diagnostic, Edit, Fix, catalogue
from hyperdsl.source import Place, Span
from hyperdsl.syntax.brackets import DECLARATIONS
from hyperdsl.syntax.builder import span_of
from hyperdsl.syntax.characters import advice, named, typed
from hyperdsl.syntax.fault import OPERATORS, Fault, Recogniser, gap
from hyperdsl.syntax.formulas import LOW_STORAGE, constant, left_side, product, root, start_value, unknown_setting
from hyperdsl.syntax.rows import ROWS, column_sign, row_label, table_row

SETTING_LINE = "each setting has a line of its own, without a comma before it"
EXAMPLES = {
    "training": "fit",
    "control": "pi",
    "corrector": "small",
    "problem": "decay",
    "sweep": "sizes",
    "path": "vp",
}
STORAGE = frozenset({"2N", "2R", "2S", "3R", "3S"})
"""Schemes of low storage by the registers that they take (Kennedy, Carpenter & Lewis 2000)."""
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(/[0-9]+)?")


def recognised(fault: Fault) -> Diagnostic | None:
    """What the first recogniser that knows the fault says of it."""
    return next((message for habit in HABITS if (message := habit(fault)) is not None), None)


def _comment_sign(fault: Fault) -> Diagnostic | None:
    pair = (str(fault.token) + str(fault.after or "")) if fault.after is not None else str(fault.token)
    sign = "%" if fault.token == "%" else next((sign for sign in ("//", "/*") if pair == sign), None)
    if sign is None and fault.kind == "SLASH" and fault.before is not None and fault.before.type == "SLASH":
        sign = "//"
    if sign is None or (sign != "%" and fault.kind != "SLASH"):
        return None
    span = fault.place.span
    alone = not fault.source.lines[span.line - 1][: span.column - 1].strip()
    fix = None
    if alone and sign in {"//", "%"}:
        fix = Fix.put(
            "#", Span(span.line, span.column, span.line, span.column + len(sign)), "begin the comment with `#`"
        )
    return catalogue.COMMENT_SIGN.at(fault.place, sign=sign, fix=fix)


def _power_stars(fault: Fault) -> Diagnostic | None:
    return (
        catalogue.POWER_STARS.at(fault.place, fix=fault.put("^", "write `^`")) if fault.kind == "POWER_STARS" else None
    )


def _semicolon(fault: Fault) -> Diagnostic | None:
    if fault.token != ";":
        return None
    if fault.after is None:
        problem, removed = "a statement ends with its line, without `;`", fault.put("", "remove the `;`")
        return catalogue.SEPARATOR.at(fault.place, problem=problem, help="remove it", fix=removed)
    line = fault.source.lines[fault.place.span.line - 1]
    indent = line[: len(line) - len(line.lstrip())]
    bracketed = any(token.type == "LSQB" for token in fault.statement)
    fix = None if bracketed else fault.put(f"\n{indent}", "begin a new line")
    what = "row" if fault.in_table else "statement"
    problem = f"`;` does not separate {what}s"
    return catalogue.SEPARATOR.at(fault.place, problem=problem, help=f"each {what} has a line of its own", fix=fix)


def _lists(fault: Fault) -> Diagnostic | None:
    """`A = [[0, 0], [1, 0]]`, `| [1/2, 1/2]`, `x in [0, 1]`, `span [0, 5]`."""
    row = fault.statement
    opening = [token for token in row if token.type == "LSQB"]
    closing = [token for token in row if token.type == "RSQB"]
    after = fault.after
    begins_list = fault.token in {"=", ":"} and after is not None and after.type == "LSQB"
    inside = fault.kind in {"COMMA", "SEMICOLON"} and _first_is(row, "NAME", "LSQB")
    if not (fault.kind == "LSQB" or begins_list or inside):
        return None
    fix = None
    lone = len(opening) == len(closing) == 1
    commas = [token for token in row if token.type == "COMMA"]
    if fault.in_table:
        help_ = ROWS
        if lone:
            fix = Fix("remove the brackets", (Edit(span_of(opening[0]), ""), Edit(span_of(closing[0]), "")))
    elif fault.known is not None and "method" not in fault.blocks and len(opening) == 1 and len(commas) != 1:
        help_ = f"write values with commas between them, without brackets: `{row[0]} ...`"
    elif begins_list or len(opening) > 1:
        help_ = ROWS
    else:
        help_ = "write a range as `0 .. 5`, values with commas between them"
        if lone and len(commas) == 1 and row[-1].type == "RSQB":
            comma = row.index(commas[0])
            between = gap(row[comma - 1], row[comma + 1])
            edits = (Edit(span_of(opening[0]), ""), Edit(between, " .. "), Edit(span_of(closing[0]), ""))
            fix = Fix("write a range", edits)
    return catalogue.BRACKETED.at(Place(fault.source, span_of(opening[0])), help=help_, fix=fix)


def _first_is(row: tuple[Token, ...], *kinds: str) -> bool:
    return tuple(token.type for token in row[: len(kinds)]) == kinds


def _quoted(fault: Fault) -> Diagnostic | None:
    """`| "1/2"`, `method "heun" {`, `"order": 2`."""
    before = fault.before
    if fault.kind == "PRIME":
        help_ = "numbers stand without quotes, as in `1/2`"
        return catalogue.UNEXPECTED.at(fault.place, found="`'`", help=help_) if fault.in_table else None
    text = next((token for token in (before, fault.token) if token is not None and token.type == "STRING"), None)
    if text is None:
        return None
    bare, place = str(text)[1:-1], Place(fault.source, span_of(text))
    if NUMBER.fullmatch(bare):
        fix = Fix.put(bare, place.span, "remove the quotes")
        return catalogue.QUOTED.at(place, what="a number", written=f"`{bare}`", fix=fix)
    if not bare.isascii() or not bare.isidentifier():
        return None
    what = "the word of a statement" if fault.start == fault.at or before is text is fault.statement[0] else "a name"
    fix = Fix.put(bare, place.span, "remove the quotes")
    return catalogue.QUOTED.at(place, what=what, written=f"`{bare}`", fix=fix)


def _head(fault: Fault) -> Diagnostic | None:
    """`method my-heun {`, `method 2nd_order {`, `method heun = {`, `solver: S {`."""
    row = fault.statement
    opens = fault.end < len(fault.stream) and fault.stream[fault.end].type == "LBRACE"
    if fault.openers or not opens or len(row) < 2 or row[0] not in DECLARATIONS:
        return None
    sign = next((token for token in (row[1], row[-1]) if token in {"=", ":"}), None)
    if sign is not None:
        place = Place(fault.source, span_of(sign))
        fix = Fix.put("", place.span, f"remove the `{sign}`")
        return catalogue.SEPARATOR.at(place, problem=f"a declaration has no `{sign}`", help="remove it", fix=fix)
    span = span_of(row[1]).to(span_of(row[-1]))
    name = fault.source.lines[span.line - 1][span.column - 1 : span.end_column - 1]
    if span.line != span.end_line or not name.isascii() or row[1].type == "STRING" or "(" in name:
        return None
    reason = "names are letters, digits and underscores, and do not begin with a digit"
    return catalogue.BAD_NAME.at(Place(fault.source, span), name=name, reason=reason)


def _nameless(fault: Fault) -> Diagnostic | None:
    """`training {`."""
    before = fault.before
    if fault.kind != "LBRACE" or fault.start != fault.at - 1 or before not in DECLARATIONS or fault.openers:
        return None
    word = str(before)
    place = Place(fault.source, span_of(before))
    return catalogue.NO_NAME.at(place, word=word, example=EXAMPLES.get(word, "mine"))


def _derivative(fault: Fault) -> Diagnostic | None:
    """`dx/dt = -x`, `x(0) = 1`, `z(n+1) = ...`."""
    row = fault.statement
    if fault.in_table or not fault.openers:
        return None
    if len(row) > 3 and re.fullmatch(r"d[A-Za-z]\w*", row[0]) and row[1] == "/" and row[2] in {"ds", "dt", "dx"}:
        name = str(row[0])[1:]
        span = span_of(row[0]).to(span_of(row[2]))
        fix = Fix.put(f"{name}'", span, f"write `{name}'`")
        problem = f"the derivative of `{name}` is written `{name}'`"
        return catalogue.BAD_EQUATION.at(
            Place(fault.source, span), problem=problem, help=f"write `{name}' = ...`", fix=fix
        )
    if fault.token == "=" and len(row) > 3 and row[1] == "(" and fault.before is not None and fault.before == ")":
        name, place = str(row[0]), Place(fault.source, span_of(row[0]).to(span_of(fault.before)))
        if any(token == "n" for token in row[: fault.at - fault.start]):
            problem, help_ = "states of a multistep method have an index in brackets", "write `z[n+1] = ...`, `f[n-1]`"
        else:
            value = fault.written(fault.after, row[-1]) if fault.after is not None else "0 .. 1"
            problem, help_ = "a state's start stands after `in`", f"write `{name} in {value}`"
        return catalogue.BAD_EQUATION.at(place, problem=problem, help=help_)
    return None


def _equals(fault: Fault) -> Diagnostic | None:
    """`order = 2`, `order: 2`, `tableau: {`."""
    before = fault.before
    if fault.token not in {"=", ":"} or before is None:
        return None
    sign = str(fault.token)
    if before.type not in {"WORD", "TABLE"}:
        head = fault.statement[0]
        help_ = "an argument stands in parentheses after its word, `word(name = value)`"
        if fault.at - fault.start == 3:
            value = f" {fault.after}" if fault.after is not None else " ..."
            help_ = f"an argument stands in parentheses: `{head} {fault.statement[1]}({before} ={value})`"
        if head == "order" and fault.after is not None:
            help_ = f"write `{before} {fault.after}`"
        return catalogue.UNEXPECTED.at(fault.place, found=f"`{sign}`", help=help_)
    after = fault.after
    if not fault.openers and before not in DECLARATIONS:
        help_ = "at the top of a spec stand declarations such as `method heun { ... }`"
        return catalogue.UNKNOWN_DECLARATION.at(Place(fault.source, span_of(before)), word=before, help=help_)
    span = gap(before, after) if after is not None else fault.place.span
    fix = Fix.put(" " if after is not None else "", span, f"remove the `{sign}`")
    return catalogue.SETTING_EQUALS.at(fault.place, word=before, sign=sign, fix=fix)


def _unary_plus(fault: Fault) -> Diagnostic | None:
    before = fault.before
    leads = before is None or before.type in OPERATORS | {
        "COMMA",
        "LPAR",
        "LSQB",
        "BAR",
        "EQUAL",
        "WORD",
        "DOTS",
        "COMPARE",
    }
    if fault.kind != "PLUS" or not leads:
        return None
    return catalogue.UNARY_PLUS.at(fault.place, fix=fault.put("", "remove the `+`"))


def _bad_number(fault: Fault) -> Diagnostic | None:
    if fault.kind != "BAD_NUMBER":
        return None
    text = str(fault.token)
    plain = re.sub(r"\.(?=[eE]|$)", "", text.replace("_", ""))
    if plain != text and re.fullmatch(r"[0-9]+(\.[0-9]+)?([eE][0-9]*)?", plain):
        return catalogue.BAD_NUMBER.at(fault.place, text=text, fix=fault.put(plain, f"write `{plain}`"))
    factors = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]\w*)", text)
    help_ = f"write a product as `{factors[1]}*{factors[2]}`" if factors else None
    if text.upper() in STORAGE:
        help_ = LOW_STORAGE
    return catalogue.BAD_NUMBER.at(fault.place, text=text, help=help_)


def _character(fault: Fault) -> Diagnostic | None:
    if fault.kind != "OTHER":
        return None
    character = str(fault.token)
    written = typed(character)
    if written is None:
        return catalogue.BAD_CHARACTER.at(fault.place, found=named(character), help=advice(character))
    others = [token for token in fault.statement if token.type == "OTHER" and typed(str(token))]
    edits = tuple(Edit(span_of(token), typed(str(token)) or "") for token in others)
    fix = Fix("write what can be typed", edits)
    return catalogue.BAD_CHARACTER.at(fault.place, found=named(character), help=f"write `{written.strip()}`", fix=fix)


def _loose_comma(fault: Fault) -> Diagnostic | None:
    before = fault.before
    if before is None or before.type != "COMMA" or fault.kind != "_NL":
        return None
    place = Place(fault.source, span_of(before))
    fix = Fix.put("", place.span, "remove the comma")
    return catalogue.SEPARATOR.at(place, problem="nothing follows this comma", help="remove it", fix=fix)


def _own_line(fault: Fault) -> Diagnostic | None:
    """`error embedded, rtol 1e-4`, `base learned 4`."""
    before, row = fault.before, fault.statement
    if fault.kind not in {"NUMBER", "NAME"} or before is None or before.type not in {"NAME", "RPAR"}:
        return None
    if fault.in_table or not row or row[0].type != "WORD":
        return None
    if before.type == "NAME" and fault.at - fault.start == 2:
        help_ = (
            f"an argument of `{before}` stands in parentheses: `{before}({fault.token})`; a setting has its own line"
        )
        return catalogue.UNEXPECTED.at(fault.place, found=f"`{fault.token}`", help=help_)
    help_ = f"{SETTING_LINE}; an argument stands in parentheses"
    where = before if before.type == "NAME" else fault.token
    return catalogue.UNEXPECTED.at(Place(fault.source, span_of(where)), found=f"`{where}`", help=help_)


HABITS: tuple[Recogniser, ...] = (
    _comment_sign,
    _power_stars,
    _head,
    _nameless,
    _derivative,
    start_value,
    left_side,
    _lists,
    row_label,
    column_sign,
    _semicolon,
    _quoted,
    constant,
    unknown_setting,
    _equals,
    _unary_plus,
    _bad_number,
    root,
    _character,
    _loose_comma,
    table_row,
    product,
    _own_line,
)
