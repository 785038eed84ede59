"""A solver as a method of SciPy's solve_ivp: `solve_ivp(fun, t_span, y0, method=method(solver))`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from scipy.integrate import DenseOutput, OdeSolver
from torch import nn

from hyperdsl.adapters.solvers import Solver, given, is_adaptive, require_solver, steps_each

ADAPTIVE = "rtol", "atol", "first_step", "max_step", "min_step"


def method(solver: nn.Module, *, steps: int | None = None, **settings: Any) -> type[OdeSolver]:
    """A class that solve_ivp takes as its `method`.

    fun(t, y) gets and returns arrays [n], whatever the solver is; y0 may be complex. States are those of the dtype of
    the solver's weights, float64 where it has none, and there are no gradients.
    steps: of fixed steps over the whole span, here or as solve_ivp(…, steps=…). rtol, atol, first_step, max_step and
        min_step of solve_ivp are those of an adaptive solver, its own unless given; TypeError for the wrong ones.
    settings: further ones of the solver's `solve`, such as max_steps or parameters of the method.
    jac of solve_ivp: the Jacobian [n, n], as an array or jac(t, y), for implicit methods, which take differences of
        fun where there is none.

    The solve is made whole before SciPy's first step, and then handed over step by step, so that fun is evaluated to
    the end of the span also where a terminal event ends SciPy's before; a failure after that is not seen.
    TypeError for no generated solver, and for one with steps of its own for each sample.
    """
    chosen = require_solver(solver)
    if steps_each(chosen):
        raise TypeError(f"{type(solver).__name__} has steps of its own for each sample, and SciPy's state is one")
    own = {**given(steps=steps), **settings}
    return type(type(solver).__name__, (Replayed,), {"solver": staticmethod(lambda: chosen), "settings": own})


class Replayed(OdeSolver):
    """A solve of `solver`, made at the first step and told step by step; a subclass has the solver and its settings."""

    solver: Callable[[], Solver]
    settings: dict[str, Any]
    y: Any

    def __init__(
        self, fun: Any, t0: float, y0: Any, t_bound: float, vectorized: bool = False, jac: Any = None, **options: Any
    ) -> None:
        super().__init__(fun, t0, y0, t_bound, vectorized, support_complex=True)
        solver = self.solver()
        known = ADAPTIVE if is_adaptive(solver) else ("steps",)
        self.options = {**self.settings, **{name: value for name, value in options.items() if value is not None}}
        for name in options.keys() - {*known}:
            takes = getattr(solver, "takes", f"it takes {', '.join(known)}")
            raise TypeError(f"{type(solver).__name__} takes no {name}=: {takes}")
        weights = [weight for weight in solver.parameters() if weight.is_floating_point()]
        real = weights[0].dtype if weights else torch.float64
        self.dtype = real.to_complex() if np.iscomplexobj(self.y) else real
        self.jac, self.pieces, self.failure = jac, list[Any](), ""
        self.number, self.solved = -1, False

    def _step_impl(self) -> tuple[bool, str | None]:
        if not self.solved:
            self._solve()
        self.number += 1
        if self.number == len(self.pieces):
            return False, self.failure
        piece, last = self.pieces[self.number], self.number + 1 == len(self.pieces) and not self.failure
        self.t = self.t_bound if last else float(piece.s + piece.eps)
        self.y = piece.end.numpy().astype(self.y.dtype)
        return True, None

    def _dense_output_impl(self) -> Between:
        return Between(self.t_old, self.t, self.pieces[self.number])

    def _solve(self) -> None:
        self.solved = True
        f, options = Arrays(self.fun, self.dtype), self.options
        if self.jac is not None and "jacobian" in inspect.signature(self.solver().solve).parameters:
            options = {**options, "jacobian": Arrays(self._jacobian, self.dtype)}
        start = torch.as_tensor(self.y).to(self.dtype)
        with torch.no_grad():
            found = self.solver().solve(f, start, (self.t, self.t_bound), **options, dense=True, throw=False)
        self.pieces = [*takewhile(lambda piece: bool(torch.isfinite(piece.end).all()), found.pieces)]
        self.njev, self.nlu = found.statistics.jacobians, found.statistics.factorisations
        if found.status.value != "success":
            self.failure = f"{type(self.solver()).__name__} stopped at t = {found.s:.6g}: {found.status.value}"
        elif len(self.pieces) < len(found.pieces):  # fixed steps go on with what is not finite
            at = found.pieces[len(self.pieces)].s
            self.failure = f"{type(self.solver()).__name__} stopped at t = {float(at):.6g}: nonfinite"

    def _jacobian(self, t: float, y: Any) -> Any:
        """∂f/∂y [n, n], as it was given."""
        return self.jac(t, y) if callable(self.jac) else self.jac


class Arrays:
    """A function of tensors s and z, of one of arrays."""

    def __init__(self, fun: Callable[[float, Any], Any], dtype: torch.dtype) -> None:
        self.fun, self.dtype = fun, dtype

    def __call__(self, s: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(np.asarray(self.fun(float(s.detach()), _array(z)))).to(self.dtype)


class Between(DenseOutput):
    """The solver's dense output over one step."""

    def __init__(self, t_old: float, t: float, piece: Any) -> None:
        super().__init__(t_old, t)
        self.piece = piece

    def _call_impl(self, t: Any) -> Any:
        if t.ndim == 0:
            return _array(self.piece.at(float(t)))
        return np.stack([_array(self.piece.at(float(one))) for one in t], -1)


def _array(z: torch.Tensor) -> Any:
    """As SciPy's arrays, in double precision."""
    return z.detach().to(torch.complex128 if z.is_complex() else torch.float64).numpy()
