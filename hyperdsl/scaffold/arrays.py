"""Arrays A, b and c in the notation of Python, Julia, numpy's printed form or C++; nothing is executed."""

from __future__ import annotations

import re

from hyperdsl.scaffold.cells import TableError

_OPEN, _CLOSE = "[{", "]}"
_NAME = re.compile(r"([A-Za-zαβ_]\w*)\s*(?:\[[^\[\]]*\])?\s*(?::[^=\n]*)?[=:]\s*[\w.\s]*\(?\s*$")
_ROLES = {
    "A": ("a", "amat", "aa", "matrix", "alpha"),
    "b": ("b", "weights", "b1", "bvec"),
    "embedded": ("bhat", "b_hat", "bh", "b2", "bs", "btilde", "bembedded", "b_embedded", "e_b", "bbar"),
    "c": ("c", "nodes", "cvec", "abscissae"),
}
_COMMENT = re.compile(r"#.*|//.*")


def has_arrays(text: str) -> bool:
    """Whether there is a bracket that holds a number or another bracket, and no LaTeX."""
    return "\\" not in text and re.search(r"[\[{]\s*[\[{\d.+-]", text) is not None


def arrays(text: str) -> dict[str, list[list[str]]]:
    """Rows by role: A, b, embedded, c; TableError where brackets do not match or roles are not clear."""
    unnamed: list[tuple[int, list[list[str]]]] = []
    found: dict[str, list[list[str]]] = {}
    for line, name, body in _groups(_COMMENT.sub("", text)):
        rows = _rows(body)
        role = next((role for role, names in _ROLES.items() if name.lower() in names), None)
        if role is None:
            unnamed.append((line, rows))
        elif role in found:
            raise TableError(line, f"there are two arrays for {role}")
        else:
            found[role] = rows
    _assign(unnamed, found)
    if "A" not in found:
        raise TableError(1, "there is no array of the coefficients A")
    return found


def _assign(unnamed: list[tuple[int, list[list[str]]]], found: dict[str, list[list[str]]]) -> None:
    """Arrays without a known name: the first of rows is A, then b, then c, as textbooks order them."""
    for line, rows in unnamed:
        roles = ("A",) if len(rows) > 1 or not {"A"} & found.keys() else ("b", "c")
        role = next((role for role in roles if role not in found), None)
        if role is None:
            raise TableError(line, "it is not clear what this array is: call arrays A, b, bhat and c")
        found[role] = rows


def _groups(text: str) -> list[tuple[int, str, str]]:
    """Each outermost bracket: its line, the name before it, what is inside."""
    depth, start, groups = 0, 0, []
    for i, character in enumerate(text):
        if character in _OPEN:
            if depth == 0:
                start = i
            depth += 1
        elif character in _CLOSE:
            depth -= 1
            if depth < 0:
                break
            if depth == 0:
                named = _NAME.search(text[:start].rsplit("\n", 1)[-1])
                groups.append((text.count("\n", 0, start) + 1, named[1] if named else "", text[start + 1 : i]))
    if depth:
        raise TableError(text.count("\n", 0, start) + 1, "a bracket is not closed here")
    return groups


def _rows(body: str) -> list[list[str]]:
    """Rows in brackets of their own, or ended by semicolons; one row otherwise."""
    inner = re.findall(r"[\[{]([^\[\]{}]*)[\]}]", body)
    if inner:
        return [_cells(row) for row in inner]
    if ";" in body:
        return [_cells(row) for row in body.split(";") if row.strip()]
    return [_cells(body)]


def _cells(text: str) -> list[str]:
    if "," in text:
        return [cell.strip() for cell in text.split(",") if cell.strip()]
    return text.split()
