"""A solver in the place of torchode's AutoDiffAdjoint: `TorchodeSolver(solver).solve(InitialValueProblem(…), term)`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.adapters.solvers import is_adaptive, require_solver, steps_each


class TorchodeSolver(nn.Module):
    """Solves problems of torchode, [batch, features], by a generated solver.

    term: the ODETerm of problems that come with none.
    settings: those of the solver's `odeint`: `steps` from one time to the next, or rtol, atol and others.

    Where each sample has times of its own the solver needs `per_sample yes`. f(t, y) gets t [batch], as in torchode.
    TypeError for no generated solver.
    """

    def __init__(self, solver: nn.Module, term: nn.Module | None = None, **settings: Any) -> None:
        super().__init__()
        self.solver, self.term, self.settings = require_solver(solver), term, settings

    def solve(self, problem: Any, term: Any = None, dt0: Tensor | None = None, args: Any = None) -> Any:
        """torchode's Solution: ts [batch, times], ys [batch, times, features], stats and status.

        dt0: the first step, one number for all, of adaptive solvers.
        ValueError where samples have times of their own and the solver's steps are joint; SolveError where the end is
        not reached, for which torchode has a status.
        """
        from torchode import Solution  # noqa: PLC0415  # loaded where it is used

        term = term or self.term
        if term is None:
            raise ValueError("a term is needed: TorchodeSolver(solver, term=ODETerm(f)), or solve(problem, term)")
        stats: dict[str, Any] = {}
        term.init(problem, stats)
        batch = problem.y0.shape[0]

        def f(s: Tensor, y: Tensor) -> Any:
            return term.vf(s.to(problem.time_dtype).expand(batch), y, stats, args)

        first = {} if dt0 is None else {"first_step": float(dt0.max())}
        settings = {**first, **self.settings}
        asked = problem.t_end[:, None] if problem.t_eval is None else problem.t_eval
        times, own = self._times(problem, asked)
        if is_adaptive(self.solver):
            states, counted = self.solver.odeint(f, problem.y0, times, return_statistics=True, **settings)
            accepted, steps = counted.accepted, counted.accepted + counted.rejected
        else:
            states = self.solver.odeint(f, problem.y0, times, **settings)
            accepted = steps = (len(times) - 1) * settings.get("steps", getattr(self.solver, "count", 1))
        whole = torch.zeros(batch, dtype=torch.long, device=problem.device)
        stats |= {"n_steps": whole + steps, "n_accepted": whole + accepted, "n_initialized": whole + asked.shape[1]}
        return Solution(ts=asked, ys=states[own].transpose(0, 1), stats=stats, status=whole)

    def _times(self, problem: Any, asked: Tensor) -> tuple[Tensor, slice]:
        """The times of the solve, [times] or [times, batch], and which of them are those that are asked for."""
        before = not torch.equal(asked[:, 0], problem.t_start)
        after = not torch.equal(asked[:, -1], problem.t_end)
        start = [problem.t_start[:, None]] if before else []
        times = torch.cat([*start, asked, *([problem.t_end[:, None]] if after else [])], 1).T
        own = slice(len(start), len(start) + asked.shape[1])
        if steps_each(self.solver):
            return times, own
        if bool((times != times[:, :1]).any()):
            raise ValueError(
                f"{type(self.solver).__name__} has one time for all samples: for times of their own take a solver with "
                "`per_sample yes`"
            )
        return times[:, 0], own
