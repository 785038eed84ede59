"""What a `corrector` declaration means."""

from __future__ import annotations

from typing import get_args

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics import model as m
from hyperdsl.semantics.names import check_class_name
from hyperdsl.semantics.report import Report
from hyperdsl.semantics.settings import Arguments, Settings, head
from hyperdsl.syntax import nodes as n

SETTINGS = ("inputs", "layers", "bound", "start")
INPUTS = ("z", "dz", "s", "eps", "x", "stages")
ACTIVATIONS: tuple[m.Activation, ...] = get_args(m.Activation)
LARGEST_WIDTH = 65536
LARGEST_KERNEL = 63
MAX_LAYERS = 64

DEFAULT_INPUTS = ("z", "dz", "s", "eps")
DEFAULT_LAYERS = (m.Linear(64), m.Activate("silu"), m.Linear(64), m.Activate("silu"))


def read_corrector(report: Report, declaration: n.Declaration) -> m.Corrector | None:
    """The network g; None where something is wrong, which has been reported."""
    before = len(report.found)
    name = declaration.name
    check_class_name(report, name)
    if name.text == "external":
        report(catalogue.BAD_NAME, name, name=name.text, reason="it means a network that the user passes")
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a corrector has no parameters")
    settings = Settings(report, "a corrector", declaration.body, SETTINGS)
    inputs = _inputs(report, settings)
    layers = _layers(report, settings)
    bound = settings.positive("bound")
    if settings.choice("start", ("zero", "field"), "zero") == "field":
        report(catalogue.NOT_YET, settings.by_word["start"].values[0], what="a corrector that starts from the field is")
    if len(report.found) > before:
        return None
    return m.Corrector(name.text, report.place(name), inputs, layers, bound)


def _inputs(report: Report, settings: Settings) -> tuple[m.CorrectorInput, ...]:
    """The names after `inputs`; those of parameters are judged where the base is known."""
    setting = settings.get("inputs")
    if setting is None:
        return DEFAULT_INPUTS
    names: list[str] = []
    for value in setting.values:
        if not isinstance(value, n.Name):
            wants = f"names: any of {', '.join(INPUTS)}, or parameters of the base"
            report(catalogue.WRONG_VALUE, value, word="inputs", wants=wants)
        elif value.text in names:
            report(catalogue.REPEATED_SETTING, value, word=value.text)
        else:
            names.append(value.text)
    if not setting.values:
        report(catalogue.WRONG_VALUE, setting, word="inputs", wants=f"names: any of {', '.join(INPUTS)}")
    return tuple(names)


def _layers(report: Report, settings: Settings) -> tuple[m.Layer, ...]:
    setting = settings.get("layers")
    if setting is None:
        return DEFAULT_LAYERS
    if not setting.values or len(setting.values) > MAX_LAYERS:
        report(catalogue.WRONG_VALUE, setting, word="layers", wants=f"1 to {MAX_LAYERS} layers")
    layers = [(value, _layer(report, value)) for value in setting.values]
    kinds = {type(layer) for _, layer in layers}
    if m.Linear in kinds and m.Conv2d in kinds:
        second = next(value for value, layer in layers if isinstance(layer, m.Conv2d))
        report(catalogue.BAD_INPUT, second, problem="`linear` and `conv2d` layers cannot be mixed")
    return tuple(layer for _, layer in layers if layer is not None)


def _layer(report: Report, value: n.Value) -> m.Layer | None:
    word = head(value)
    for activation in ACTIVATIONS:
        if word == activation and isinstance(value, n.Name):
            return m.Activate(activation)
    if word in ACTIVATIONS:
        report(catalogue.WRONG_VALUE, value, word=word, wants="no arguments")
    elif word == "bilinear":
        report(catalogue.NOT_YET, value, what="`bilinear` layers are")
    elif word in ("linear", "conv2d") and not (isinstance(value, n.Call) and value.arguments):
        report(catalogue.WRONG_VALUE, value, word=word, wants=f"a size: `{word}(32)`")
    elif word == "linear" and isinstance(value, n.Call):
        width = Arguments(report, value, ("width",), positional=1).integer("width", 1, 1, LARGEST_WIDTH)
        return m.Linear(width)
    elif word == "conv2d" and isinstance(value, n.Call):
        return _convolution(report, value)
    else:
        known = ("linear", "conv2d", "bilinear", *ACTIVATIONS)
        advice = did_you_mean(word or "", known) or f"layers are {', '.join(known)}"
        report(catalogue.UNKNOWN_CHOICE, value, value=word or "this", what="layer", help=advice)
    return None


def _convolution(report: Report, value: n.Call) -> m.Conv2d | None:
    arguments = Arguments(report, value, ("channels", "kernel"), positional=1)
    channels = arguments.integer("channels", 1, 1, LARGEST_WIDTH)
    kernel = arguments.integer("kernel", 3, 1, LARGEST_KERNEL)
    if kernel % 2 == 0:
        report(catalogue.OUT_OF_RANGE, arguments.values["kernel"], what="`kernel`", wants="odd")
    if "channels" not in arguments.values:
        report(catalogue.WRONG_VALUE, value, word="conv2d", wants="a number of channels: `conv2d(32, kernel = 3)`")
    return m.Conv2d(channels, kernel)
