"""From a file to its checked model: every name resolved, every order proven."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from hyperdsl.diagnostics import Diagnostic, catalogue, has_errors
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.path import PathModel
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.reading.names import class_name, package_fault
from hyperdsl.semantics.reading.report import Report, within_reach
from hyperdsl.semantics.reading.scope import Project, Scope
from hyperdsl.semantics.reading.units import group_of
from hyperdsl.semantics.settings_table import SETTINGS
from hyperdsl.semantics.solvers.controls import read_control
from hyperdsl.semantics.solvers.correctors import read_corrector
from hyperdsl.semantics.solvers.declared import read_solver
from hyperdsl.semantics.solvers.paths import read_path
from hyperdsl.semantics.solvers.trainings import default_training, override_training, read_training
from hyperdsl.semantics.studies.problems import read_problem
from hyperdsl.semantics.studies.sweeps import read_sweep
from hyperdsl.semantics.studies.variants import Variants
from hyperdsl.semantics.tables.training import DEFAULT_REFERENCE
from hyperdsl.source import STDIN, Source
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.parser import parse
from hyperdsl.theory.numbers.budget import limited

T = TypeVar("T")
Kind = TypeVar("Kind", bound=m.Base)
SYNTAX = "H1"
"""How the codes of statements begin that could not be read."""


def check_file(path: Path, shown: str, project: Project) -> tuple[m.Spec, tuple[Diagnostic, ...]]:
    """What the file declares, as far as it is sound, and everything that is to be said about it."""
    with limited():
        scope = project.scope(path, shown)
        scope.check_methods()
        checker = _Checker(scope)
        spec = checker.spec()
    found = sorted(scope.report.found, key=_position)
    return spec, tuple(dict.fromkeys(found))


def variants_of(path: Path, shown: str, project: Project, sweep: str) -> Variants:
    """What writes the variants of a sweep that a sound file declares; KeyError where it declares none of that name."""
    scope = project.scope(path, shown)
    return Variants.of(scope, scope.unit.declarations["sweep", sweep])


def _position(diagnostic: Diagnostic) -> tuple[int, int]:
    span = diagnostic.place.span if diagnostic.place else None
    return (span.line, span.column) if span else (0, 0)


class _Checker:
    """Reads the parts of one file, each once; it is the `Names` of its solvers."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.correctors: dict[tuple[str, str], m.Corrector | None] = {}
        self.trainings: dict[tuple[str, str], m.Training | None] = {}
        self.controls: dict[tuple[str, str], Control | None] = {}
        self.paths: dict[tuple[str, str], PathModel | None] = {}
        self.solvers: dict[str, m.AnySolver] = {}
        self.used: set[tuple[str, str]] = set()

    def spec(self) -> m.Spec:
        """What the file declares, as far as it is sound."""
        scope, report = self.scope, self.scope.report
        correctors = [self._corrector_of(scope, d) for d in self._own("corrector")]
        trainings = [self._training_of(scope, d) for d in self._own("training")]
        problems = [self._within_reach(d, partial(read_problem, report, d)) for d in self._own("problem")]
        paths = [self._path_of(scope, d) for d in self._own("path")]
        for declaration in self._own("control"):
            self._control_of(scope, declaration)
        solvers = self._solvers()
        sweeps = [self._within_reach(d, partial(read_sweep, report, d, self, scope)) for d in self._own("sweep")]
        if declared := self._own("solver", "hypersolver"):
            self._check_unused(self._own())
            self._check_package(declared[0])
            _check_clashes(report, solvers)
            _check_sweeps(report, self._own("sweep"))
        bases = self._methods()
        return m.Spec(
            source=scope.unit.source,
            methods=_of(bases, m.Method),
            multisteps=_of(bases, m.Multistep),
            predictor_correctors=_of(bases, m.PredictorCorrector),
            correctors=tuple(filter(None, correctors)),
            trainings=tuple(filter(None, trainings)),
            problems=tuple(filter(None, problems)),
            solvers=solvers,
            imports=scope.imported_sources(),
            sweeps=tuple(filter(None, sweeps)),
            paths=tuple(filter(None, paths)),
            additives=_of(bases, Additive),
            rosenbrocks=_of(bases, Rosenbrock),
        )

    def _own(self, *words: str) -> list[n.Declaration]:
        """The file's complete declarations of these words, of all without any."""
        complete = [d for d in self.scope.unit.declarations.values() if d.complete]
        return [d for d in complete if d.word.text in words] if words else complete

    def _solvers(self) -> tuple[m.AnySolver, ...]:
        declared = self._own("solver", "hypersolver")
        read = [self._within_reach(d, partial(read_solver, self.scope.report, d, self)) for d in declared]
        solvers = tuple(solver for solver in read if solver)
        self.solvers = {solver.name: solver for solver in solvers}
        return solvers

    def _methods(self) -> list[m.Base]:
        """The sound methods of every kind."""
        declared = (d for d in self._own() if group_of(d.word.text) == "method")
        found = (self.scope.methods.get(d.name.text) for d in declared)
        return [base for base in found if base is not None]

    def _within_reach(self, declaration: n.Declaration, read: Callable[[], T], scope: Scope | None = None) -> T | None:
        return within_reach((scope or self.scope).report, declaration, read)

    # The names of a solver's parts.

    def base(self, name: n.Name) -> m.Base | None:
        return self.scope.base(name)

    def corrector(self, name: n.Name) -> m.Corrector | None:
        found = self._used("corrector", name)
        return self._corrector_of(*found) if found else None

    def training(self, name: n.Name) -> m.Training | None:
        found = self._used("training", name)
        return self._training_of(*found) if found else None

    def control(self, name: n.Name) -> Control | None:
        found = self._used("control", name)
        return self._control_of(*found) if found else None

    def path(self, name: n.Name) -> PathModel | None:
        found = self._used("path", name)
        return self._path_of(*found) if found else None

    def library_method(self, name: str) -> m.Method:
        return self.scope.project.library_method(name)

    def solver(self, name: str) -> m.AnySolver | None:
        return self.solvers.get(name)

    def default_training(self) -> m.Training:
        return default_training(self.scope.project.library_method(DEFAULT_REFERENCE))

    def _used(self, group: str, name: n.Name) -> tuple[Scope, n.Declaration] | None:
        self.used.add((group, name.text))
        found = self.scope.find(group, name)
        return found if found and found[1].complete else None

    def _corrector_of(self, scope: Scope, declaration: n.Declaration) -> m.Corrector | None:
        key = scope.unit.source.path, declaration.name.text
        if key not in self.correctors:
            self.correctors[key] = self._within_reach(
                declaration, partial(read_corrector, scope.report, declaration), scope
            )
        return self.correctors[key]

    def _training_of(self, scope: Scope, declaration: n.Declaration) -> m.Training | None:
        key = scope.unit.source.path, declaration.name.text
        if key not in self.trainings:

            def read() -> m.Training | None:
                rk4 = scope.project.library_method(DEFAULT_REFERENCE)
                return read_training(scope.report, declaration, scope.method, rk4)

            self.trainings[key] = self._within_reach(declaration, read, scope)
        return self.trainings[key]

    def _control_of(self, scope: Scope, declaration: n.Declaration) -> Control | None:
        key = scope.unit.source.path, declaration.name.text
        if key not in self.controls:
            read = partial(read_control, scope.report, declaration)
            self.controls[key] = self._within_reach(declaration, read, scope)
        return self.controls[key]

    def _path_of(self, scope: Scope, declaration: n.Declaration) -> PathModel | None:
        key = scope.unit.source.path, declaration.name.text
        if key not in self.paths:
            read = partial(read_path, scope.report, declaration)
            self.paths[key] = self._within_reach(declaration, read, scope)
        return self.paths[key]

    def _check_unused(self, own: list[n.Declaration]) -> None:
        """What nothing uses; nothing is said where a line that could not be read may use it."""
        if any(diagnostic.code.startswith(SYNTAX) for diagnostic in self.scope.report.found):
            return
        for declaration in own:
            kind, name = declaration.word.text, declaration.name
            if kind in ("corrector", "training", "control", "path") and (kind, name.text) not in self.used:
                self.scope.report(catalogue.UNUSED, name, kind=kind, name=name.text)

    def _check_package(self, first: n.Declaration) -> None:
        """The file's name becomes the package's."""
        source = self.scope.unit.source
        fault = None if source.path == STDIN else package_fault(source.stem)
        if fault:
            notes = [f"`{first.name.text}` is a solver, and solvers become a package that is called after their file"]
            self.scope.report(catalogue.FILE_NAME, first.name, name=source.name, reason=fault, notes=notes)


def _of(bases: list[m.Base], kind: type[Kind]) -> tuple[Kind, ...]:
    return tuple(base for base in bases if isinstance(base, kind))


def _check_clashes(report: Report, solvers: tuple[m.AnySolver, ...]) -> None:
    """Solvers and correctors become classes of one module, and name its tests in lower case."""
    taken: dict[str, tuple[str, str]] = {}
    told = set()  # a corrector may stand in several solvers
    for solver in solvers:
        parts = [("solver", solver.name, class_name(solver.name))]
        if isinstance(solver.corrector, m.Corrector):
            parts.append(("corrector", solver.corrector.name, class_name(solver.corrector.name)))
        for kind, name, generated in parts:
            other = taken.setdefault(generated.lower(), (kind, name))
            if other != (kind, name) and (kind, name) not in told:
                told.add((kind, name))
                report.found.append(catalogue.CLASH.at(solver.place, name=name, other=other[1], generated=generated))
    classes = {class_name(name): name for _, name in taken.values()}
    for solver in solvers:
        for name in solver.parameters if isinstance(solver, m.Solver) else ():
            if name in classes:
                report.found.append(catalogue.CLASH.at(solver.place, name=name, other=classes[name], generated=name))


def _check_sweeps(report: Report, sweeps: list[n.Declaration]) -> None:
    """Sweeps become files, whose names differ by more than case."""
    taken: dict[str, str] = {}
    for name in (declaration.name for declaration in sweeps):
        other = taken.setdefault(name.text.lower(), name.text)
        if other != name.text:
            reason = f"but for upper and lower case it is that of `{other}`, and both are files"
            report(catalogue.BAD_NAME, name, name=name.text, reason=reason)


def override(training: m.Training, settings: str, project: Project) -> tuple[m.Training, tuple[Diagnostic, ...]]:
    """`training` with settings such as `iterations 500` put in, read by the language's own grammar."""
    source = Source("--set", f"training override {{\n{settings}\n}}\n")
    tree, found = parse(source, SETTINGS)
    report = Report(source)
    if tree is None or has_errors(found) or len(tree.items) != 1 or not isinstance(tree.items[0], n.Declaration):
        return training, found

    def library(name: n.Name) -> m.Method | None:
        scope = project.library_scope("method", name.text)
        if scope is None:
            report(catalogue.UNKNOWN_NAME, name, kind="method", name=name.text)
            return None
        method = scope.own(name.text)
        if not isinstance(method, m.Method):
            report(catalogue.WRONG_KIND, name, name=name.text, found="method with a history", kind="Runge–Kutta method")
            return None
        return method

    return override_training(report, training, tree.items[0].body, library), (*found, *report.found)


def override_control(settings: str) -> tuple[Control | None, tuple[Diagnostic, ...]]:
    """The default control with settings such as `rtol 1e-3` put in; None where one is wrong."""
    source = Source("--set", f"control override {{ error embedded\n{settings}\n}}\n")
    tree, found = parse(source, SETTINGS)
    report = Report(source)
    if tree is None or has_errors(found) or len(tree.items) != 1 or not isinstance(tree.items[0], n.Declaration):
        return None, found
    control = read_control(report, tree.items[0])
    return control, (*found, *report.found)
