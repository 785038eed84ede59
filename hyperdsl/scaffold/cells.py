"""The lines of a table of text, divided into cells."""

from __future__ import annotations

import re
from dataclasses import dataclass


class TableError(ValueError):
    """A text that is no tableau; `line` is where."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line


@dataclass(frozen=True)
class Line:
    """A row of cells, "" for empty ones, or a `rule` between stages and weights; `barred` where a | stands after c."""

    number: int
    cells: tuple[str, ...]
    barred: bool
    rule: bool = False


_COMMENT = re.compile(r"#.*|(?<!\\)%.*")
_RULES = re.compile(r"\\(?:hline|midrule|cline\s*\{[^{}]*\}|cmidrule\s*(?:\([^()]*\))?\s*\{[^{}]*\})")
_LATEX = re.compile(
    r"\\(?:begin|end)\s*\{[^{}]*\}(?:\s*\[[^\[\]]*\])?(?:\s*\{[^{}]*\})?"
    r"|\\(?:left|right)\s*[.()\[\]|]|\\[\[\]]|\$+|\\(?:toprule|bottomrule|displaystyle|renewcommand|arraystretch)"
)
_LINE = re.compile(r"[-+=_|:─━═┼│╪╂┿ \t]*(?:--|==|__|──|━━|══|-\+|\+-|─┼|┼─)[-+=_|:─━═┼│╪╂┿ \t]*")
_BARS = re.compile(r"[|│]")


def lines_of(text: str) -> list[Line]:
    """The rows and rule lines of a table, with the lines that they stand on."""
    found: list[Line] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = _LATEX.sub(" ", _COMMENT.sub("", raw))
        for piece in re.split(r"(\\\\(?:\s*\[[^\[\]]*\])?|\\(?:hline|midrule|cline\s*\{[^{}]*\}))", line):
            if _RULES.fullmatch(piece.strip()) or _LINE.fullmatch(piece):
                found.append(Line(number, (), barred=False, rule=True))
            elif piece.strip() and not piece.startswith("\\\\"):
                found.append(_row(number, piece))
    return found


def _row(number: int, text: str) -> Line:
    """Cells between & or |, else between commas, else between blanks; an & or | ends c."""
    if "&" in text:
        return _filled(number, [cell.strip() for cell in _BARS.sub("&", text).split("&")], barred=True)
    parts = _BARS.split(text)
    if len(parts) > 2:  # a table of bars
        inside = parts[1:] if not parts[0].strip() and text.count("|") > 2 else parts
        return _filled(number, [part.strip() for part in inside], barred=True)
    if len(parts) == 2:
        return _filled(number, [parts[0].strip(), *_cells(parts[1])], barred=True)
    return Line(number, tuple(_cells(text)), barred=False)


def _filled(number: int, cells: list[str], *, barred: bool) -> Line:
    """Without the empty cells at the end."""
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return Line(number, tuple(cells), barred)


def _cells(text: str) -> list[str]:
    if "," in text or ";" in text:
        return [cell.strip() for cell in re.split(r"[,;]", text.strip().rstrip(",;"))]
    return text.split()
