"""Solvers whose vector field is a diffusion model on its straight path."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from .path import Path, on_straight_path
from .solver import Solver
from .state import Restore, VectorField


class OnPath(Solver):
    """A solver of the model's straight path, `path`, from noise to data.

    A call takes the model: `solver(model, noise, steps=4)`. All else, and a call with a span, takes
    `solver.path.field(model)` with states z and times t of the straight path, as any solver takes its vector field;
    a model in its place is a TypeError.
    """

    path: ClassVar[Path]

    def forward(self, f: VectorField, z0: Any, span: Any = None, *more: Any, **settings: Any) -> Any:
        """The data at the end of the path, like `z0`, which is standard normal noise; f is the model.

        f: model(τ, x), or model(τ, c, x) with c the keyword x=; `guided` adds guidance to it.
        span: left out. With a span, f is a field on the path, and this is the call of any solver.
        The rest, `steps=` or the settings of step-size control, is as for any solver.
        """
        return self._through(super().forward, f, z0, span, *more, **settings)

    def adjoint(self, f: VectorField, z0: Any, span: Any = None, *more: Any, **settings: Any) -> Any:
        """As a call, by the adjoint that this solver has."""
        adjoint = super().adjoint  # type: ignore[misc]  # of the solvers that this stands before
        return self._through(adjoint, f, z0, span, *more, **settings)

    def _through(self, solve: Any, f: VectorField, z0: Any, span: Any, *more: Any, **settings: Any) -> Any:
        """What a solve from noise to data is, by one on the straight path."""
        if on_straight_path(f):
            return solve(f, z0, span, *more, **settings)
        if span is not None or more:
            raise TypeError(
                "a model is solved over its whole path, solver(model, noise, steps=...): for another span solve "
                "solver.path.field(model) from solver.path.to_straight(x, time)"
            )
        if not isinstance(z0, Tensor):
            raise TypeError(f"the noise must be a tensor, not {type(z0).__name__}")
        z = solve(self.path.field(f), self.path.start(z0), self.path.span, **settings)
        return self.path.end(z)

    def _one_tensor(self, f: VectorField, z: Any, *, learned: bool = True) -> tuple[VectorField, Tensor, Restore]:
        if not on_straight_path(f):
            raise TypeError(
                f"{type(self).__name__} takes a field on its path here, solver.path.field(model), with states and "
                "times of the straight path; the model alone is for the call, solver(model, noise, ...)"
            )
        return super()._one_tensor(f, z, learned=learned)
