"""Methods of the library, ready to run beside a user's own."""

from __future__ import annotations

from hyperdsl import compiler
from hyperdsl.evaluation.solvers import TableauSolver


def library(name: str) -> TableauSolver:
    """An explicit method of the library, ready to run. KeyError where there is none."""
    method = compiler.library_method(name)
    if method is None:
        raise KeyError(name)
    return TableauSolver(name, method.tableau)
