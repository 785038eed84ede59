"""What the `layers` of a corrector mean."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.model import layers as m
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Arguments, Settings, chosen, head
from hyperdsl.semantics.tables.solvers import ACTIVATIONS, BILINEAR, CONV2D, LINEAR, MAX_LAYERS, RESIDUAL, SMOOTH
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.printer import value_text

SIZED = ("linear", "conv2d", "residual", "bilinear")

DEFAULT_LAYERS = (m.Linear(64), m.Activate("silu"), m.Linear(64), m.Activate("silu"))


def read_layers(report: Report, settings: Settings) -> tuple[m.Layer, ...]:
    """The hidden layers; what is wrong with them is reported."""
    setting = settings.get("layers")
    if setting is None:
        return DEFAULT_LAYERS
    if not setting.values or len(setting.values) > MAX_LAYERS:
        report(catalogue.WRONG_VALUE, setting, word="layers", wants=f"1 to {MAX_LAYERS} layers")
    layers = [(value, _layer(report, value)) for value in setting.values]
    _check_mixture(report, layers)
    for value, layer in layers[1:]:
        if isinstance(layer, m.Bilinear):
            report(catalogue.BAD_INPUT, value, problem="a bilinear layer reads the inputs: it can only be the first")
    return tuple(layer for _, layer in layers if layer is not None)


def _check_mixture(report: Report, layers: list[tuple[n.Value, m.Layer | None]]) -> None:
    """Whether all layers are convolutions, or none is."""
    convolutions = {_is_convolution(layer): value for value, layer in reversed(layers) if _has_weights(layer)}
    if len(convolutions) == 2:
        problem = "fully connected and convolutional layers cannot be mixed"
        help_text = "give `residual` and `bilinear` a kernel beside `conv2d`, and none beside `linear`"
        report(catalogue.BAD_INPUT, convolutions[True], problem=problem, help=help_text)


def _has_weights(layer: m.Layer | None) -> bool:
    return layer is not None and not isinstance(layer, m.Activate)


def _is_convolution(layer: m.Layer | None) -> bool:
    return isinstance(layer, m.Conv2d) or (isinstance(layer, m.Residual | m.Bilinear) and layer.kernel is not None)


def _layer(report: Report, value: n.Value) -> m.Layer | None:
    word = head(value)
    for activation in ACTIVATIONS:
        if word == activation and isinstance(value, n.Name):
            return m.Activate(activation)
    if word in ACTIVATIONS:
        report(catalogue.WRONG_VALUE, value, word=word, wants="no arguments")
    elif word in SIZED and not (isinstance(value, n.Call) and value.arguments):
        report(catalogue.WRONG_VALUE, value, word=word, wants=f"a size: `{word}(32)`")
    elif word == "linear" and isinstance(value, n.Call):
        width = Arguments(report, value, LINEAR, positional=1).integer("width", 1)
        return m.Linear(width)
    elif word == "conv2d" and isinstance(value, n.Call):
        arguments = Arguments(report, value, CONV2D, positional=1)
        return m.Conv2d(_size(report, value, arguments, "channels"), _kernel(report, arguments) or 3)
    elif word == "residual" and isinstance(value, n.Call):
        arguments = Arguments(report, value, RESIDUAL, positional=1)
        width, kernel = _size(report, value, arguments, "width"), _kernel(report, arguments)
        return m.Residual(width, _activation(report, arguments, "silu"), kernel)
    elif word == "bilinear" and isinstance(value, n.Call):
        arguments = Arguments(report, value, BILINEAR, positional=1)
        width, kernel = _size(report, value, arguments, "width"), _kernel(report, arguments)
        return m.Bilinear(width, _smooth(report, arguments), kernel)
    else:
        known = (*SIZED, *ACTIVATIONS)
        advice = did_you_mean(word or "", known) or f"layers are {', '.join(known)}"
        if isinstance(value, n.Number):
            advice = f"a layer says what it is: write `linear({value.text})`"
        report(catalogue.UNKNOWN_CHOICE, value, value=word or value_text(value), what="layer", help=advice)
    return None


def _size(report: Report, value: n.Value, arguments: Arguments, name: str) -> int:
    """The number of channels or of hidden features."""
    if name not in arguments.values:
        example = f"`{arguments.word}(32, ...)`"
        report(catalogue.WRONG_VALUE, value, word=arguments.word, wants=f"a number of {_COUNTED[name]}: {example}")
    return arguments.integer(name, 1)


_COUNTED = {"channels": "channels", "width": "features"}


def _kernel(report: Report, arguments: Arguments) -> int | None:
    """The size of a square kernel, which is odd; None where there is none."""
    if "kernel" not in arguments.values:
        return None
    kernel = arguments.integer("kernel", 1)
    if kernel % 2 == 0:
        report(catalogue.OUT_OF_RANGE, arguments.values["kernel"], what="`kernel`", wants="odd")
    return kernel


def _activation(report: Report, arguments: Arguments, default: m.Activation) -> m.Activation:
    value = arguments.values.get("activation")
    if value is None:
        return default
    if isinstance(value, n.Range | n.Comparison | n.String):
        report(catalogue.WRONG_VALUE, value, word="activation", wants="one of " + ", ".join(ACTIVATIONS))
        return default
    return chosen(report, value, ACTIVATIONS, "activation") or default


def _smooth(report: Report, arguments: Arguments) -> m.SmoothActivation:
    """The σ of a bilinear layer, whose derivative must be more than steps for the layer to be trained."""
    found = _activation(report, arguments, "tanh")
    for activation in SMOOTH:
        if found == activation:
            return activation
    problem = f"the derivative of `{found}` is piecewise constant: a bilinear layer cannot be trained through it"
    help_text = f"a bilinear layer takes {', '.join(SMOOTH)}"
    report(catalogue.BAD_INPUT, arguments.values["activation"], problem=problem, help=help_text)
    return "tanh"
