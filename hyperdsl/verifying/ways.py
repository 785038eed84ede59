"""Two ways to run a function of a generated class on formal values: as it is, and as the graph that torch.fx traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from torch import fx, nn

from hyperdsl.runtime.history import Past
from hyperdsl.runtime.state import beside
from hyperdsl.verifying.formal import Formal, World, polynomials


class Way(Protocol):
    """Calls a function of the solver, given by its name."""

    def __call__(self, function: str, *arguments: Any, **parameters: Formal) -> Any: ...


def plainly(solver: nn.Module, names: dict[str, Any], world: World) -> Way:
    """The function itself, with what it takes of the runtime for formal values: `names` are its module's."""

    def call(function: str, *arguments: Any, **parameters: Formal) -> Any:
        names.update(_leaves(world))
        return getattr(solver, function)(*arguments, **parameters)

    return call


def traced(solver: nn.Module, names: dict[str, Any], world: World) -> Way:
    """The function traced on proxies, then the graph run node by node."""

    def call(function: str, *arguments: Any, **parameters: Formal) -> Any:
        tracing = _Tracing()
        names.update({name: tracing.leaf(run) for name, run in _leaves(world).items()})
        proxies = [tracing.proxy(argument) for argument in arguments]
        named = {name: tracing.proxy(value) for name, value in parameters.items()}
        result = getattr(solver, function)(*proxies, **named)
        names.update(_leaves(world))
        return tracing.run(result)

    return call


def _leaves(world: World) -> dict[str, Callable[..., Any]]:
    """The functions of the runtime that lines of steps call; its bytes are compared, so they are not run."""
    solving: dict[str, Callable[..., Any]] = {
        "filtered": world.filtered,
        "increments": world.increments,
        "solved": world.solved,
    }
    return {"beside": beside, "polynomials": polynomials, **solving}


class _Tracing:
    """One graph, and the values that go in."""

    def __init__(self) -> None:
        self.graph = fx.Graph()
        self.tracer = fx.proxy.GraphAppendingTracer(self.graph)
        self.values: list[Any] = []

    def proxy(self, value: Any) -> Any:
        """What stands for the value; for each of several."""
        if isinstance(value, Past):
            return Past(self.proxy(value.states), self.proxy(value.derivatives))
        if isinstance(value, tuple):
            return tuple(map(self.proxy, value))
        self.values.append(value)
        return fx.Proxy(self.graph.placeholder(f"in{len(self.values)}"), self.tracer)

    def leaf(self, run: Callable[..., Any]) -> Callable[..., fx.Proxy]:
        """A node of its own."""
        return lambda *arguments: self.tracer.create_proxy("call_function", run, arguments, {})

    def run(self, result: Any) -> Any:
        """The graph's output, on the values."""
        self.graph.output(self.tracer.create_arg(result))
        return fx.Interpreter(nn.Module(), graph=self.graph).run(*self.values)
