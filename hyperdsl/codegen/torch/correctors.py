"""The views of corrector networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from hyperdsl.codegen.torch.expressions import number, tuple_text
from hyperdsl.codegen.torch.warm import MODULES, layer_text
from hyperdsl.plan import Evaluate, Linearise, Plan
from hyperdsl.semantics.model.layers import (
    Activate,
    Activation,
    Bilinear,
    Conv2d,
    Layer,
    Linear,
    Residual,
)
from hyperdsl.semantics.model.spec import Corrector
from hyperdsl.semantics.reading.names import class_name
from hyperdsl.theory.numbers.exact import Exact

_ACTIVATIONS: dict[Activation, str] = {
    "relu": "nn.ReLU()",
    "prelu": "nn.PReLU()",
    **{name: f"{module}()" for name, module in MODULES.items()},
}
_DEFAULT_KERNEL = 3


@dataclass(frozen=True)
class CorrectorView:
    """A corrector's class below `base`: what it hands to that, its layers and what the last one takes, as Python text.

    `features` are the names of what its first layer reads, and `output` is the form of its output. `warm`: it starts
    from the layers of the vector field, with `factor` times J f, "" for a g of zero. It uses these names of the
    `runtime`.
    """

    name: str
    summary: str
    base: str
    runtime: tuple[str, ...]
    input_shape: bool
    arguments: tuple[str, ...]
    features: str
    output: str
    layers: tuple[str, ...]
    last: str
    warm: bool
    factor: str


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
    linearised = any(isinstance(statement, Linearise) for statement in step.body)
    if not alone or step.start is not None or plan.order != 1 or linearised:
        return None
    rows = {s.name: s.of for s in step.body if isinstance(s, Evaluate)}
    found = Exact.of(Fraction(1, 2))
    for weight in (term for term in step.base if term.power):
        for entry in (term for term in rows.get(weight.name, ()) if term.power):
            found -= weight.coefficient.value * entry.coefficient.value
    return None if found.parameters else found


def _view(name: str, use: _Use) -> CorrectorView:
    corrector = use.corrector
    layers, width = _layers(corrector.layers)
    form = "Relative" if corrector.output == "relative" else ""
    base = form + ("Conv" if corrector.convolutional else "") + ("Bilinear" if corrector.bilinear else "Corrector")
    reads = [place for value in use.features for place in _expanded(value, use)]
    arguments = ["state_shape", _names(reads)]
    if use.seen != (("dz",) if "dz" in reads else ()) or corrector.bilinear:
        arguments.append(f"seen={_names(use.seen)}")
    arguments += _bilinear(corrector.bilinear, use) if corrector.bilinear else []
    arguments += ["input_shape=input_shape"] if "x" in corrector.inputs else []
    arguments += [] if corrector.bound is None else [f"bound={number(corrector.bound)}"]
    arguments += [] if corrector.outside == "warn" else [f'outside="{corrector.outside}"']
    last = [width] + ([str(_last_kernel(corrector.layers))] if corrector.convolutional else [])
    last += [] if layers or not corrector.bilinear else ["bias=False"]
    return CorrectorView(
        name=name,
        summary=_summary(use),
        base=base,
        runtime=(base, *(name for name in ("Residual", "Sine") if any(name in text for text in (*layers, *arguments)))),
        input_shape="x" in corrector.inputs,
        arguments=tuple(arguments),
        features=_names([*reads, *(["log|dz|"] if corrector.output == "relative" else [])]),
        output=corrector.output,
        layers=layers,
        last=", ".join(last),
        warm=corrector.start == "field",
        factor="" if use.leading is None else number(use.leading),
    )


def _names(names: Sequence[str]) -> str:
    return tuple_text([f'"{name}"' for name in names])


def _expanded(value: str, use: _Use) -> tuple[str, ...]:
    """The features of one input: of `stages` those that are not dz."""
    if value != "stages":
        return (value,)
    return use.seen[1:] if "dz" in use.corrector.inputs else use.seen


def _bilinear(layer: Bilinear, use: _Use) -> list[str]:
    """The arguments of a bilinear first layer."""
    arguments = [f"width={layer.width}", f"activation={MODULES[layer.activation]}"]
    arguments += [f"kernel={layer.kernel}"] if layer.kernel is not None else []
    arguments += ["warm=True"] if use.corrector.start == "field" else []
    return arguments + (["scaled=False"] if use.leading is not None else [])


def _summary(use: _Use) -> str:
    corrector = use.corrector
    bound = "" if corrector.bound is None else f", each component between ±{corrector.bound}"
    start = "zero until it is trained" if use.leading is None else f"at first {use.leading} J f, by the layers of f"
    relative = ", relative to the size of dz" if corrector.output == "relative" else ""
    return f"g({', '.join(corrector.inputs)}){relative}{bound}; {start}."


def _layers(layers: tuple[Layer, ...]) -> tuple[tuple[str, ...], str]:
    """The hidden layers after a bilinear one, and the width that the last one reads."""
    written: list[str] = []
    width = "self.features"
    for layer in layers:
        match layer:
            case Activate(function):
                written.append(_ACTIVATIONS[function])
            case Linear(outputs):
                written.append(layer_text(width, str(outputs)))
                width = str(outputs)
            case Conv2d(outputs, kernel):
                written.append(layer_text(width, str(outputs), kernel))
                width = str(outputs)
            case Residual(inside, activation, kernel):
                inward = layer_text(width, str(inside), kernel)
                outward = layer_text(str(inside), width, kernel)
                written.append(f"Residual({inward}, {_ACTIVATIONS[activation]}, {outward})")
            case Bilinear(outputs):
                width = str(outputs)
            case _:
                assert_never(layer)
    return tuple(written), width


def _last_kernel(layers: tuple[Layer, ...]) -> int:
    """The kernel of the layer to the state's shape: the last one that there is."""
    kernels = [layer.kernel for layer in layers if isinstance(layer, Conv2d | Residual | Bilinear) and layer.kernel]
    return kernels[-1] if kernels else _DEFAULT_KERNEL
