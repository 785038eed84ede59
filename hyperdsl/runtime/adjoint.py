"""Gradients by the adjoint problem, in memory that does not grow with the number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .adaptive import AdaptiveSteps
from .field import fielded
from .loop import Attempt, Counted, Problem, numbers
from .solution import checked
from .state import Scalar, State, VectorField, one_tensor, with_input


class AdjointSteps(AdaptiveSteps):
    """Joint steps whose gradients may come from the adjoint problem."""

    def adjoint(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        *,
        x: Tensor | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        weights: Sequence[Tensor] | None = None,
        **free: Scalar,
    ) -> State:
        """As a call, with gradients by the adjoint problem: memory does not grow with the number of steps.

        weights: what f depends on besides z0 and x and may have a gradient; a module's parameters unless given.
        """
        control = self.control.changed(rtol, atol, first_step, max_steps)
        own = f.parameters() if weights is None and isinstance(f, nn.Module) else weights or ()
        inputs = [value for value in (*own, x) if value is not None and value.requires_grad]
        f, flat, restore = one_tensor(f, z0)
        handed = self.handed(flat, free)

        def run(f: VectorField, z: Tensor, times: list[float], size: int | None = None) -> Tensor:
            counted = Counted(fielded(f, None, z))
            attempt = partial(self.attempt, counted, None, **handed)
            problem = Problem(attempt if size is None else _measured(attempt, size), counted, z, lambda state: state)
            found: Tensor = checked(problem.solve(control, times, dense=False)[0], throw=True).z
            return found

        flat_end = _Adjoint.apply(run, with_input(f, x), numbers(span), flat, *inputs)  # type: ignore[no-untyped-call]
        end: State = restore(flat_end)
        return end


class _Adjoint(torch.autograd.Function):
    """The end state of a solve; gradients by the adjoint problem, solved backwards (Pontryagin; Chen et al. 2018).

    With a = dL/dz it is a' = -a ∂f/∂z, and the weights' gradient has the slope -a ∂f/∂w. z is solved backwards again,
    so that nothing of the way is kept.
    """

    @staticmethod
    def forward(
        ctx: Any, run: Callable[..., Tensor], f: VectorField, times: list[float], z: Tensor, *weights: Tensor
    ) -> Tensor:
        end = run(f, z, times)
        ctx.run, ctx.f, ctx.times = run, f, times
        ctx.save_for_backward(end, *weights)
        return end

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        end, *weights = ctx.saved_tensors
        size, shapes = end.numel(), [weight.shape for weight in weights]
        sizes = [size, size, *(weight.numel() for weight in weights)]

        def augmented(s: Tensor, state: Tensor) -> Tensor:
            with torch.enable_grad():
                z = state[:size].view_as(end).detach().requires_grad_()
                slope = ctx.f(s, z)
                a = state[size : 2 * size].view_as(slope)
                found = torch.autograd.grad(slope, (z, *weights), a, allow_unused=True, materialize_grads=True)
            return torch.cat([slope.detach().flatten(), *(-value.flatten() for value in found)])

        start = torch.cat([end.flatten(), gradient.flatten(), end.new_zeros(sum(sizes[2:]))])
        _, a, *found = torch.split(ctx.run(augmented, start, ctx.times[::-1], 2 * size), sizes)
        pairs = zip(found, weights, shapes, strict=True)
        real = [
            (value if weight.is_complex() else value.real).reshape(shape).to(weight.dtype)
            for value, weight, shape in pairs
        ]
        return None, None, None, a.view_as(end), *real


def _measured(attempt: Callable[..., Attempt], size: int) -> Callable[..., Attempt]:
    """The step with an error of its first `size` components alone: the others are integrals that nothing depends on."""

    def measured(*arguments: Tensor) -> Attempt:
        tried = attempt(*arguments)
        error = tried.error * math.sqrt(tried.error.numel() / size)
        error[size:] = 0
        return tried._replace(error=error)

    return measured
