"""The views of corrector networks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from hyperdsl.codegen.torch.expressions import number
from hyperdsl.codegen.torch.warm import WarmView, warm_view
from hyperdsl.plan import Evaluate, Plan
from hyperdsl.semantics.layer_model import (
    Activate,
    Activation,
    Bilinear,
    Conv2d,
    Layer,
    Linear,
    Residual,
    SmoothActivation,
)
from hyperdsl.semantics.model import Corrector
from hyperdsl.semantics.names import class_name
from hyperdsl.theory.exact import Exact

_ACTIVATIONS: dict[Activation, str] = {
    "relu": "nn.ReLU()",
    "prelu": "nn.PReLU()",
    "tanh": "nn.Tanh()",
    "softplus": "nn.Softplus()",
    "silu": "nn.SiLU()",
    "gelu": "nn.GELU()",
    "sin": "_Sine()",
}
_DERIVATIVES: dict[SmoothActivation, str] = {
    "tanh": "(1 - torch.tanh(a) ** 2)",
    "softplus": "torch.sigmoid(a)",
    "silu": "torch.sigmoid(a) * (1 + a * torch.sigmoid(-a))",
    "gelu": "(0.5 * torch.erfc(-a / math.sqrt(2)) + a * torch.exp(-(a**2) / 2) / math.sqrt(2 * math.pi))",
    "sin": "torch.cos(a)",
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
    sine: bool
    residual: bool
    bilinear: BilinearView | None

    @property
    def warm(self) -> WarmView | None:
        """How it starts from the vector field, if it does."""
        return self.bilinear.warm if self.bilinear else None


@dataclass(frozen=True)
class BilinearView:
    """A bilinear first layer: the maps a and b, σ'(a), and what b reads, `count` features; `form` is a sentence."""

    form: str
    a: str
    b: str
    derivative: str
    count: str
    shape: str
    parts: tuple[str, ...]
    warm: WarmView | None


@dataclass(frozen=True)
class _Use:
    """A corrector as a base uses it: the stages it gets, and the base's free and learned parameters."""

    corrector: Corrector
    seen: tuple[str, ...]
    parameters: tuple[str, ...]
    leading: Exact | None

    @property
    def slopes(self) -> tuple[str, ...]:
        """What a bilinear layer's b reads: dz first, however the spec orders them."""
        return self.seen if self.corrector.bilinear else ()

    @property
    def features(self) -> tuple[str, ...]:
        """The inputs that the first layer reads; for a bilinear one those of a, z first."""
        inputs = self.corrector.inputs
        if not self.corrector.bilinear:
            return inputs
        return tuple(sorted((name for name in inputs if name not in ("dz", "stages")), key=lambda name: name != "z"))


def corrector_views(plans: tuple[Plan, ...]) -> tuple[tuple[CorrectorView, ...], dict[str, str]]:
    """The classes that the plans' correctors need, and the name of each solver's.

    A corrector that reads the stages of several bases, which are not equally many, is a class for each.
    """
    names: dict[_Use, str] = {}
    of_solver: dict[str, str] = {}
    for plan in plans:
        corrector = plan.corrector
        if not isinstance(corrector, Corrector):
            continue
        factor = leading_factor(corrector, plan)
        use = _Use(corrector, _arguments(corrector, plan.seen), plan.parameters, factor)
        name = class_name(corrector.name)
        if use not in names and name in names.values():
            name += class_name(plan.name)
        of_solver[plan.name] = names.setdefault(use, name)
    return tuple(_view(name, use) for use, name in names.items()), of_solver


def _arguments(corrector: Corrector, seen: tuple[str, ...]) -> tuple[str, ...]:
    """What the network calls the stages it gets: the first is dz where it reads that."""
    return ("dz", *seen[1:]) if "dz" in corrector.inputs else seen


def leading_factor(corrector: Corrector, plan: Plan) -> Exact | None:
    """The factor of J f in the leading term of the base's local error, where a warm-started g is that at first.

    It is 1/2 − Σ b_i a_ij for a method of order 1, and no number where the coefficients are learned.
    """
    alone = corrector.start == "field" and len(corrector.layers) == 1
    step = plan.step
    if not alone or step.start is not None or plan.order != 1:
        return None
    rows = {s.name: s.of for s in step.body if isinstance(s, Evaluate)}
    found = Exact.of(Fraction(1, 2))
    for weight in (term for term in step.base if term.power):
        for entry in (term for term in rows.get(weight.name, ()) if term.power):
            found -= weight.coefficient.value * entry.coefficient.value
    return None if found.parameters else found


def _view(name: str, use: _Use) -> CorrectorView:
    corrector = use.corrector
    convolutional = corrector.convolutional
    arguments = ["eps: Tensor", "s: Tensor", "x: Tensor | None", "z: Tensor"]
    arguments += [f"{extra}: Tensor" for extra in (*use.seen, *use.parameters)]
    layers, width = _layers(corrector.layers, convolutional)
    functions = [
        layer.function if isinstance(layer, Activate) else layer.activation
        for layer in corrector.layers
        if isinstance(layer, Activate | Residual)
    ]
    return CorrectorView(
        name=name,
        summary=_summary(use),
        convolutional=convolutional,
        input_shape="x" in corrector.inputs,
        eps="eps" in corrector.inputs,
        layers=layers,
        last=_weights(
            convolutional, width, "size", _last_kernel(corrector.layers), bias=bool(layers) or not corrector.bilinear
        ),
        features=_count(use, use.features),
        feature_shape="features, 1, 1" if convolutional else "features",
        output_shape="size, 1, 1" if convolutional else "size",
        parts=tuple(part for value in use.features for part in _parts(value, use, convolutional)),
        arguments=", ".join(arguments),
        names=", ".join(["eps", "s", "x", "z", *use.seen, *use.parameters]),
        bound="" if corrector.bound is None else _factor(corrector.bound),
        sine="sin" in functions,
        residual=any(isinstance(layer, Residual) for layer in corrector.layers),
        bilinear=None if corrector.bilinear is None else _bilinear(corrector.bilinear, use),
    )


def _bilinear(layer: Bilinear, use: _Use) -> BilinearView:
    """The parts of a bilinear layer. Time's own slope is 1: b has a constant term where g reads s."""
    convolutional, width, kernel = layer.kernel is not None, str(layer.width), layer.kernel or 0
    warm = warm_view(layer, use.leading) if use.corrector.start == "field" else None
    factors = f"a is affine in {', '.join(use.features)}, b linear in {', '.join(use.slopes)}"
    return BilinearView(
        form=f"Its first layer is σ'(a) ⊙ b, the form of J f for f = W2 σ(W1 z): σ is {layer.activation}, {factors}.",
        a=_weights(convolutional, "features", width, kernel),
        b=_weights(convolutional, "slopes", width, kernel, bias="s" in use.corrector.inputs),
        derivative=_DERIVATIVES[layer.activation],
        count=_multiple(len(use.slopes)),
        shape="slopes, 1, 1" if convolutional else "slopes",
        parts=tuple(_shaped(name, "self.axes", convolutional) for name in use.slopes),
        warm=warm,
    )


def _factor(value: Exact) -> str:
    """A number that one can multiply with or divide by."""
    text = number(value)
    return f"({text})" if "/" in text else text


def _summary(use: _Use) -> str:
    corrector = use.corrector
    bound = "" if corrector.bound is None else f", each component between ±{corrector.bound}"
    start = "zero until it is trained" if use.leading is None else f"at first {use.leading} J f, by the layers of f"
    return f"g({', '.join(corrector.inputs)}){bound}; {start}."


def _layers(layers: tuple[Layer, ...], convolutional: bool) -> tuple[tuple[str, ...], str]:
    """The hidden layers after a bilinear one, and the width that the last one reads."""
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
            case Residual(inside, activation, kernel):
                inward = _weights(convolutional, width, str(inside), kernel or 0)
                outward = _weights(convolutional, str(inside), width, kernel or 0)
                written.append(f"_Residual({inward}, {_ACTIVATIONS[activation]}, {outward})")
            case Bilinear(outputs):
                width = str(outputs)
            case _:
                assert_never(layer)
    return tuple(written), width


def _last_kernel(layers: tuple[Layer, ...]) -> int:
    """The kernel of the layer to the state's shape: the last one that there is."""
    kernels = [layer.kernel for layer in layers if isinstance(layer, Conv2d | Residual | Bilinear) and layer.kernel]
    return kernels[-1] if kernels else _DEFAULT_KERNEL


def _weights(convolutional: bool, inputs: str, outputs: str, kernel: int, *, bias: bool = True) -> str:
    without = "" if bias else ", bias=False"
    if convolutional:
        return f'nn.Conv2d({inputs}, {outputs}, {kernel}, padding="same"{without})'
    return f"nn.Linear({inputs}, {outputs}{without})"


def _multiple(count: int) -> str:
    """So many states' features: `2 * size`."""
    return "size" if count == 1 else f"{count} * size"


def _count(use: _Use, inputs: tuple[str, ...]) -> str:
    """How many features there are: `2 * size + 2`."""
    states = ("z" in inputs) + (0 if use.slopes else len(use.seen))
    scalars = sum(name in ("s", "eps") or name in use.parameters for name in inputs)
    terms = [_multiple(states)] if states else []
    if "x" in inputs:
        terms.append("input_shape[0]" if use.corrector.convolutional else "math.prod(input_shape)")
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
            return [_scalar("near_eps" if use.corrector.start == "field" else "log_eps", convolutional)]
        case _:
            return [_scalar(value, convolutional)]


def _shaped(name: str, axes: str, convolutional: bool) -> str:
    return f"_images({name}, batch)" if convolutional else f"_columns({name}, {axes}, batch)"


def _scalar(name: str, convolutional: bool) -> str:
    return f"_constant({name}, batch, space)" if convolutional else f"_column({name}, batch)"
