"""Specs and methods in a notebook: `%load_ext hyperdsl`, then `%%hyper`; `library("rk4")`, `load(FILE)`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from hyperdsl import compiler
from hyperdsl.diagnostics import Diagnostic, has_errors, report, report_text
from hyperdsl.memory import SpecError, loaded, text_file
from hyperdsl.pages.analysis import analyse, of_solver
from hyperdsl.pages.html import page_html
from hyperdsl.pages.latex import local_error_latex, tableau_latex
from hyperdsl.pages.sheet import Shown, sheets, shown_of
from hyperdsl.semantics.model.spec import Method, Solver, Spec
from hyperdsl.semantics.reading.units import meant
from hyperdsl.source import SpecFile, standing_for

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True)
class Page:
    """A method of any kind, or a solver, as a notebook shows it: HTML, LaTeX where there is a tableau, or text."""

    value: Shown

    @property
    def method(self) -> Method | None:
        """The Runge–Kutta method that is shown, a solver's base; None for another kind."""
        value = of_solver(self.value) if isinstance(self.value, Solver) else self.value
        return value if isinstance(value, Method) else None

    def __repr__(self) -> str:
        lines: list[str] = []
        for sheet in sheets(self.value):
            lines += [sheet.heading, *(f"for {line}" for line in sheet.within), "", *sheet.coefficients, ""]
            for label, texts in sheet.facts:
                lines += [f"{'' if i else label:14} {text}" for i, text in enumerate(texts)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return page_html(self.value, self.plot())

    def _repr_latex_(self) -> str | None:
        method = self.method
        if method is None:
            return None
        error = local_error_latex(method, analyse(method))
        return f"$\\displaystyle {tableau_latex(method)}$\n\n$\\displaystyle {error}$"

    def plot(self) -> str | None:
        """The stability region as SVG; None for families, for predictor-correctors, and where matplotlib is missing."""
        with contextlib.suppress(ImportError):
            from hyperdsl.pages.pictures import region_svg

            return region_svg(self.value)
        return None


@dataclass(frozen=True)
class Said:
    """What the compiler says of a cell, in colour, one page for each method and solver below it."""

    diagnostics: tuple[Diagnostic, ...]
    pages: tuple[Page, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([*([report_text(self.diagnostics)] if self.diagnostics else []), *map(repr, self.pages)])

    def _repr_html_(self) -> str:
        said = _coloured(self.diagnostics) if self.diagnostics else ""
        return said + "<hr>".join(page._repr_html_() for page in self.pages)


def library(name: str) -> Page:
    """A method of the library, of any kind; KeyError where there is none of that name."""
    method = compiler.library_base(name)
    if method is None:
        advice = meant(name, compiler.library_names())
        raise KeyError(f"the library has no method {name!r}" + (f": {advice}" if advice else ""))
    return Page(method)


def load(path: str | Path) -> dict[str, Page]:
    """The methods and solvers of a spec by name; ValueError, with its diagnostics, for a bad one."""
    checked = compiler.check([SpecFile(Path(path), Path(path).as_posix())])
    if has_errors(checked.diagnostics):
        raise SpecError(report_text(checked.diagnostics), checked.diagnostics)
    return _pages(checked.specs[0])


def hyper(shell: InteractiveShell, line: str, cell: str) -> Said:
    """`%%hyper [NAME]`: compile a cell, put its solvers, its correctors and the package NAME where cells find them.

    The cell counts as NAME.hyper in the current folder, NAME being `spec` by default. A cell at fault puts nothing.
    """
    name = line.strip() or "spec"
    file = text_file(name)
    checked = compiler.check([file], standing_for(file, cell))
    if has_errors(checked.diagnostics):
        return Said(checked.diagnostics)
    (package,) = compiler.generate(checked)
    if package:
        module = loaded(name, package)
        shell.user_ns.update({name: module} | {public: getattr(module, public) for public in module.__all__})
    return Said(checked.diagnostics, tuple(_pages(checked.specs[0]).values()))


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext hyperdsl` does: `%%hyper` is there."""

    def magic(line: str, cell: str) -> Any:
        return hyper(shell, line, cell)

    register: Any = shell.register_magic_function  # typed for methods
    register(magic, "cell", "hyper")


def _pages(spec: Spec) -> dict[str, Page]:
    return {name: Page(value) for name, value in shown_of(spec).items()}


def _coloured(diagnostics: tuple[Diagnostic, ...]) -> str:
    """The messages as on a terminal, with its colours."""
    console = Console(record=True, file=StringIO(), width=120, force_jupyter=False)
    report(diagnostics, console)
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
