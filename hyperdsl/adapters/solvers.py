"""What adapters need of a solver. Each package has runtime classes of its own, so nothing here asks for a class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn


class Solver(nn.Module):
    """What a generated solver has, for type checkers alone."""

    order: int
    evaluations_per_step: int
    odeint: Any
    solve: Any
    adjoint: Any


def is_solver(value: object) -> TypeGuard[Solver]:
    """Whether this is a generated solver."""
    return isinstance(value, nn.Module) and all(hasattr(value, name) for name in ("order", "odeint", "solve"))


def require_solver(value: object) -> Solver:
    """The solver; TypeError where it is none."""
    if not is_solver(value):
        raise TypeError(f"a solver of a generated package is needed, not {value!r:.80}")
    return value


def is_adaptive(solver: object) -> bool:
    """Whether its steps follow tolerances."""
    return hasattr(solver, "control")


def steps_each(solver: object) -> bool:
    """Whether each sample of a batch has steps of its own."""
    return bool(getattr(solver, "each", False))


def has_own_grid(solver: object) -> bool:
    """Whether its steps are a grid of its own over each span."""
    return hasattr(solver, "grid")


def free_names(solver: object) -> set[str]:
    """The parameters of its method that a call takes."""
    return {name for name, *_ in getattr(solver, "free", ())}


def given(**settings: Any) -> dict[str, Any]:
    """The settings that are not None."""
    return {name: value for name, value in settings.items() if value is not None}


def require_known(name: str, options: Mapping[str, Any], known: Sequence[str]) -> None:
    """TypeError for an option that is none of those known."""
    for option in options:
        if option not in known:
            raise TypeError(f"{name} takes the options {', '.join(known)}, not {option!r}")


def counts_of(times: Sequence[float], size: float) -> list[int]:
    """How many equal steps of at most this size there are from each of the times to the next; ValueError for no size.

    A size that is right but for rounding is taken as it is.
    """
    if not 0 < size < math.inf:
        raise ValueError(f"step_size must be positive, not {size}")
    return [max(1, math.ceil(abs(end - start) / size * (1 - 1e-6))) for start, end in pairwise(times)]


def stacked(states: Sequence[Any]) -> Any:
    """States one after the other, [len(states), ...]: a tensor, or a tuple of them."""
    if isinstance(states[0], Tensor):
        return torch.stack(tuple(states))
    return tuple(torch.stack(parts) for parts in zip(*states, strict=True))
