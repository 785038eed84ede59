"""Learned parameters of a base: what training changes besides g, and what they keep to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from hyperdsl.training.protocol import is_graded, learned_names, learns_grid
from hyperdsl.training.rows import Rows, in_dtype
from hyperdsl.training.settings import Adversarial, End, Loss, Settings, Trajectory
from hyperdsl.training.targets import Targets


class Learned(NamedTuple):
    """What the learned parameters of a base keep to: where each starts and the ends of its range, and a bound.

    The bound is that of the tableau's `coefficients` that depend on the parameters.
    """

    ranges: Mapping[str, tuple[float, float, float]]
    bound: float
    coefficients: Callable[..., tuple[float, ...]]

    def has(self, values: Sequence[float]) -> bool:
        """Whether the coefficients keep to the bound at these values of the parameters."""
        try:
            return all(abs(coefficient) <= self.bound * (1 + 1e-6) for coefficient in self.coefficients(*values))
        except ZeroDivisionError:  # a pole of the family
            return False


def of(solver: object, settings: Mapping[type[nn.Module], Settings]) -> Settings:
    """The settings of the solver's class; TypeError for a solver that the package does not train."""
    found = settings.get(type(solver))  # type: ignore[arg-type]  # of whatever it is
    if found is None:
        names = ", ".join(known.__name__ for known in settings)
        raise TypeError(f"fit trains {names} of its own package, not {type(solver).__name__}")
    return found


def ranges_of(solver: object, learned: Learned | None) -> tuple[tuple[str, float, float], ...]:
    """The base's parameters and the ranges that training draws them from: of learned ones where they start."""
    free = tuple((name, low, high) for name, low, high, _ in getattr(solver, "free", ()))
    starts = tuple((name, start, start) for name, (start, _, _) in learned.ranges.items()) if learned else ()
    return (*free, *starts)


def corrector_of(solver: object) -> nn.Module | None:
    """The network g, if there is one."""
    corrector: nn.Module | None = getattr(solver, "corrector", None)
    return corrector


def trained_part(solver: nn.Module) -> nn.Module:
    """What training changes: the whole solver where its base or its grid learn something, else the corrector."""
    return solver if changes_method(solver) else solver.get_submodule("corrector")


def changes_method(solver: object) -> bool:
    """Whether training changes more than g."""
    return bool(learned_names(solver)) or learns_grid(solver)


def dtype_of(solver: object, states: Tensor, loss: Loss | None = None) -> torch.dtype:
    """What training computes in: the corrector's dtype; without one float64, or the states' for ends."""
    corrector = corrector_of(solver)
    if corrector is None:
        return states.dtype.to_real() if isinstance(loss, End) else torch.float64
    return next((p.dtype.to_real() for p in corrector.parameters()), states.dtype.to_real())


def loss_for(solver: nn.Module, loss: Loss | None) -> Loss | None:
    """The loss of a phase: where the base changes, the residual's is that of rollouts of one step."""
    if learned_names(solver) and isinstance(loss, Adversarial):
        raise ValueError("learned parameters of a base are not trained adversarially")
    if learns_grid(solver) and not isinstance(loss, End):
        raise ValueError("a learned grid is trained by the loss at the end of the span: targets would move with it")
    if is_graded(solver) and isinstance(loss, Trajectory) and loss.steps > 1:
        raise ValueError("rollouts of several steps from within a grid are not supported: take the loss at the end")
    return Trajectory(1) if learned_names(solver) and loss is None else loss


def learned_values(solver: object) -> dict[str, float]:
    """The learned parameters as they are now."""
    return (
        dict(zip(learned_names(solver), _coefficients(solver).tolist(), strict=True)) if learned_names(solver) else {}
    )


def _coefficients(solver: object) -> nn.Parameter:
    return cast(nn.Module, solver).get_parameter("coefficients")


def learned_tensors(solver: object, z: Tensor) -> dict[str, Tensor]:
    """The same as tensors like z, with their gradients."""
    if not learned_names(solver):
        return {}
    coefficients = _coefficients(solver).to(z.device, z.dtype.to_real())
    return dict(zip(learned_names(solver), coefficients, strict=True))


def missed(g: nn.Module | None, rows: Rows, targets: Targets) -> Tensor:
    """g − R, with R of the base as it is now."""
    if g is None:
        return -rows.target
    return in_dtype(rows.to(targets.trained).given(g), targets.dtype) - rows.target


def parameter_groups(g: nn.Module) -> list[dict[str, Any]]:
    """What the optimizer changes: weights, and what is learned of the method, which does not decay towards zero."""
    named = dict(g.named_parameters())
    names = ["coefficients"] * bool(learned_names(g)) + ["increments"] * learns_grid(g)
    own = [named.pop(name) for name in names]
    groups: list[dict[str, Any]] = [{"params": [*named.values()]}, {"params": own, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


@contextmanager
def kept_in_range(g: nn.Module, allowed: Learned | None) -> Iterator[None]:
    """What is done inside leaves learned parameters in their range, and coefficients within their bound.

    Of a step beyond the bound, as towards a pole of the family, a half, a quarter, … is taken.
    """
    if not learned_names(g) or allowed is None:
        yield
        return
    coefficients = g.get_parameter("coefficients")
    before = coefficients.tolist()
    yield
    stepped, ends = coefficients.tolist(), allowed.ranges.values()
    wanted = [min(max(value, low), high) for value, (_, low, high) in zip(stepped, ends, strict=True)]
    values = next(filter(allowed.has, _towards(wanted, before)), before)
    if values != stepped:
        with torch.no_grad():
            coefficients.copy_(torch.tensor(values, dtype=torch.float64))


def _towards(wanted: Sequence[float], before: Sequence[float]) -> Iterator[list[float]]:
    """What is wanted, and what lies a half, a quarter, … of the way there."""
    yield [*wanted]
    for halvings in range(1, 30):
        yield [start + (end - start) / 2**halvings for start, end in zip(before, wanted, strict=True)]


def written(solver: nn.Module, folder: Path) -> str:
    """What training found as a spec of its own: the method with its numbers, which `hyperdsl check` proves anew.

    `folder` is the package's, whose certificate has the method. ValueError for a solver without learned parameters.
    """
    name, names = type(solver).__name__, learned_names(solver)
    if not changes_method(solver):
        raise ValueError(f"{name} has no learned parameters")
    solvers = json.loads((folder / "certificate.json").read_text("utf-8"))["solvers"]
    spec: str = next(entry["trained"] for entry in solvers if entry["name"] == name)
    numbers = [f"({text})" if text.startswith("-") else text for text in _decimals(solver, names)]
    points = ", ".join(map(_point, solver.fractions())) if is_graded(solver) else ""
    return spec.format(**dict(zip(names, numbers, strict=True)), grid=points)


def _decimals(solver: nn.Module, names: tuple[str, ...]) -> list[str]:
    if not names:
        return []
    coefficients = solver.get_parameter("coefficients")
    exact = coefficients.dtype == torch.float64
    return [repr(value) if exact else f"{value:.9g}" for value in coefficients.tolist()]


def _point(value: float) -> str:
    return str(int(value)) if value in (0, 1) else repr(value)
