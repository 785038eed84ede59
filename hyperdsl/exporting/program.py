"""A solve with its f and g inside, as a program of torch.export."""

from __future__ import annotations

import contextlib
import io
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.problems import Problem
from hyperdsl.exporting.errors import ExportError, require_no_parameters
from hyperdsl.runtime.whole import Whole

EXAMPLES, OTHERS = 4, 7
"""States that the program is traced with, and those that it is then tried on."""
APART = 1e-3
"""Of the largest component: what is above is no rounding."""


class Exported(NamedTuple):
    """The bytes of a .pt2 file, how often f is evaluated in it, and how it differs from the solver on other states."""

    data: bytes
    evaluations: int
    difference: float


def exported(solver: nn.Module, problem: Problem, steps: int | None) -> Exported:
    """The solve of the problem as program(z0), or program(z0, x), of any batch [batch, *state_shape].

    ExportError where the solver's evaluations depend on the state, for free parameters, and where torch.export cannot
    follow f, or does not get the same.
    """
    require_no_parameters(type(solver))
    on_path = getattr(solver, "path", None) is not None
    given, beside = _drawn(problem, EXAMPLES), _drawn(problem, OTHERS)
    span = None if on_path else problem.span
    try:
        whole = Whole(solver, problem.f, span, steps, dtype=given[0].dtype.to_real()).eval()
    except ValueError as error:
        raise ExportError(str(error)) from error
    batch = torch.export.Dim("batch", min=1)
    try:
        # where it fails, torch prints its graph besides raising
        with torch.no_grad(), contextlib.redirect_stderr(io.StringIO()):
            found = torch.export.export(whole, given, dynamic_shapes=tuple({0: batch} for _ in given))
    except Exception as error:  # torch.export has no class of its own for what it cannot follow
        raise ExportError(f"torch.export cannot follow f of {problem.name}: {_first_line(error)}") from error
    written = io.BytesIO()
    torch.export.save(found, written)
    written.seek(0)
    with torch.no_grad():
        end = torch.export.load(written).module()(*beside)
        wanted = _solved(solver, problem, span, steps, beside)
    difference = float((end - wanted).abs().max() / wanted.abs().max())
    if not difference <= APART:
        raise ExportError(
            f"the program's end differs from that of the solver's call by {difference:.1e} of the largest: is f of "
            f"{problem.name} random, or does it keep something from call to call?"
        )
    return Exported(written.getvalue(), whole.evaluations, difference)


def _drawn(problem: Problem, batch: int) -> tuple[Tensor, ...]:
    z0, x = problem.draw(batch, torch.Generator().manual_seed(0))
    return (z0,) if x is None else (z0, x)


def _solved(
    solver: nn.Module, problem: Problem, span: tuple[float, float] | None, steps: int | None, given: tuple[Tensor, ...]
) -> Tensor:
    """The solver's own call."""
    z0, *x = given
    more = ({} if steps is None else {"steps": steps}) | ({"x": x[0]} if x else {})
    end: Tensor = solver(problem.f, z0, *([] if span is None else [span]), **more)
    return end


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
