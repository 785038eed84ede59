"""Numbers as people write them in tables, as the language writes them."""

from __future__ import annotations

import re
from functools import cache

from hyperdsl.diagnostics import has_errors
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report
from hyperdsl.source import Source
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.parser import parse
from hyperdsl.theory.numbers.exact import Exact

_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8"}
_PLAIN = {"−": "-", "–": "-", "\\cdot": "*", "\\times": "*", "·": "*", "×": "*", "//": "/", "**": "^"}
_REWRITTEN = (
    (re.compile(r"\b(?:Rational|Fraction|mpq|QQ)\(\s*(-?\d+)\s*,\s*(\d+)\s*\)"), r"\1/\2"),
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)"), r"\1/\2"),
    (re.compile(r"\\sqrt\s*(\d)"), r"sqrt(\1)"),
    (re.compile(r"√\s*(\d+)"), r"sqrt(\1)"),
    (re.compile(r"\b(?:np|numpy|math|sp|sympy)\.(?=sqrt)"), ""),
    (re.compile(r"(?<=[\d.])[dD](?=[+-]?\d)"), "e"),
    (re.compile(r"(\d)\.(?!\d)"), r"\1"),
    (re.compile(r"(?<![\w.)\]}])\+(?=[\d.])"), ""),
)
_FRAC = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_ALLOWED = re.compile(r"[0-9A-Za-z.+\-*/^() ]{1,2000}")
_SIMPLE = re.compile(r"[\d.]+|sqrt\(\d+\)")


def rewritten(text: str) -> str:
    """A table's text with its fractions, roots and signs as the language has them, on the same lines."""
    for old, new in (_FRACTIONS | _PLAIN).items():
        text = text.replace(old, new)
    while True:
        changed = _ROOT.sub(r"sqrt(\1)", _FRAC.sub(_quotient, text))
        if changed == text:
            break
        text = changed
    for pattern, new in _REWRITTEN:
        text = pattern.sub(new, text)
    return text


def _quotient(found: re.Match[str]) -> str:
    top, bottom = found[1].strip(), found[2].strip()
    sign, top = ("-", top[1:].strip()) if top.startswith("-") and _SIMPLE.fullmatch(top[1:].strip()) else ("", top)
    parts = [part if _SIMPLE.fullmatch(part) else f"({part})" for part in (top, bottom)]
    return f"{sign}{parts[0]}/{parts[1]}"


@cache
def exact(text: str) -> Exact | None:
    """The number that the language's own reader finds; None where there is none."""
    if not _ALLOWED.fullmatch(text):
        return None
    source = Source("a cell", f"control cell {{\nrtol {text}\n}}\n")
    tree, found = parse(source)
    match tree:
        case n.File(items=(n.Declaration(body=n.Block(statements=(n.Setting(values=(value,)),))),)) if not has_errors(
            found
        ):
            if isinstance(value, n.Range | n.Comparison | n.String):
                return None
            return ExactReader(Report(source)).value(value)
        case _:
            return None
