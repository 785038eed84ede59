"""Methods in a notebook: `from hyperdsl.notebook import library, load`, then `library("rk4")`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hyperdsl import compiler
from hyperdsl.diagnostics import did_you_mean, has_errors, report_text
from hyperdsl.pages.analysis import Analysis, analyse, of_solver
from hyperdsl.pages.html import page_html
from hyperdsl.pages.latex import local_error_latex, tableau_latex
from hyperdsl.pages.text import Fact, added, facts, ranges, tableau_lines, title
from hyperdsl.semantics.model.spec import Method, Solver
from hyperdsl.source import SpecFile


@dataclass(frozen=True)
class Page:
    """A Runge–Kutta method, or a solver on one, that a notebook shows: as HTML, as LaTeX, or as text."""

    method: Method
    solver: Solver | None = None

    @cached_property
    def analysis(self) -> Analysis:
        """Every fact of the method."""
        return analyse(self.method)

    def __repr__(self) -> str:
        lines = [title(self.method), *(f"for {line}" for line in ranges(self.method)), ""]
        lines += [*tableau_lines(self.method.tableau), ""]
        for label, texts in (*facts(self.method, self.analysis), *self._more):
            lines += [f"{'' if i else label:14} {text}" for i, text in enumerate(texts)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return page_html(self.method, self.analysis, self._more)

    def _repr_latex_(self) -> str:
        error = local_error_latex(self.method, self.analysis)
        return f"$\\displaystyle {tableau_latex(self.method)}$\n\n$\\displaystyle {error}$"

    @property
    def _more(self) -> tuple[Fact, ...]:
        return tuple(added(self.solver)) if self.solver else ()


def library(name: str) -> Page:
    """A Runge–Kutta method of the library; KeyError where there is none of that name."""
    method = compiler.library_method(name)
    if method is None:
        advice = did_you_mean(name, compiler.library_names())
        raise KeyError(f"the library has no Runge–Kutta method {name!r}" + (f": {advice}" if advice else ""))
    return Page(method)


def load(path: str | Path) -> dict[str, Page]:
    """The Runge–Kutta methods and solvers of a spec by name; ValueError, with its diagnostics, for a bad one."""
    checked = compiler.check([SpecFile(Path(path), Path(path).as_posix())])
    if has_errors(checked.diagnostics):
        raise ValueError(report_text(checked.diagnostics))
    (spec,) = checked.specs
    pages = {method.name: Page(method) for method in spec.methods}
    return pages | {
        solver.name: Page(of_solver(solver), solver) for solver in spec.solvers if isinstance(solver, Solver)
    }
