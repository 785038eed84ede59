"""A package as it lies in its folder, and the package that hyperdsl makes of the texts that it was made from."""

from __future__ import annotations

import json
import posixpath
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperdsl import compiler
from hyperdsl.codegen.files import CERTIFICATE, JSON_KEY, GeneratedFile
from hyperdsl.diagnostics import Diagnostic, did_you_mean_path, has_errors
from hyperdsl.plan import Plan, plan
from hyperdsl.semantics.model.spec import Spec
from hyperdsl.source import SpecFile
from hyperdsl.verifying.found import Difference, NoPackageError

_LARGEST = 2**24
_DEEPEST = 32
_MARK = "pyproject.toml"


@dataclass(frozen=True)
class Package:
    """A generated package: its folder, its certificate as text and as what that holds."""

    folder: Path
    text: str
    certificate: dict[str, Any]

    @property
    def path(self) -> Path:
        """Of the certificate."""
        return self.folder / CERTIFICATE


@dataclass(frozen=True)
class Remade:
    """What a package should be: its files, and the plans of its solvers."""

    files: tuple[GeneratedFile, ...]
    plans: tuple[Plan, ...]


def read_text(path: Path) -> str:
    """A file of a package; OSError, UnicodeDecodeError, or ValueError where it is no file or too large."""
    if not path.is_file():
        raise ValueError("there is no such file")
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} bytes")
    return path.read_bytes().decode("utf-8")


def read_package(folder: Path) -> Package:
    """The package in a folder; NoPackageError where there is none."""
    path = folder / CERTIFICATE
    try:
        text = read_text(path)
        content = json.loads(text, object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        advice = did_you_mean_path(folder)
        near = f" ({advice})" if advice else ""
        raise NoPackageError(f"{folder} is not a generated package{near}: {path.name}: {error}") from error
    if not isinstance(content, dict) or not str(content.get(JSON_KEY, "")).startswith("hyperdsl "):
        raise NoPackageError(f"{folder} is not a generated package: {path.name} is not hyperdsl's")
    return Package(folder, text, content)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; ValueError where a key stands twice, of which readers take either."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return dict(pairs)


def remade(packages: Sequence[Package]) -> Iterator[Remade | Difference]:
    """For each package what hyperdsl makes of its sources, or why it cannot make anything of them.

    The sources are data: they are written into a folder that is gone afterwards, and read from there.
    """
    with tempfile.TemporaryDirectory(prefix="hyperdsl-") as name:
        placed = [_placed(package, Path(name) / str(number)) for number, package in enumerate(packages)]
        sound = [file for file in placed if isinstance(file, SpecFile)]
        checked = compiler.check(sound)
        results = zip(checked.specs, checked.found, compiler.generate(checked), strict=True)
        for package, file in zip(packages, placed, strict=True):
            if isinstance(file, Difference):
                yield file
                continue
            spec, found, files = next(results)
            if fault := _at_fault(package, found):
                yield fault
            elif not files:
                line = _line(package.text, '"sources"')
                yield Difference(package.path, line, "the spec is at fault: it has no solver")
            else:
                yield Remade(files, tuple(map(plan, spec.solvers)))


def proven_again(package: Package) -> Spec | Difference:
    """The spec that the package was made from, checked and proven anew, or why it is at fault."""
    with tempfile.TemporaryDirectory(prefix="hyperdsl-") as name:
        file = _placed(package, Path(name))
        if isinstance(file, Difference):
            return file
        checked = compiler.check([file])
    return _at_fault(package, checked.diagnostics) or checked.specs[0]


def _at_fault(package: Package, found: Sequence[Diagnostic]) -> Difference | None:
    """What is wrong with a spec in which an error was found."""
    if not has_errors(found):
        return None
    why = next(one.message for one in found if one.severity == "error")
    return Difference(package.path, _line(package.text, '"sources"'), f"the spec is at fault: {why}")


def _placed(package: Package, root: Path) -> SpecFile | Difference:
    """The package's spec, written below `root` with what it imports, as a project of its own."""
    name, sources = package.certificate.get("spec"), package.certificate.get("sources")
    line = _line(package.text, '"sources"')
    if not isinstance(sources, dict):
        text = "it holds no sources to verify the package by: compile the spec again"
        return Difference(package.path, line, text)
    if not isinstance(name, str) or name not in sources or not all(map(_is_source, sources.items())):
        return Difference(package.path, line, f"its sources are not those of a spec called {name!r}")
    ups = max(path.count("../") for path in sources)
    folder = root.joinpath(*["folder"] * ups)
    for path, text in sources.items():
        target = Path(posixpath.normpath(folder / path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    (root / _MARK).touch()
    return SpecFile(folder / name, name)


def _is_source(source: tuple[str, Any]) -> bool:
    """Whether it is the text of a spec by its path relative to another, which leads nowhere else."""
    path, text = source
    parts = path.split("/")
    return (
        isinstance(text, str)
        and _encodes(text)
        and path == posixpath.normpath(path)
        and path.endswith(".hyper")
        and len(path) <= 512
        and len(parts) <= _DEEPEST
        and all(part and part.isprintable() and "\\" not in part and ":" not in part for part in parts)
    )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
    return True


def _line(text: str, wanted: str) -> int:
    """The line of a text's first occurrence; 1 where there is none."""
    return text.count("\n", 0, max(text.find(wanted), 0)) + 1


def certificate_difference(package: Package, expected: str) -> Difference | None:
    """The first field of the certificate that is not as expected."""
    paths = next(_fields(package.certificate, json.loads(expected), ()), None)
    if paths is None:
        return None
    path, found, other = paths
    keys = [key for key in path if isinstance(key, str)]
    line = _line_of(package.text, keys)
    where = ".".join(map(str, path))
    return Difference(package.path, line, f"{where} is {_told(found)}, by the spec {_told(other)}")


_ABSENT = object()


def _fields(found: Any, expected: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in {**found, **expected}:
            yield from _fields(found.get(key, _ABSENT), expected.get(key, _ABSENT), (*path, key))
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from _fields(one, other, (*path, index))
    elif type(found) is not type(expected) or found != expected:
        yield path, found, expected


def _told(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]} ..."


def _line_of(text: str, keys: Iterable[str]) -> int:
    """The line of the last of these keys that stands there, each after the one before."""
    at = 0
    for key in keys:
        at = max(at, text.find(f"{json.dumps(key, ensure_ascii=False)}:", at))
    return text.count("\n", 0, at) + 1
