"""Where the declaration of a method stands, found in the syntax trees of files and of the library."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from hyperdsl.second.budget import Undecided
from hyperdsl.semantics.reading.units import library_index, library_unit
from hyperdsl.source import Source
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.parser import parse

METHODS = ("method", "multistep", "predictor_corrector")
LIBRARY = "hyperdsl/library/"


@lru_cache(maxsize=64)
def declarations(source: Source) -> tuple[n.Declaration, ...]:
    """The complete declarations of a file; the library's have been parsed already."""
    if source.path.startswith(LIBRARY):
        unit = library_unit(source.path.removeprefix(LIBRARY))
        if unit.source == source:
            return tuple(unit.declarations.values())
    tree, _ = parse(source)
    found = tree.items if tree else ()
    return tuple(item for item in found if isinstance(item, n.Declaration) and item.complete)


def method(name: str, source: Source, imports: tuple[Source, ...] = ()) -> tuple[n.Declaration, Source]:
    """The method that a name means in a file: its own before its imports' before the library's."""
    for places in ((source,), imports, tuple(_library(name))):
        found = [(declaration, place) for place in places for declaration in _called(name, place)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Undecided(f"there are several methods called {name}")
    raise Undecided(f"the declaration of {name} is not found")


def _called(name: str, source: Source) -> Iterator[n.Declaration]:
    for declaration in declarations(source):
        if declaration.name.text == name and declaration.word.text in METHODS:
            yield declaration


def _library(name: str) -> Iterator[Source]:
    file = library_index().get(("method", name))
    if file is not None:
        yield library_unit(file).source


def settings(declaration: n.Declaration) -> set[str]:
    """The words of its settings."""
    return {statement.word.text for statement in declaration.body.statements if isinstance(statement, n.Setting)}


def setting(declaration: n.Declaration, word: str) -> n.Value | None:
    """The value of a setting with one; None where it is not set."""
    for statement in declaration.body.statements:
        if isinstance(statement, n.Setting) and statement.word.text == word and len(statement.values) == 1:
            return statement.values[0]
    return None
