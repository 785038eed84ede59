"""Specs compiled without files: a text in, a module out, as `hyperdsl.compile_text` gives it."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from hyperdsl import compiler
from hyperdsl.codegen.files import GeneratedFile
from hyperdsl.diagnostics import Diagnostic, has_errors, report_text
from hyperdsl.source import SpecFile, standing_for

_numbers = itertools.count()
_ENTRANCE = "__init__"


class SpecError(ValueError):
    """A spec that is at fault: its text is what `hyperdsl check` prints, `diagnostics` are the messages themselves."""

    def __init__(self, message: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, tuple[Diagnostic, ...]]]:
        return type(self), (str(self), self.diagnostics)


def compile_text(text: str, *, name: str = "spec", folder: str | os.PathLike[str] | None = None) -> ModuleType:
    """The generated package of a spec as a module, without files; its `train` module is loaded when it is asked for.

    name: what the package is called, as if the text stood in NAME.hyper: an identifier.
    folder: where that file would stand, which imports such as `import "shared.hyper"` start from; by default the
        current folder.

    Each call gives a module of its own. Its classes pickle within this process only, which alone has their source.
    Raises TypeError for what is no text, SpecError for a spec that is at fault or has no solver and for a name that is
    a path, ImportError where torch is not installed; warnings of the compiler are UserWarnings.
    """
    if not isinstance(text, str) or not isinstance(name, str):
        raise TypeError("a spec and its name are texts: a file's is Path(file).read_text()")
    file = text_file(name, folder)
    (outcome,) = compiler.outcomes([file], packages=True, texts=standing_for(file, text))
    if has_errors(outcome.diagnostics):
        raise SpecError(report_text(outcome.diagnostics), outcome.diagnostics)
    warn(outcome.diagnostics, stacklevel=2)
    if not outcome.package:
        raise SpecError(f"{file.shown} has no solver, so there is nothing to compile", outcome.diagnostics)
    return loaded(name, outcome.package)


def text_file(name: str, folder: str | os.PathLike[str] | None = None) -> SpecFile:
    """The file that a text stands in place of; SpecError where the name is a path."""
    if os.path.basename(name) != name:
        raise SpecError(f"the name {name!r} is a path: a folder goes into folder=")
    path = Path(folder or "") / f"{name}.hyper"
    return SpecFile(path, path.as_posix())


def warn(diagnostics: Iterable[Diagnostic], stacklevel: int) -> None:
    """Give the compiler's warnings as Python's, at the line that is so many calls up from the caller's own."""
    for diagnostic in diagnostics:
        if diagnostic.severity == "warning":
            warnings.warn(report_text([diagnostic]).rstrip(), UserWarning, stacklevel=stacklevel + 1)


def loaded(name: str, files: Iterable[GeneratedFile]) -> ModuleType:
    """A package's files as a module that this process alone has; ImportError where torch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise ImportError("compiled solvers run on torch: pip install 'hyperdsl[train]'", name="torch")
    package = f"_hyperdsl_text_{next(_numbers)}_{name}"
    _TEXTS.add(package, files)
    try:
        module = importlib.import_module(package)
    except BaseException:
        for known in [key for key in sys.modules if key == package or key.startswith(f"{package}.")]:
            del sys.modules[known]
        raise

    def later(attribute: str) -> Any:
        if attribute == "train" and importlib.util.find_spec(f"{package}.train"):
            return importlib.import_module(f"{package}.train")
        raise AttributeError(f"the module of {name}.hyper has no {attribute!r}")

    vars(module)["__getattr__"] = later  # PEP 562: what training runs on takes its time to load
    return module


class _Texts(MetaPathFinder, InspectLoader):
    """Finds and loads the modules of packages whose texts it holds, by their dotted names.

    `get_source` is what inspect, tracebacks and torch.compile read lines of code by, `get_data` what pkgutil does.
    """

    def __init__(self) -> None:
        self._modules: dict[str, tuple[str, str]] = {}
        self._data: dict[str, str] = {}

    def add(self, package: str, files: Iterable[GeneratedFile]) -> None:
        """Take in a package's files."""
        for file in files:
            place = f"{package}/{file.path}"
            self._data[place] = file.text
            path = PurePosixPath(file.path)
            if path.suffix == ".py":
                parts = [*path.parts[:-1], *([] if path.stem == _ENTRANCE else [path.stem])]
                self._modules[".".join((package, *parts))] = place, file.text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._modules:
            return None
        place = self._modules[fullname][0]
        found = ModuleSpec(fullname, self, origin=place, is_package=self.is_package(fullname))
        found.has_location = True  # so that modules get a __file__
        return found

    def is_package(self, fullname: str) -> bool:
        return PurePosixPath(self._modules[fullname][0]).stem == _ENTRANCE

    def get_source(self, fullname: str) -> str:
        return self._modules[fullname][1]

    def get_code(self, fullname: str) -> Any:
        place, text = self._modules[fullname]
        return self.source_to_code(text, place)

    def get_data(self, path: str) -> bytes:
        """A file of a package, by the path that begins with the package's name."""
        try:
            return self._data[path].encode("utf-8")
        except KeyError:
            raise FileNotFoundError(f"no package in memory has {path}") from None


_TEXTS = _Texts()
sys.meta_path.append(_TEXTS)
