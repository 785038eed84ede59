"""What a `corrector` declaration means."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.reading.names import check_class_name
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.solvers.layers import read_layers
from hyperdsl.semantics.tables.solvers import CORRECTOR, DEFAULT_INPUTS, INPUTS, OUTSIDE, STARTS, Output
from hyperdsl.syntax import nodes as n


def read_corrector(report: Report, declaration: n.Declaration) -> m.Corrector | None:
    """The network g; None where something is wrong, which has been reported."""
    before = len(report.found)
    name = declaration.name
    check_class_name(report, name)
    if name.text == "external":
        report(catalogue.BAD_NAME, name, name=name.text, reason="it means a network that the user passes")
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a corrector has no parameters")
    settings = Settings(report, "a corrector", declaration.body, CORRECTOR)
    inputs = _inputs(report, settings)
    layers = read_layers(report, settings)
    bound = settings.number("bound")
    start: Literal["zero", "field"] = settings.choice("start", STARTS, "zero")
    outside: Literal["warn", "base", "ignore"] = settings.choice("outside", OUTSIDE, "warn")
    if len(report.found) > before:
        return None
    corrector = m.Corrector(name.text, report.place(name), inputs, layers, bound, start, outside)
    corrector = replace(corrector, output=_output(report, settings, corrector))
    _check_bilinear(report, settings, corrector)
    return None if len(report.found) > before else corrector


def _output(report: Report, settings: Settings, corrector: m.Corrector) -> Literal["relative", "absolute"]:
    """The form of the output: relative by default where dense layers read dz, which has a size."""
    fit = "dz" in corrector.inputs and corrector.bilinear is None
    default: Output = "relative" if fit and not corrector.convolutional else "absolute"
    output: Output = settings.choice("output", ("relative", "absolute", "potential"), default)
    if output == "absolute" or (output == "relative" and fit):
        return output
    value = settings.by_word["output"].values[0]
    if output == "potential":
        problem = "`output potential` is reserved for splittings, which are not built yet"
        report(catalogue.BAD_INPUT, value, problem=problem, help="write `output relative` or `output absolute`")
    elif corrector.bilinear:
        problem, note = "the output of a bilinear layer is absolute", "it is linear in dz and the stages as it is"
        report(catalogue.BAD_INPUT, value, problem=problem, notes=[note], help="leave `output` out")
    else:
        problem = "a relative output needs `dz`: it is relative to the size of that"
        report(catalogue.BAD_INPUT, value, problem=problem, help="add `dz` to the inputs, or write `output absolute`")
    return "absolute"


def _check_bilinear(report: Report, settings: Settings, corrector: m.Corrector) -> None:
    """Whether a bilinear layer has its two factors, and what starts from the field has such a layer."""
    slopes = {"dz", "stages"} & {*corrector.inputs}
    others = {*corrector.inputs} - slopes
    if corrector.bilinear and not (slopes and others):
        note = "it is σ'(a) ⊙ b, with b of the slopes `dz` and `stages`, and a of the other inputs"
        report(
            catalogue.BAD_INPUT,
            settings.by_word["inputs"],
            problem="these inputs lack one of the factors of a bilinear layer",
            notes=[note],
            help=f"add `{'z' if slopes else 'dz'}`",
        )
    if corrector.start == "field":
        value = settings.by_word["start"].values[0]
        if corrector.bilinear is None:
            help_text = "write `layers bilinear(WIDTH, activation = tanh)`, with the width and activation of the field"
            problem = "a corrector that starts from the field needs a bilinear layer"
            report(catalogue.BAD_INPUT, value, problem=problem, help=help_text)
        elif not {"z", "dz"} <= {*corrector.inputs}:
            report(catalogue.BAD_INPUT, value, problem="a corrector that starts from the field reads `z` and `dz`")


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
