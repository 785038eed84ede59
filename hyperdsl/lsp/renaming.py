"""References to a declaration in the files of a project, and its renaming."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hyperdsl.diagnostics import has_errors
from hyperdsl.lsp.analysis import Analysis, Analyst, Named
from hyperdsl.semantics.reading.scope import project_folder
from hyperdsl.source import Source, Span, Texts, read_file

MOST_FILES = 500
MOST_FOLDERS = 2000
"""Specs of a project that are looked through, and folders, hidden ones left out."""


class RefusedError(ValueError):
    """Why something cannot be renamed, in a sentence."""


@dataclass(frozen=True)
class References:
    """Where a declaration is named: the stretches of each file, by its real path, its own name among them."""

    named: Named
    analyses: Mapping[Path, Analysis]

    def spans(self, path: Path) -> list[Span]:
        """The stretches of one file."""
        return [span for span, named in self.analyses[path].uses if named.key == self.named.key]

    def places(self, *, declared: bool) -> list[tuple[Path, Span]]:
        """Every one; without its own name, unless `declared`."""
        own = Path(self.named.key[0]), self.named.declaration.name.span
        found = [(path, span) for path in self.analyses for span in self.spans(path)]
        return [place for place in found if declared or place != own]


def references(named: Named, path: Path, texts: Texts, analyst: Analyst) -> References:
    """The files of the project around `path`, open ones among them, that name a declaration."""
    files = [path, Path(named.key[0]), *map(Path, texts), *_specs(path)]
    word = named.name.encode()
    found = {}
    for file in dict.fromkeys(Path(os.path.realpath(file)) for file in files if file.is_absolute()):
        try:
            mentioned = word in read_file(file, texts=texts)
        except OSError:
            continue
        if mentioned:
            found[file] = analyst.analyse(file, texts)
    return References(named, found)


def renamed(old: References, name: str, texts: Texts, analyst: Analyst) -> dict[Path, list[Span]]:
    """The stretches of each file where the new name goes.

    Raises RefusedError where a file has errors, so that not every use may be known, where the name is not valid or not
    free, and where a name would mean another declaration than before.
    """
    named = old.named
    if named.in_library:
        raise RefusedError(f"`{named.name}` is a method of the library")
    changed = {path: old.spans(path) for path in old.analyses if old.spans(path)}
    for path in changed:
        if has_errors(old.analyses[path].diagnostics):
            raise RefusedError(f"mend `{path.name}` first: where it has errors, not every use of a name is known")
    sources = {path: old.analyses[path].source for path in changed}
    new = {**texts, **{os.path.realpath(path): _written(sources[path], changed[path], name) for path in changed}}
    for path, before in old.analyses.items():
        after = analyst.analyse(path, new)
        fault = next((one for one in after.diagnostics if one.severity == "error" and path in changed), None)
        if fault:
            raise RefusedError(f"`{name}` cannot be its name: {fault.message}")
        if _meant(before, named.key, name) != _meant(after, named.key, name):
            raise RefusedError(f"`{name}` would mean another declaration in `{path.name}`")
    return changed


def _meant(analysis: Analysis, key: tuple[str, str, str], name: str) -> list[tuple[str, str, str]]:
    """What each name of a file means, in order, as it is after the renaming."""
    after = (*key[:2], name)
    return [after if named.key == key else named.key for _, named in analysis.uses]


def _written(source: Source, spans: Iterable[Span], name: str) -> bytes:
    lines = list(source.lines)
    for span in sorted(spans, reverse=True):
        line = lines[span.line - 1]
        lines[span.line - 1] = line[: span.column - 1] + name + line[span.end_column - 1 :]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _specs(path: Path) -> Iterator[Path]:
    """The specs of the project that a file belongs to; of a file outside projects, those beside it."""
    root = project_folder(path)
    walk = os.walk(root or Path(os.path.realpath(path)).parent)
    files = 0
    for place, folders, names in islice(walk, MOST_FOLDERS if root else 1):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        for name in sorted(names):
            if name.endswith(".hyper") and files < MOST_FILES:
                files += 1
                yield Path(place, name)
