"""The view of a path: its schedule as a function of the model's times, line by line."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hyperdsl.codegen.expressions import ATOM, spelled
from hyperdsl.codegen.torch.expressions import PYTHON, number, tuple_text
from hyperdsl.plan import Plan
from hyperdsl.semantics.model.expressions import Expression, variables
from hyperdsl.semantics.model.path import PathModel

_TENSORS = {"t", "alpha"}
"""The names that are tensors; parameters are numbers."""


@dataclass(frozen=True)
class PathView:
    """The function of a path's schedule, and what `Path` gets besides, as Python text."""

    name: str
    function: str
    times: str
    lines: tuple[str, ...]
    predicts: str
    ends: str

    @property
    def mathematical(self) -> bool:
        """Whether a line reads `math`."""
        return any("math." in line for line in self.lines)


def path_views(plans: tuple[Plan, ...]) -> dict[str, PathView]:
    """The views of the solvers' paths, by the paths' names."""
    return {plan.path.name: _view(plan.path) for plan in plans if plan.path}


def _view(path: PathModel) -> PathView:
    parameters = tuple(f"{name} = {number(value)}" for name, value in path.parameters)
    return PathView(
        name=path.name,
        function=f"{path.name}_schedule",
        times=" .. ".join(map(str, path.times)),
        lines=(*parameters, *(f"{name} = {_tensor(value)}" for name, value in _parts(path))),
        predicts=path.predicts,
        ends=tuple_text([number(time) for time in path.times]),
    )


def _parts(path: PathModel) -> tuple[tuple[str, Expression], ...]:
    return ("alpha", path.alpha), ("sigma", path.sigma)


def _tensor(expression: Expression) -> str:
    """The expression, which is a tensor also where it does not depend on the time."""
    text = spelled(expression, _TORCH)
    return text if variables(expression) & _TENSORS else f"torch.full_like(t, {text})"


def _call(name: str, operand: Expression) -> tuple[str, int]:
    """A function of a tensor is torch's, one of numbers is Python's."""
    inner = spelled(operand, _TORCH)
    of_tensor = bool(variables(operand) & _TENSORS)
    module = "" if name == "abs" else "torch." if of_tensor else "math."
    return f"{module}{name}({inner})", ATOM


_TORCH = replace(PYTHON, call=_call, pi="math.pi")
