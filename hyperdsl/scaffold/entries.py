"""Arrays A, b and c an entry a statement, as programs fill them: `B->A[1][0] = SUN_RCONST(0.5);`."""

from __future__ import annotations

import re

from hyperdsl.scaffold.cells import TableError

_NAMES = {"A": "A", "a": "A", "b": "b", "c": "c", "d": "embedded", "bhat": "embedded", "bembed": "embedded"}
_ENTRY = re.compile(
    r"(?:\w+(?:->|\.))?\b(A|a|b|c|d|bhat|bembed)((?:\[\s*\d+\s*\]){1,2}|[\[(]\s*\d+\s*(?:,\s*\d+\s*)?[\])])\s*=(?!=)([^;\n]+)"
)
_WRAPPED = re.compile(r"\b(?!sqrt\b|cos\b)[A-Za-z]\w*\(\s*(-?[\d.]+(?:[eE][+-]?\d+)?)\s*\)")
_ROOT = re.compile(r"\b(?:SUNR|Petsc)sqrt(?:Real)?(?=\()", re.IGNORECASE)
_MOST = 64


def has_entries(text: str) -> bool:
    """Whether entries of a matrix A are set one by one."""
    return any(name in "Aa" and len(_indices(places)) == 2 for name, places, _ in _ENTRY.findall(text))


def entries(text: str) -> dict[str, list[list[str]]]:
    """Rows by role: A, b, embedded, c, of zeros where nothing is set; TableError where an entry stands twice.

    Counted from 0 where an index is 0, else from 1. An entry that reads another is given what that was set to.
    """
    found: dict[tuple[str, tuple[int, ...]], str] = {}
    for match in _ENTRY.finditer(text):
        role, places = _NAMES[match[1]], _indices(match[2])
        line = text.count("\n", 0, match.start()) + 1
        if len(places) != 1 + (role == "A") or max(places) > _MOST:
            raise TableError(line, f"`{match[0].strip()}` is no entry of A, b or c")
        if (role, places) in found:
            raise TableError(line, f"`{match[0].strip()}` is set a second time")
        found[role, places] = _value(match[3], found)
    first = 0 if any(0 in places for _, places in found) else 1
    size = max(max(places) for _, places in found) + 1 - first
    span = range(first, first + size)
    rows = {"A": [[found.get(("A", (i, j)), "0") for j in span] for i in span]}
    rows |= {
        role: [[found.get((role, (i,)), "0") for i in span]]
        for role in ("b", "embedded", "c")
        if any(role == one for one, _ in found)
    }
    return rows


def _value(text: str, found: dict[tuple[str, tuple[int, ...]], str]) -> str:
    """The number, without the macros around its literals."""

    def known(match: re.Match[str]) -> str:
        return f"({found.get((_NAMES[match[1]], _indices(match[2])), '0')})"

    plain = _WRAPPED.sub(r"\1", _ROOT.sub("sqrt", text)).strip()
    return re.sub(r"(?:\w+(?:->|\.))?\b(A|a|b|c|d|bhat|bembed)((?:\[\s*\d+\s*\]){1,2})", known, plain)


def _indices(places: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", places)))
