"""Which declaration a name means: the file's own before its imports before the library."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.multisteps import read_multistep
from hyperdsl.semantics.methods.one_step import read_one_step
from hyperdsl.semantics.methods.predictor_correctors import read_predictor_corrector
from hyperdsl.semantics.model.spec import Base, Method, Multistep
from hyperdsl.semantics.reading.kept import Kept
from hyperdsl.semantics.reading.report import Report, within_reach
from hyperdsl.semantics.reading.units import Unit, library_index, library_unit, load, meant
from hyperdsl.semantics.settings_table import SETTINGS
from hyperdsl.source import Source, Texts, read_file
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.parser import parse

LONGEST_PATH = 200
PROJECT_MARKS = ("pyproject.toml", ".git")

Kind = TypeVar("Kind", Method, Multistep)


@dataclass(frozen=True)
class Use:
    """A name where it is used, and the declaration that it means in the scope where that stands."""

    name: n.Name
    scope: Scope
    declaration: n.Declaration


@dataclass
class Project:
    """What has been read in a run, so that a file or method is read and proven once.

    `texts` stand in place of files. What `kept` has of earlier runs is not parsed or proven again.
    """

    scopes: dict[str, Scope] = field(default_factory=dict)
    library: dict[str, Scope] = field(default_factory=dict)
    texts: Texts = field(default_factory=dict)
    kept: Kept | None = None

    def scope(self, path: Path, shown: str) -> Scope:
        """The scope of the file at `path`."""
        key = os.path.realpath(path)
        if key not in self.scopes:
            parsed = self.kept.parts.parse if self.kept else partial(parse, words=SETTINGS)
            self.scopes[key] = Scope(load(path, shown, self.texts, parsed), self)
        return self.scopes[key]

    def library_method(self, name: str) -> Method:
        """A method of the library, by name."""
        found = self.library_scope("method", name)
        method = found.own(name) if found else None
        if not isinstance(method, Method):
            raise ValueError(f"the library has no method {name}")
        return method

    def library_scope(self, group: str, name: str) -> Scope | None:
        file = library_index().get((group, name))
        if file is None:
            return None
        if file not in self.library:
            self.library[file] = Scope(library_unit(file), self)
        return self.library[file]


class Scope:
    """The names that one file sees."""

    def __init__(self, unit: Unit, project: Project) -> None:
        self.unit = unit
        self.project = project
        self.methods: dict[str, Base | None] = {}
        self.uses: list[Use] = []
        self._imports: list[Scope] | None = None
        self._entering = False

    @property
    def report(self) -> Report:
        return self.unit.report

    def own(self, name: str) -> Base | None:
        """A method, of any kind, that this file declares, read and proven once."""
        if name not in self.methods:
            declaration = self.unit.declarations["method", name]
            if not declaration.complete:
                self.methods[name] = None
            elif self.unit.path is None:  # the library's methods are the matter of whoever uses them
                self.methods[name] = self._read(declaration)
            else:
                self.methods[name] = within_reach(self.report, declaration, lambda: self._kept(declaration))
        return self.methods[name]

    def _kept(self, declaration: n.Declaration) -> Base | None:
        """What was read of the same text before, where it names nothing that may have changed meanwhile."""
        kept = self.project.kept
        if kept is None:
            return self._read(declaration)
        before, found = len(self.uses), kept.recalled(self.report, declaration)
        if found is not None:
            return found.method
        reported = len(self.report.found)
        method = self._read(declaration)
        if len(self.uses) == before:
            kept.keep(self.report, declaration, method, self.report.found[reported:])
        return method

    def _read(self, declaration: n.Declaration) -> Base | None:
        match declaration.word.text:
            case "multistep":
                return read_multistep(self.report, declaration, self.method)
            case "predictor_corrector":
                return read_predictor_corrector(self.report, declaration, self.multistep, self.method)
            case _:
                return read_one_step(self.report, declaration, self.method)

    def imports(self) -> list[Scope]:
        """The scopes of the files that this file imports; what cannot be imported is reported once."""
        if self._imports is None:
            self._imports = []
            self._entering = True
            for setting in self.unit.imports:
                scope = self._imported(setting)
                self.unit.whole = self.unit.whole and scope is not None and scope.unit.whole
                if scope and scope not in self._imports:
                    self._imports.append(scope)
            self._entering = False
        return self._imports

    def imported_sources(self) -> tuple[Source, ...]:
        """Every file that this file imports, directly or not, by path."""
        found: dict[str, Source] = {}
        for scope in self.imports():
            for source in (scope.unit.source, *scope.imported_sources()):
                found[source.path] = source
        return tuple(found[path] for path in sorted(found))

    def _imported(self, setting: n.Setting) -> Scope | None:
        value = setting.values[0]
        own = self.unit.path
        if not isinstance(value, n.String) or own is None:
            return None
        reason = _path_fault(own, value.text, self.project.texts)
        if reason:
            self.report(catalogue.IMPORT_PATH, value, path=value.text, reason=reason)
            return None
        shown = (Path(self.unit.source.path).parent / value.text).as_posix()
        scope = self.project.scope(own.parent / value.text, shown)
        if scope._entering:
            cycle = f"{self.unit.source.name} -> {scope.unit.source.name}"
            self.report(catalogue.IMPORT_CYCLE, value, cycle=cycle)
            return None
        scope.check_methods()
        broken = [diagnostic for diagnostic in scope.report.found if diagnostic.severity == "error"]
        if broken:
            place = broken[0].place
            where = f" on line {place.span.line}" if place else ""
            notes = [f"the first{where}: {broken[0].message}"]
            self.report(catalogue.IMPORT_BROKEN, value, path=value.text, notes=notes)
        return scope

    def check_methods(self) -> None:
        """Read and prove every method of this file."""
        self.imports()
        for (group, name), declaration in self.unit.declarations.items():
            if group == "method":
                self.own(name)
                if self._hides_library(group, name):
                    self.report(catalogue.SHADOWS_LIBRARY, declaration.name, name=name, kind=declaration.word.text)

    def _hides_library(self, group: str, name: str) -> bool:
        """Whether the library has another declaration of that name; its own files hide nothing."""
        file = library_index().get((group, name))
        return file is not None and library_unit(file).source.sha256 != self.unit.source.sha256

    def find(self, group: str, name: n.Name) -> tuple[Scope, n.Declaration] | None:
        """The declaration that `name` means, and the scope it stands in; reported where there is none."""
        found = self._find(group, name)
        if found:
            self.uses.append(Use(name, *found))
        return found

    def _find(self, group: str, name: n.Name) -> tuple[Scope, n.Declaration] | None:
        key = group, name.text
        if key in self.unit.declarations:
            return self, self.unit.declarations[key]
        if self.unit.lost(name.text):
            return None
        found = [scope for scope in self.imports() if key in scope.unit.declarations]
        if len(found) > 1:
            notes = [f"from `{scope.unit.source.path}`" for scope in found]
            self.report(catalogue.IMPORT_AMBIGUOUS, name, name=name.text, notes=notes)
            return None
        scope = found[0] if found else self.project.library_scope(group, name.text)
        if scope:
            return scope, scope.unit.declarations[key]
        self._unknown(group, name)
        return None

    def base(self, name: n.Name) -> Base | None:
        """The method of any kind called so."""
        found = self.find("method", name)
        return found[0].own(name.text) if found else None

    def method(self, name: n.Name) -> Method | None:
        """The Runge–Kutta method called so."""
        return self._of_kind(name, "method", Method)

    def multistep(self, name: n.Name) -> Multistep | None:
        """The multistep method called so."""
        return self._of_kind(name, "multistep", Multistep)

    def _of_kind(self, name: n.Name, word: str, kind: type[Kind]) -> Kind | None:
        found = self.find("method", name)
        if found is None:
            return None
        scope, declaration = found
        if declaration.word.text != word:
            self.report(catalogue.WRONG_KIND, name, name=name.text, found=declaration.word.text, kind=word)
            return None
        method = scope.own(name.text)
        return method if isinstance(method, kind) else None

    def _unknown(self, group: str, name: n.Name) -> None:
        """Nothing is called so; nothing is said where the file could not be read as a whole."""
        others = [key[0] for key in self.unit.declarations if key[1] == name.text]
        imports = self.imports()
        if others:
            self.report(catalogue.WRONG_KIND, name, name=name.text, found=others[0], kind=group)
        elif self.unit.whole:
            known = [*self.unit.names(group), *(key[1] for key in library_index() if key[0] == group)]
            known += [other for scope in imports for other in scope.unit.names(group)]
            library = " or take one of the library, such as `rk4`" if group == "method" else ""
            advice = meant(name.text, known) or f"declare it with `{group} {name.text} {{ ... }}`{library}"
            self.report(catalogue.UNKNOWN_NAME, name, kind=group, name=name.text, help=advice)


def project_folder(file: Path) -> Path | None:
    """The folder of the project that a file belongs to; None where it belongs to none."""
    folders = Path(os.path.realpath(file)).parents
    return next((up for up in folders if any((up / mark).exists() for mark in PROJECT_MARKS)), None)


def _path_fault(own: Path, text: str, texts: Texts) -> str | None:
    """Why the path in an import cannot be used."""
    if len(text) > LONGEST_PATH:
        return f"the path has more than {LONGEST_PATH} characters"
    if not text.isprintable():
        return "the path has characters that cannot be seen"
    target = own.parent / text
    if Path(text).is_absolute() or "\\" in text:
        return "the path is not relative to this file"
    if target.suffix != ".hyper":
        return "its name does not end in `.hyper`"
    root = project_folder(own) or Path(os.path.realpath(own)).parent
    if not Path(os.path.realpath(target)).is_relative_to(root):
        return "it is outside the project's folder"
    try:
        read_file(target, most=0, texts=texts)
    except FileNotFoundError:
        return "there is no such file"
    except OSError as error:
        return f"{error.strerror}"
    return None
