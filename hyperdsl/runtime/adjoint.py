"""Gradients by the adjoint problem, in memory that does not grow with the number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn

from .adaptive import AdaptiveSteps, numbers
from .control import Control
from .field import Counted, fielded
from .gradients import refused
from .loop import Problem
from .solution import checked
from .state import Restore, Scalar, State, VectorField
from .stops import Sided, stops_of
from .tolerance import Tolerance, fitted
from .transforms import require_plain


class AdjointSteps(AdaptiveSteps):
    """Joint steps whose gradients may come from the adjoint problem."""

    def adjoint(  # type: ignore[override]  # `weights` would be a parameter of the method
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        *,
        x: Tensor | None = None,
        rtol: Tolerance | None = None,
        atol: Tolerance | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        max_step: float | None = None,
        min_step: float | None = None,
        stops: Tensor | Sequence[float] | None = None,
        weights: Sequence[Tensor] | None = None,
        seminorm: bool = False,
        **free: Scalar,
    ) -> State:
        """As a call, with gradients by the adjoint problem: memory does not grow with the number of steps.

        The settings are those of `solve`. Gradients are those of z0, x, the span's ends and `weights`, which are what f
        depends on besides and may have a gradient: a module's parameters unless given. Errors of each weight's gradient
        count as the state's do, as means of their own; seminorm: leave them out, which takes fewer steps (Kidger et al.
        2021).

        ValueError where f is no module and `weights` are not given (`weights=()` where there are none), where a module
        depends on tensors with a gradient that are none of its parameters, and where a parameter of the method wants a
        gradient. Gradients cannot be differentiated again.
        """
        control = self.control.changed(rtol, atol, first_step, max_steps, max_step, min_step)
        own = weights_of(f, weights)
        inputs = [value for value in (*own, x) if isinstance(value, Tensor) and value.requires_grad]
        joined, flat, restore = self._one_tensor(f, z0)
        require_plain(False, flat, x)
        handed = self.handed(flat, free)
        _require_no_gradient(handed)
        field = fielded(joined, x, flat)
        control = fitted(control, flat, restore.shapes)
        run = partial(self._run, handed, stops_of(stops, flat), flat.detach())
        known = inputs if weights is None and torch.is_grad_enabled() else None
        given = (run, field, known, control, seminorm, *self._span(flat, span), flat, *inputs)
        end: State = restore(_Adjoint.apply(*given))  # type: ignore[no-untyped-call]
        return end

    def _run(
        self,
        handed: dict[str, Tensor],
        stops: tuple[float, ...],
        like: Tensor,
        f: VectorField,
        control: Control,
        z: Tensor,
        times: Sequence[Tensor],
    ) -> Tensor:
        """The state at the end; f gets times in the dtype of `like`."""
        sided = Sided(f, like, stops) if stops else None
        counted = Counted(sided or f)
        attempt = partial(self.attempt, counted, None, **handed)
        problem = Problem(attempt, counted, z, Restore(), sided=sided, plain=self._plain(handed))
        end: Tensor = checked(problem.solve(control, numbers(times), dense=False)[0], throw=True).z
        return end


class _Adjoint(torch.autograd.Function):
    """The end state of a solve; gradients by the adjoint problem, solved backwards (Pontryagin; Chen et al. 2018).

    With a = dL/dz it is a' = -a ∂f/∂z, and the weights' gradient has the slope -a ∂f/∂w. z is solved backwards again,
    so that nothing of the way is kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        run: Callable[..., Tensor],
        f: VectorField,
        known: Sequence[Tensor] | None,
        control: Control,
        seminorm: bool,
        start: Tensor,
        end: Tensor,
        z: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        state = run(_Alone(f, known), control, z.detach(), (start, end))
        ctx.run, ctx.f, ctx.control, ctx.seminorm = run, f, control, seminorm
        ctx.save_for_backward(start, end, z, state, *weights)
        return state

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        start, end, z, state, *weights = ctx.saved_tensors
        with torch.no_grad():
            a, *found = _solved_back(ctx, (end, start), gradient, state, weights)
            times = [
                _along(_Alone(ctx.f, None)(time.detach(), at), slope).to(time.dtype) if time.requires_grad else None
                for time, at, slope in ((start, z, -a), (end, state, gradient))
            ]
        whole = [*times, a, *found]
        if torch.is_grad_enabled():
            whole = [
                value if value is None else refused(_TWICE, value, gradient, *ctx.saved_tensors) for value in whole
            ]
        return (*(None,) * 5, *whole)


def _solved_back(
    ctx: Any, times: Sequence[Tensor], gradient: Tensor, end: Tensor, weights: Sequence[Tensor]
) -> list[Tensor]:
    """The gradients of the start and of the weights."""
    likes = [end, end, *weights]
    real = reduce(torch.promote_types, (like.dtype.to_real() for like in likes))
    dtype = real.to_complex() if end.is_complex() else real

    def augmented(s: Tensor, state: Tensor) -> Tensor:
        z, a = (_parted(part, end) for part in torch.split(state, sizes)[:2])
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            slope = ctx.f(s, z)
            found = _pulled_back(slope, a, (z, *weights))
        return torch.cat([_flat(slope.detach(), dtype), *(_flat(-value, dtype) for value in found)])

    zeros = [torch.zeros_like(weight) for weight in weights]
    start = [_flat(value, dtype) for value in (end, gradient, *zeros)]
    sizes = [len(part) for part in start]
    parts = (sizes[0] + sizes[1], *(() if ctx.seminorm else sizes[2:]))
    rtol, atol = (_repeated(value, end, sum(sizes[2:])) for value in (ctx.control.rtol, ctx.control.atol))
    control = replace(ctx.control, rtol=rtol, atol=atol, parts=parts)
    solved = ctx.run(augmented, control, torch.cat(start), times)
    return [_parted(part, like) for part, like in zip(torch.split(solved, sizes), likes, strict=True)][1:]


def _repeated(tolerance: float | Tensor, z: Tensor, rest: int) -> float | Tensor:
    """A tolerance for the state, its gradient, and the rest of the vector, where the smallest one holds."""
    if not isinstance(tolerance, Tensor):
        return tolerance
    own = tolerance.expand(z.shape).reshape(-1)
    return torch.cat((own, own, own.amin().expand(rest) if len(own) else own.new_empty(rest)))


def _along(slope: Tensor, gradient: Tensor) -> Tensor:
    """The derivative by time of what has this gradient by a state with this slope."""
    return (slope.conj() * gradient).real.sum()


_TWICE = (
    "gradients by the adjoint problem cannot be differentiated again: call the solver itself, whose gradients can, in "
    "place of its `adjoint`"
)


def _pulled_back(slope: Tensor, a: Tensor, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """a ∂slope/∂inputs."""
    if not slope.requires_grad:  # a constant slope
        return [torch.zeros_like(value) for value in inputs]
    return torch.autograd.grad(slope, inputs, a, allow_unused=True, materialize_grads=True)


def _flat(value: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor as components of a vector of this dtype; where that is real, real and imaginary parts."""
    if value.is_complex() and not dtype.is_complex:
        value = torch.view_as_real(value)
    return value.reshape(-1).to(dtype)


def _parted(flat: Tensor, like: Tensor) -> Tensor:
    """The way back."""
    if like.is_complex() and not flat.is_complex():
        flat = torch.view_as_complex(flat.view(-1, 2).contiguous())
    return (flat if like.is_complex() else flat.real).to(like.dtype).view(like.shape)


class _Alone:
    """f whose argument is a leaf, so that f may differentiate inside itself; nothing of the graph is kept.

    The first slope's graph is looked through: a ValueError where it hangs on anything but what is `known`.
    """

    def __init__(self, f: VectorField, known: Sequence[Tensor] | None) -> None:
        self.f, self.known = f, known

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        if torch.is_inference_mode_enabled():
            slope: Tensor = self.f(s, z)
            return slope
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            slope = self.f(s, z)
        if self.known is not None:
            _require_known(slope, (z, *self.known))
            self.known = None
        return slope.detach()


def weights_of(f: VectorField, weights: Any) -> tuple[Tensor, ...]:
    """The weights of f: those given, or a module's parameters; ValueError where there is neither."""
    if isinstance(weights, nn.Module):
        weights = weights.parameters()
    if weights is None:
        if not isinstance(f, nn.Module):
            raise ValueError(
                f"f is no nn.Module but {_told(f)}, so its weights are not known: pass what it depends on and may have "
                "a gradient as weights=, such as weights=tuple(net.parameters()), or weights=() where there is nothing"
            )
        weights = f.parameters()
    found = tuple(weights) if not isinstance(weights, Tensor) else (None,)
    if not all(isinstance(weight, Tensor) for weight in found):
        raise TypeError("weights are a list or tuple of tensors")
    return found


def _told(f: Any) -> str:
    return f"a {type(f).__name__}" if not hasattr(f, "__name__") else f"the {type(f).__name__} {f.__name__}"


def _require_no_gradient(handed: Mapping[str, Tensor]) -> None:
    """ValueError where a parameter of the method wants a gradient, which the adjoint problem does not have."""
    wanted = [name for name, value in handed.items() if value.requires_grad]
    if wanted and torch.is_grad_enabled():
        raise ValueError(
            f"the adjoint problem has no gradient for {', '.join(wanted)}, on which the end depends through the error "
            "of the steps alone: call the solver itself for that, or detach it"
        )


def _require_known(slope: Tensor, known: Sequence[Tensor]) -> None:
    """ValueError where a slope hangs on other leaves than those known."""
    own = {id(tensor) for tensor in known}
    lost = [leaf for leaf in _leaves(slope, known) if id(leaf) not in own]
    if lost:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in lost[:4])
        raise ValueError(
            f"f depends on tensors that are none of its parameters and may have a gradient (of shape {shapes}), which "
            "would be lost: register them with the module, or pass all that f depends on as weights="
        )


def _leaves(slope: Tensor, known: Sequence[Tensor]) -> Iterator[Tensor]:
    """The leaves of a tensor's graph, which is followed up to the tensors that are known."""
    seen: set[Any] = {tensor.grad_fn for tensor in known if tensor.grad_fn is not None}
    waiting = [slope.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        waiting += [following for following, _ in node.next_functions]
