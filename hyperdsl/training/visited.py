"""The range of ε that a step-size control takes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from hyperdsl.runtime.state import with_input
from hyperdsl.training.protocol import AdaptiveSolver
from hyperdsl.training.rows import norms
from hyperdsl.training.targets import Targets

TIMES = 8  # at which steps are looked at


def with_visited_range(targets: Targets, states: Tensor, x: Tensor | None) -> Targets:
    """With the range of the steps that the control takes, where the settings give none.

    At states along the trajectories ε is moved to where the error that the control sees is as large as its tolerance;
    the learned error is taken to be the true one. The extremes are left out, and the rest given a margin.
    """
    if targets.settings.steps or targets.settings.eps or targets.grids:
        return targets
    solver = cast(AdaptiveSolver, targets.solver)  # ranges of others are given
    control, length = solver.control, targets.end - targets.start
    trajectories = targets.trajectories(states[:64], None if x is None else x[:64])
    sizes: list[Tensor] = []
    for part in range(TIMES):
        eps = targets.steps[1]
        s, given, z = targets.states(trajectories, eps, len(states[:64]), part, TIMES)
        for _ in range(6):
            error = _seen_error(targets, eps, s, given, z)
            e = norms(error / (control.atol + control.rtol * z.abs())) / math.sqrt(z[0].numel())
            wanted = abs(eps) * e ** (-1 / control.power)
            found = wanted[(wanted > 0) & wanted.isfinite()]
            middle = float(found.median()) if len(found) else abs(eps) / 10
            eps = math.copysign(min(max(middle, 1e-5 * abs(length)), 0.2 * abs(length), 5 * abs(eps)), length)
        sizes.append(found)
    visited = torch.cat(sizes).clamp(1e-5 * abs(length), 0.5 * abs(length))
    if not len(visited):
        raise ValueError("no step of the control could be found on these trajectories: give the range of ε")
    smallest, largest = visited.quantile(
        torch.tensor([0.02, 0.98], dtype=visited.dtype, device=visited.device)
    ).tolist()
    ends = max(smallest / 3, 1e-5 * abs(length)), min(1.5 * largest, 0.5 * abs(length))
    return replace(targets, steps=(math.copysign(ends[0], length), math.copysign(ends[1], length)))


def _seen_error(targets: Targets, eps: float, s: Tensor, x: Tensor | None, z: Tensor) -> Tensor:
    """The error of a step that the control would see."""
    solver = cast(AdaptiveSolver, targets.solver)
    values = targets.parameters()
    if solver.error == "learned":
        rows = targets.residuals(eps, s, x, z, values, max(targets.settings.substeps // 4, 4))
        true: Tensor = rows.target * abs(eps) ** (solver.order + 1)
        return true
    f = with_input(targets.f, x)
    free = {name: torch.full_like(s, value) for name, value in values.items()}
    error: Tensor = solver.attempt(f, x, s, z, torch.full_like(s, eps), f(s, z), **free).error
    return error
