"""Files and what they declare: specs, the files they import, and the library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from hyperdsl.diagnostics import Diagnostic, Edit, Fix, catalogue, did_you_mean
from hyperdsl.semantics.reading.report import Report
from hyperdsl.source import ON_DISK, Source, Texts
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.brackets import DECLARATIONS
from hyperdsl.syntax.formulas import LOW_STORAGE
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.reader import decode, read

VERSION = "1"
GROUPS = {
    "method": "method",
    "multistep": "method",
    "predictor_corrector": "method",
    "solver": "solver",
    "hypersolver": "solver",
}
DIRECTIVES = ("import", "hyperdsl")
MAX_DECLARATIONS = 500
MAX_SOLVERS = 200
"""In a file; what is planned and made of each takes its time."""


def group_of(word: str) -> str:
    """Declarations of one group share a space of names: everything that can be a base is a method."""
    return GROUPS.get(word, word)


@dataclass
class Unit:
    """One parsed file. `whole` is false where a part could not be read, so that its names may be unknown."""

    report: Report
    path: Path | None
    declarations: dict[tuple[str, str], n.Declaration] = field(default_factory=dict)
    imports: list[n.Setting] = field(default_factory=list)
    whole: bool = True

    @property
    def source(self) -> Source:
        return self.report.source

    def lost(self, name: str) -> bool:
        """Whether a declaration of that name may stand here that could not be read."""
        return (
            not self.whole and re.search(rf"^\w+[ :=]+{re.escape(name)}\b", self.source.text, re.MULTILINE) is not None
        )

    def names(self, group: str) -> list[str]:
        return [name for kind, name in self.declarations if kind == group]


Parse = Callable[[Source], tuple[n.File | None, tuple[Diagnostic, ...]]]


def load(path: Path, shown: str, texts: Texts = ON_DISK, parsed: Parse = parse) -> Unit:
    """The file at `path`, its declarations by name; what is wrong with it is in its report."""
    source, found = read(path, shown, texts)
    if source is None:
        unit = Unit(Report(found[0].place.source if found[0].place else Source(shown, "")), path, whole=False)
        unit.report.found.extend(found)
        return unit
    return unit_of(source, path, parsed)


def unit_of(source: Source, path: Path | None, parsed: Parse = parse) -> Unit:
    """The declarations of a text, by `parsed` its tree."""
    unit = Unit(Report(source), path)
    tree, found = parsed(source)
    unit.report.found.extend(found)
    unit.whole = tree is not None and tree.complete
    if tree is None:
        return unit
    room = {"solver": MAX_SOLVERS, "": MAX_DECLARATIONS}
    for i, item in enumerate(tree.items):
        if isinstance(item, n.Declaration):
            if not _has_room(unit, item, room):
                break
            _declare(unit, item)
        else:
            _direct(unit, item, first=i == 0)
    return unit


def _has_room(unit: Unit, item: n.Declaration, room: dict[str, int]) -> bool:
    """Count a declaration; reported where it is one too many."""
    kinds = [kind for kind in ("", group_of(item.word.text)) if kind in room]
    for kind in kinds:
        room[kind] -= 1
    over = next((kind for kind in kinds if room[kind] < 0), None)
    if over is not None:
        what, limit = ("solvers", MAX_SOLVERS) if over else ("declarations", MAX_DECLARATIONS)
        unit.report(catalogue.TOO_LARGE, item.name, what=f"the number of {what} in a file", limit=str(limit))
        unit.whole = False
    return over is None


def _declare(unit: Unit, item: n.Declaration) -> None:
    word = item.word
    if word.text not in DECLARATIONS:
        _report_unknown(unit, item)
        unit.whole = False
        return
    key = group_of(word.text), item.name.text
    if key in unit.declarations:
        line = unit.declarations[key].name.span.line
        unit.report(catalogue.DUPLICATE, item.name, name=item.name.text, notes=[f"it is first declared on line {line}"])
    else:
        unit.declarations[key] = item
    unit.whole = unit.whole and item.complete


def _direct(unit: Unit, item: n.Setting, *, first: bool) -> None:
    """`import "..."`, `hyperdsl 1`, or a declaration that lacks its block."""
    word, values = item.word, item.values
    if word.text == "import":
        if len(values) == 1 and isinstance(values[0], n.String) and not item.clauses:
            unit.imports.append(item)
        else:
            unit.report(catalogue.WRONG_VALUE, item, word="import", wants='one path in quotes: `import "a.hyper"`')
    elif word.text == "hyperdsl":
        version = values[0] if len(values) == 1 else None
        if not first:
            unit.report(catalogue.MISPLACED, item, what="the language version", where="below the first statement")
        elif not isinstance(version, n.Number):
            unit.report(catalogue.WRONG_VALUE, item, word="hyperdsl", wants=f"a version, which is {VERSION}")
        elif version.text != VERSION:
            unit.report(catalogue.VERSION, version, version=version.text)
    else:
        _report_unknown(unit, item)


_TABLEAUX = "which kind it is, is seen from its tableaux"
KINDS = {
    "rosenbrock": f"write `method`, with a table `gamma {{ ... }}`: {_TABLEAUX}",
    "imex": f"write `method`, with `tableau explicit` and `tableau implicit`: {_TABLEAUX}",
    "additive": f"write `method`, with `tableau explicit` and `tableau implicit`: {_TABLEAUX}",
    **dict.fromkeys(("rungekutta", "rk", "dirk", "sdirk", "tableau"), f"write `method`: {_TABLEAUX}"),
    **dict.fromkeys(("lowstorage", "williamson"), LOW_STORAGE),
    **dict.fromkeys(
        ("partitioned", "splitting", "symplectic", "nystrom"),
        "such methods are not built; an additive `method` is the nearest, and `gauss4` is symplectic",
    ),
    **dict.fromkeys(("adams", "bdf"), "write `multistep`"),
}
"""Kinds of methods that are no declarations of their own."""


def _report_unknown(unit: Unit, item: n.Item) -> None:
    """The word of a statement outside declarations is unknown."""
    word = item.word
    advice = KINDS.get(word.text.lower().replace("_", "")) or did_you_mean(word.text, (*DECLARATIONS, *DIRECTIVES))
    advice = advice or "declarations are " + ", ".join(DECLARATIONS)
    fix = None
    if isinstance(item, n.Declaration) and item.name.text in DECLARATIONS:
        advice = f"the word stands first: `{item.name.text} {word.text} {{`"
        fix = Fix("change the order", (Edit(word.span, item.name.text), Edit(item.name.span, word.text)))
    elif word.text.lower() in DECLARATIONS:
        fix = Fix.put(word.text.lower(), word.span, f"write `{word.text.lower()}`")
    unit.report(catalogue.UNKNOWN_DECLARATION, word, word=word.text, help=advice, fix=fix)


_DECLARED = re.compile(rf"^({'|'.join(DECLARATIONS)}) (\w+)", re.MULTILINE)


@cache
def library_index() -> dict[tuple[str, str], str]:
    """Which file of the library declares a name: found without parsing, so that only what is used is read."""
    index = {}
    for file in sorted(files("hyperdsl.library").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".hyper"):
            for word, name in _DECLARED.findall(file.read_text("utf-8")):
                index[group_of(word), name] = file.name
    return index


@cache
def synonyms() -> dict[str, str]:
    """Other names that methods of the library go by."""
    found: dict[str, str] = json.loads((files("hyperdsl.library") / "synonyms.json").read_text("utf-8"))
    return found


def meant(name: str, known: Iterable[str]) -> str | None:
    """Advice naming the method that is also called `name`, or the nearest of the known names; None where none is."""
    words = list(known)
    other = synonyms().get(name.lower())
    return f"did you mean `{other}`?" if other in words else did_you_mean(name, words)


@cache
def library_unit(name: str) -> Unit:
    """One file of the library."""
    data = (files("hyperdsl.library") / name).read_bytes()
    source, _ = decode(data, f"hyperdsl/library/{name}")
    if source is None:
        raise ValueError(f"the library's file {name} cannot be read")
    return unit_of(source, None)
