"""The views of corrector networks."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.torch.expressions import number
from hyperdsl.plan import AnyPlan
from hyperdsl.semantics.model import Activate, Activation, Conv2d, Corrector, Layer, Linear
from hyperdsl.semantics.names import class_name
from hyperdsl.theory.exact import Exact

_ACTIVATIONS: dict[Activation, str] = {
    "relu": "nn.ReLU()",
    "prelu": "nn.PReLU()",
    "tanh": "nn.Tanh()",
    "softplus": "nn.Softplus()",
    "silu": "nn.SiLU()",
    "gelu": "nn.GELU()",
}
_DEFAULT_KERNEL = 3


@dataclass(frozen=True)
class CorrectorView:
    """A corrector's class. `features` counts what the first layer reads, `parts` are its terms, in the spec's order."""

    name: str
    summary: str
    convolutional: bool
    input_shape: bool
    eps: bool
    layers: tuple[str, ...]
    last: str
    features: str
    feature_shape: str
    output_shape: str
    parts: tuple[str, ...]
    arguments: str
    names: str
    bound: str


@dataclass(frozen=True)
class _Use:
    """A corrector as a base uses it: the stages it gets, and the base's free and learned parameters."""

    corrector: Corrector
    seen: tuple[str, ...]
    parameters: tuple[str, ...]


def corrector_views(plans: tuple[AnyPlan, ...]) -> tuple[tuple[CorrectorView, ...], dict[str, str]]:
    """The classes that the plans' correctors need, and the name of each solver's.

    A corrector that reads the stages of several bases, which are not equally many, is a class for each.
    """
    names: dict[_Use, str] = {}
    of_solver: dict[str, str] = {}
    for plan in plans:
        corrector = plan.solver.corrector
        if not isinstance(corrector, Corrector):
            continue
        use = _Use(corrector, _arguments(corrector, plan.seen), plan.solver.parameters)
        name = class_name(corrector.name)
        if use not in names and name in names.values():
            name += class_name(plan.solver.name)
        of_solver[plan.solver.name] = names.setdefault(use, name)
    return tuple(_view(name, use) for use, name in names.items()), of_solver


def _arguments(corrector: Corrector, seen: tuple[str, ...]) -> tuple[str, ...]:
    """What the network calls the stages it gets: the first is dz where it reads that."""
    return ("dz", *seen[1:]) if "dz" in corrector.inputs else seen


def _view(name: str, use: _Use) -> CorrectorView:
    corrector = use.corrector
    convolutional = any(isinstance(layer, Conv2d) for layer in corrector.layers)
    arguments = ["eps: Tensor", "s: Tensor", "x: Tensor | None", "z: Tensor"]
    arguments += [f"{extra}: Tensor" for extra in (*use.seen, *use.parameters)]
    layers, width = _layers(corrector.layers, convolutional)
    kernel = next((layer.kernel for layer in reversed(corrector.layers) if isinstance(layer, Conv2d)), _DEFAULT_KERNEL)
    return CorrectorView(
        name=name,
        summary=_summary(corrector),
        convolutional=convolutional,
        input_shape="x" in corrector.inputs,
        eps="eps" in corrector.inputs,
        layers=layers,
        last=_weights(convolutional, width, "size", kernel),
        features=_count(use, convolutional),
        feature_shape="features, 1, 1" if convolutional else "features",
        output_shape="size, 1, 1" if convolutional else "size",
        parts=tuple(part for value in corrector.inputs for part in _parts(value, use, convolutional)),
        arguments=", ".join(arguments),
        names=", ".join(["eps", "s", "x", "z", *use.seen, *use.parameters]),
        bound="" if corrector.bound is None else _factor(corrector.bound),
    )


def _factor(value: Exact) -> str:
    """A number that one can multiply with or divide by."""
    text = number(value)
    return f"({text})" if "/" in text else text


def _summary(corrector: Corrector) -> str:
    bound = "" if corrector.bound is None else f", each component between ±{corrector.bound}"
    return f"g({', '.join(corrector.inputs)}){bound}; zero until it is trained."


def _layers(layers: tuple[Layer, ...], convolutional: bool) -> tuple[tuple[str, ...], str]:
    """The hidden layers, and the width that the last one reads."""
    written: list[str] = []
    width = "features"
    for layer in layers:
        match layer:
            case Activate(function):
                written.append(_ACTIVATIONS[function])
            case Linear(outputs):
                written.append(_weights(convolutional, width, str(outputs), 0))
                width = str(outputs)
            case Conv2d(outputs, kernel):
                written.append(_weights(convolutional, width, str(outputs), kernel))
                width = str(outputs)
    return tuple(written), width


def _weights(convolutional: bool, inputs: str, outputs: str, kernel: int) -> str:
    if convolutional:
        return f'nn.Conv2d({inputs}, {outputs}, {kernel}, padding="same")'
    return f"nn.Linear({inputs}, {outputs})"


def _count(use: _Use, convolutional: bool) -> str:
    """How many features there are: `2 * size + 2`."""
    inputs = use.corrector.inputs
    states = ("z" in inputs) + len(use.seen)
    scalars = sum(name in ("s", "eps") or name in use.parameters for name in inputs)
    terms = []
    if states:
        terms.append("size" if states == 1 else f"{states} * size")
    if "x" in inputs:
        terms.append("input_shape[0]" if convolutional else "math.prod(input_shape)")
    if scalars:
        terms.append(str(scalars))
    return " + ".join(terms)


def _parts(value: str, use: _Use, convolutional: bool) -> list[str]:
    """The features of one input."""
    match value:
        case "z":
            return [_shaped("z", "self.axes", convolutional)]
        case "dz":
            return [_shaped("dz", "self.axes", convolutional)]
        case "x":
            return [_shaped("x", "self.input_axes", convolutional)]
        case "stages":
            others = use.seen[1:] if "dz" in use.corrector.inputs else use.seen
            return [_shaped(name, "self.axes", convolutional) for name in others]
        case "eps":
            return [_scalar("log_eps", convolutional)]
        case _:
            return [_scalar(value, convolutional)]


def _shaped(name: str, axes: str, convolutional: bool) -> str:
    return f"_images({name}, batch)" if convolutional else f"_columns({name}, {axes}, batch)"


def _scalar(name: str, convolutional: bool) -> str:
    return f"_constant({name}, batch, space)" if convolutional else f"_column({name}, batch)"
