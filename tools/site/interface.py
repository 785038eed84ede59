"""The reference of the Python interface, from signatures and docstrings; nothing is imported to make it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.site.pages import ROOT, Page, fenced, plain

MODULES = (
    "hyperdsl/compiler.py",
    "hyperdsl/notebook.py",
    "hyperdsl/symbolic.py",
    "hyperdsl/runtime/solver.py",
    "hyperdsl/runtime/adaptive.py",
    "hyperdsl/runtime/fixed.py",
    "hyperdsl/runtime/history.py",
    "hyperdsl/runtime/solution.py",
    "hyperdsl/runtime/outcome.py",
    "hyperdsl/runtime/events.py",
    "hyperdsl/runtime/path.py",
    "hyperdsl/runtime/whole.py",
    "hyperdsl/runtime/weights.py",
    "hyperdsl/runtime/corrector.py",
    "hyperdsl/training/run.py",
    "hyperdsl/training/trained.py",
    "hyperdsl/training/outcome.py",
    "hyperdsl/training/tracking.py",
    "hyperdsl/training/settings.py",
    "hyperdsl/evaluation/problems.py",
    "hyperdsl/reporting/making.py",
    "hyperdsl/exporting/program.py",
    "hyperdsl/exporting/diffusers.py",
)
"""What users call."""
Public = ast.ClassDef | ast.FunctionDef


def pages() -> Iterator[Page]:
    """A page for each module, and their list."""
    lines = ["# The Python interface\n"]
    for path in MODULES:
        module = ast.parse((ROOT / path).read_text("utf-8"))
        name = path.removesuffix(".py").replace("/", ".")
        text = "\n".join(_module(name, module))
        lines.append(f"- [`{name}`]({name}.md): {plain((ast.get_docstring(module) or '').splitlines()[0])}")
        yield Page(f"reference/python/{name}.md", text)
    yield Page("reference/python/index.md", "\n".join(lines) + "\n")


def _module(name: str, module: ast.Module) -> Iterator[str]:
    yield f"# {name}\n"
    yield _documented(module)
    for node in module.body:
        if isinstance(node, Public) and not node.name.startswith("_"):
            yield from _public(node, "##", "")


def _public(node: Public, level: str, owner: str) -> Iterator[str]:
    yield f"{level} {owner}{node.name}\n"
    yield fenced(_signature(node), "py")
    yield _documented(node)
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            hidden = isinstance(inner, Public) and inner.name.startswith("_") and inner.name != "__call__"
            if isinstance(inner, Public) and not hidden and ast.get_docstring(inner):
                yield from _public(inner, level + "#", f"{node.name}.")


def _signature(node: Public) -> str:
    """The line that defines it, and of a dataclass its fields."""
    if isinstance(node, ast.FunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        marks = "".join(f"@{ast.unparse(mark)}\n" for mark in node.decorator_list)
        return f"{marks}def {node.name}({ast.unparse(node.args)}){returns}"
    bases = ", ".join(map(ast.unparse, node.bases))
    fields = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
    return "\n    ".join([f"class {node.name}({bases})" if bases else f"class {node.name}", *fields])


def _documented(node: ast.Module | Public) -> str:
    """The docstring's paragraphs; what is between backquotes stays code."""
    return (ast.get_docstring(node) or "").replace("<", "&lt;").replace("*", r"\*") + "\n"
