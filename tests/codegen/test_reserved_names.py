"""No name of a spec can hide one that generated code uses: what it uses is collected from the packages themselves."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hyperdsl.semantics.methods.families import is_reserved
from hyperdsl.semantics.reading.names import GENERATED, package_fault

PACKAGES = sorted(path.parent for path in Path("generated").glob("*/certificate.json"))


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    paths = [(package, path) for package in PACKAGES for path in sorted(package.glob("*.py"))]
    return tuple((package, ast.parse(path.read_text("utf-8"))) for package, path in paths)


def own_names(tree: ast.Module) -> set[str]:
    """The classes and functions that a module defines, which are named after the spec's solvers or checked as such."""
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def bound(node: ast.AST) -> set[str]:
    """What is an argument or assigned somewhere below a node."""
    names = {
        child.id for child in ast.walk(node) if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load)
    }
    return names | {child.arg for child in ast.walk(node) if isinstance(child, ast.arg)}


def used(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)} | bound(node)


def test_what_modules_use_names_no_class() -> None:
    """Imports, and whatever else is read that no function binds, would be hidden by a class of that name."""
    assert len(PACKAGES) > 10
    for package, tree in modules():
        imported = {
            (alias.asname or alias.name).split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        defined = {name for its, other in modules() if its == package for name in own_names(other)}
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - bound(tree)
        assert (imported | read) - defined <= GENERATED, package


def solvers_of(package: Path) -> list[dict[str, Any]]:
    solvers: list[dict[str, Any]] = json.loads((package / "certificate.json").read_text("utf-8"))["solvers"]
    return solvers


def test_what_stands_beside_a_parameter_names_none() -> None:
    """A parameter of a method becomes an argument of functions, whose other names it must not be."""
    seen = 0
    for package, tree in modules():
        solvers = solvers_of(package)
        keys = ("free_parameters", "learned_parameters")
        parameters = {name for solver in solvers for key in keys for name in solver.get(key, ())}
        classes = {solver["name"] for solver in solvers}  # a parameter of that name is a clash
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and parameters & used(node):
                seen += 1
                left = {name for name in used(node) - parameters - classes if not is_reserved(name)}
                assert not left - own_names(tree), (package, node.name)
    assert seen > 5


@pytest.mark.parametrize(
    "name", ["torch", "random", "math", "typing", "hyperdsl", "train", "solver", "_runtime", "con", "NUL", "Com1"]
)
def test_packages_are_not_called_as_modules_are(name: str) -> None:
    assert package_fault(name)
