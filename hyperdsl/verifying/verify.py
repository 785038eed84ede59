"""Packages verified: each text compared with the one that the spec gives, and the steps run on formal values."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hyperdsl.codegen.files import CERTIFICATE, GeneratedFile
from hyperdsl.codegen.torch.runtime import TARGET
from hyperdsl.plan import Plan
from hyperdsl.semantics.reading.names import class_name
from hyperdsl.verifying import facts, trees
from hyperdsl.verifying.found import Difference
from hyperdsl.verifying.package import Package, Remade, certificate_difference, read_package, read_text, remade
from hyperdsl.verifying.steps import findings

_SOLVER = "solver.py"
_RUNTIME = "hyperdsl.runtime."


def verify(folders: Sequence[Path]) -> list[tuple[Package, Remade | None, Difference | None]]:
    """For each folder its package, what that should be where its spec is sound, and the first difference.

    NoPackageError where a folder is no generated package. Nothing of a package is run but classes that are, node by
    node, those that hyperdsl generates, with functions that are arithmetic in a straight line.
    """
    packages = [read_package(folder) for folder in folders]
    results: list[tuple[Package, Remade | None, Difference | None]] = []
    for package, expected in zip(packages, remade(packages), strict=True):
        if isinstance(expected, Difference):
            results.append((package, None, expected))
        else:
            results.append((package, expected, next(_differences(package, expected), None)))
    return results


def _differences(package: Package, expected: Remade) -> Iterator[Difference]:
    """Solver.py first, for that is what people read."""
    for file in sorted(expected.files, key=lambda file: (file.path != _SOLVER, file.path.startswith(TARGET))):
        path = package.folder / file.path
        if file.path == CERTIFICATE:
            found = certificate_difference(package, file.text)
            yield from [found] if found else []
            continue
        try:
            text = read_text(path)
        except (OSError, ValueError) as error:
            yield Difference(path, 1, f"it cannot be read: {error}")
            continue
        if file.final:
            yield from _other_line(path, text, file.text)
        else:
            yield from _other_python(path, text, file, expected.plans)
    yield from _hiding(package.folder, expected.files)


def _other_line(path: Path, found: str, expected: str) -> Iterator[Difference]:
    """The first line that is not that of the installed runtime's copy."""
    if found == expected:
        return
    lines, others = found.splitlines(keepends=True), expected.splitlines(keepends=True)
    same = (one == other for one, other in zip(lines, others, strict=False))
    line = next((number for number, equal in enumerate(same, 1) if not equal), min(len(lines), len(others)) + 1)
    yield Difference(path, line, "it is not the runtime of the hyperdsl that is installed")


def _other_python(path: Path, text: str, file: GeneratedFile, plans: Sequence[Plan]) -> Iterator[Difference]:
    """What a module is not: its first two lines, which name the spec and its hash, then its syntax, then its steps."""
    headers = text.splitlines()[:2], file.text.splitlines()[:2]
    for number, expected_line in enumerate(headers[1], 1):
        if headers[0][number - 1 : number] != [expected_line]:
            yield Difference(path, number, f"the first lines are not those of the spec, `{expected_line}`")
            return
    try:
        tree = ast.parse(text)
        places = sorted(trees.differences(tree, ast.parse(file.text)), key=lambda place: place.line)
    except SyntaxError as error:
        yield Difference(path, error.lineno or 1, f"it is no Python: {error.msg}")
        return
    except (ValueError, RecursionError, MemoryError) as error:
        yield Difference(path, 1, f"it is no Python: {error}")
        return
    steps = [place for place in places if place.owner and file.path == _SOLVER]
    wrong = [place for place in places if place not in steps] + _crooked(tree, steps)
    for place in sorted(wrong, key=lambda place: place.line):
        yield Difference(path, place.line, place.text)
    if not wrong and file.path == _SOLVER:
        yield from _other_steps(path, tree, steps, plans)


def _crooked(tree: ast.Module, steps: Sequence[trees.Place]) -> list[trees.Place]:
    """What is no line of a step, in steps that are not the spec's line by line."""
    owners = {place.owner for place in steps}
    functions = [
        function
        for kind in tree.body
        if isinstance(kind, ast.ClassDef)
        for function in kind.body
        if isinstance(function, ast.FunctionDef) and (kind.name, function.name) in owners
    ]
    return [place for function in functions if (place := trees.straight(function))]


def _other_steps(
    path: Path, tree: ast.Module, steps: Sequence[trees.Place], plans: Sequence[Plan]
) -> Iterator[Difference]:
    """What the solvers say of themselves, and what their steps compute.

    RuntimeError where that is wrong in a class that is just what hyperdsl generates.
    """
    module = _loaded(path, tree)
    for plan in plans:
        name = class_name(plan.name)
        if other := facts.differing(plan, module[name]):
            raise RuntimeError(f"{name}.{other[0]} is {other[1]}, by its plan {other[2]}")
        places = {place.owner[1]: place for place in reversed(steps) if place.owner and place.owner[0] == name}
        try:
            found = next(findings(plan, module[name], module), None)
        except Exception as error:
            if not places:
                raise
            place = min(places.values(), key=lambda place: place.line)
            yield Difference(path, place.line, f"{name} cannot be run on formal values: {error} ({place.text})")
            continue
        if found is None:
            continue
        if not places:
            raise RuntimeError(f"{name}.{found.function}: {found.text}")
        place = places.get(found.function) or min(places.values(), key=lambda place: place.line)
        yield Difference(path, place.line, f"{name}.{found.function} {found.text} ({place.text})")


def _loaded(path: Path, tree: ast.Module) -> dict[str, Any]:
    """The names of a module of a package, run with the installed runtime, of which the package has a copy."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            node.level, node.module = 0, node.module.replace(f"{TARGET}.", _RUNTIME, 1)
    module: dict[str, Any] = {"__name__": f"verified.{path.parent.name}"}
    exec(compile(tree, str(path), "exec"), module)
    return module


def _hiding(folder: Path, files: Sequence[GeneratedFile]) -> Iterator[Difference]:
    """What Python would import in place of a module of the package: a folder or a library of its name."""
    for file in files:
        path = folder / file.path
        if path.suffix != ".py" or path.stem == "__init__":
            continue
        others = [path.with_suffix(""), *path.parent.glob(f"{path.stem}.*.so"), *path.parent.glob(f"{path.stem}.so")]
        others += [*path.parent.glob(f"{path.stem}*.pyd"), path.with_suffix(".pyc")]
        yield from (Difference(other, 1, f"it hides {file.path}") for other in others if other.exists())
