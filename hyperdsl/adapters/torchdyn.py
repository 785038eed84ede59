"""A solver as torchdyn takes one: `NeuralODE(f, solver=TorchdynSolver(solver))`, `odeint(f, x, t_span, solver=…)`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.adapters.solvers import require_solver


class TorchdynSolver(nn.Module):
    """torchdyn's template: it asks for a step from each time of `t_span` to the next, and the solver takes that way.

    settings: those of the solver's `odeint`: `steps` from one time to the next for fixed steps, by default 1; rtol,
        atol and others for adaptive ones, which torchdyn's own tolerances do not reach.

    torchdyn sees a method of fixed steps, so that it neither estimates errors nor interpolates. A g is a part of the
    NeuralODE, whose optimizer trains it where it is given its parameters: `requires_grad_(False)` keeps it. For
    `sensitivity="adjoint"` name a `solver_adjoint`, whose state is another. TypeError for no generated solver.
    """

    stepping_class = "fixed"

    def __init__(self, solver: nn.Module, **settings: Any) -> None:
        super().__init__()
        self.solver, self.settings = require_solver(solver), settings
        self.order = self.solver.order

    def sync_device_dtype(self, x: Tensor, t_span: Tensor) -> tuple[Tensor, Tensor]:
        """The state, and the times on its device."""
        return x, torch.as_tensor(t_span, device=x.device)

    def step(
        self, f: Any, x: Tensor, t: Tensor, dt: Tensor, k1: Tensor | None = None, args: Any = None
    ) -> tuple[None, Tensor, None]:
        """The state dt later, between what torchdyn has for the next slope and the error."""
        states: Tensor = self.solver.odeint(f, x, torch.stack((t, t + dt)), **self.settings)
        return None, states[-1], None
