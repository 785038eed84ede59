"""Solutions of many groups of states at once: each group says which it seeks, and goes on with their ends."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Sought(NamedTuple):
    """A solution from states z [rows, *state_shape] with x at s over ε, by so many substeps."""

    s: Tensor
    x: Tensor | None
    z: Tensor
    eps: Tensor
    substeps: int


Making = Generator[Sought, Tensor, T]
"""Makes a T; it is sent the end of each solution that it seeks."""
Solve = Callable[[Tensor, Tensor | None, Tensor, Tensor, int], Tensor]


def alone(making: Making[T], solve: Solve) -> T:
    """What is made."""
    (made,) = together([making], solve)
    return made


def together(makings: Sequence[Making[T]], solve: Solve) -> list[T]:
    """What each makes. Solutions that several seek at a time are found by one solve, where f can be vmapped."""
    made: dict[int, T] = {}
    ends: dict[int, Tensor | None] = dict.fromkeys(range(len(makings)))
    while ends:
        sought: dict[int, Sought] = {}
        for k, end in ends.items():
            try:
                # a generator starts with None
                sought[k] = next(makings[k]) if end is None else makings[k].send(end)
            except StopIteration as stopped:
                made[k] = stopped.value
        ends = _solved(sought, solve)
    return [made[k] for k in range(len(makings))]


def _solved(sought: Mapping[int, Sought], solve: Solve) -> dict[int, Tensor | None]:
    """The ends of the solutions: of those of one form together."""
    forms: dict[object, list[int]] = {}
    for k, one in sought.items():
        form = one.substeps, one.z.shape, None if one.x is None else one.x.shape
        forms.setdefault(form, []).append(k)
    found: dict[int, Tensor | None] = {}
    for numbers in forms.values():
        found |= zip(numbers, _ends([sought[k] for k in numbers], solve), strict=True)
    return found


def _ends(sought: Sequence[Sought], solve: Solve) -> Sequence[Tensor]:
    """The ends of solutions of one form."""
    if len(sought) > 1:
        try:
            return _at_once(sought, solve)
        except Exception:  # what f cannot do under vmap it may do without; a mistake of its own comes again there
            pass
    return [solve(*one) for one in sought]


def _at_once(sought: Sequence[Sought], solve: Solve) -> Sequence[Tensor]:
    given = [(one.s, one.z, one.eps, *(() if one.x is None else (one.x,))) for one in sought]
    stacked, substeps = [torch.stack(values) for values in zip(*given, strict=True)], sought[0].substeps

    def solved(s: Tensor, z: Tensor, eps: Tensor, x: Tensor | None = None) -> Tensor:
        return solve(s, x, z, eps, substeps)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop")  # of an operator that has no batched form
        ends: Tensor = torch.func.vmap(solved)(*stacked)
    return ends.unbind()
