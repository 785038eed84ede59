"""What an export says where it cannot be had."""

from __future__ import annotations

from typing import Any


class ExportError(ValueError):
    """A solver or a vector field that cannot be exported in this form; the text says what can be done."""


def require_no_parameters(solver: Any) -> None:
    """ExportError for a class of solvers whose method has free parameters."""
    names = [name for name, *_ in getattr(solver, "free", ())]
    if names:
        raise ExportError(
            f"{solver.__name__} has the free parameter {names[0]}: export a solver whose spec fixes it, as "
            f"`base family({names[0]} = 1/2)`"
        )
