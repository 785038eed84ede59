"""What a `path` declaration means."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model.expressions import Expression
from hyperdsl.semantics.model.path import PathModel, Prediction
from hyperdsl.semantics.reading.names import check_name
from hyperdsl.semantics.reading.numbers import PI, ExactReader, ProblemReader
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings, from_to
from hyperdsl.semantics.solvers.schedules import ALPHA, TIME, Curve, Dual, ends_of, fault_of
from hyperdsl.semantics.tables.solvers import PATH, PREDICTIONS, TIMES
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import Exact

RESERVED = {
    TIME: "`t` is the model's time",
    ALPHA: "it is a setting",
    "sigma": "it is a setting",
    PI: "`pi` is π",
    **dict.fromkeys(("torch", "math", "abs"), "generated code uses it itself"),
}


@exactly
def read_path(report: Report, declaration: n.Declaration) -> PathModel | None:
    """The schedule and what the model predicts; None where something is wrong, which has been reported."""
    before = len(report.found)
    check_name(report, declaration.name)
    parameters = _parameters(report, declaration)
    settings = Settings(report, "a path", declaration.body, PATH)
    names = {TIME, *parameters}
    alpha = _expression(report, settings, declaration.name, "alpha", "alpha cos(pi*t/2)", names)
    sigma = _expression(report, settings, declaration.name, "sigma", "sigma sqrt(1 - alpha^2)", {*names, ALPHA})
    predicts: Prediction = settings.choice("predicts", PREDICTIONS, "noise")
    setting = settings.get("times")
    times = from_to(report, setting, "times") if setting else TIMES
    if len(report.found) > before or alpha is None or sigma is None or times is None:
        return None
    curve = Curve(alpha, sigma, tuple(parameters.items()))
    if not _check(report, settings, declaration, curve, predicts, times):
        return None
    span = tuple(_straight(alpha, sigma) for alpha, sigma in ends_of(curve, *times))
    place = report.place(declaration.name)
    return PathModel(declaration.name.text, place, curve.parameters, alpha, sigma, predicts, times, (span[0], span[1]))


def _parameters(report: Report, declaration: n.Declaration) -> dict[str, Exact]:
    """The parameters with their values."""
    found: dict[str, Exact] = {}
    for argument in declaration.parameters:
        name = argument.name
        if name is None or isinstance(argument.value, n.Range | n.Comparison | n.String):
            problem = "a path's parameter has one number as its value"
            report(catalogue.BAD_PARAMETER, argument, problem=problem, help="write `beta_min = 1/10`")
        elif name.text in RESERVED:
            report(catalogue.BAD_NAME, name, name=name.text, reason=RESERVED[name.text])
        elif name.text in found:
            report(catalogue.DUPLICATE, name, name=name.text)
        elif check_name(report, name):
            value = ExactReader(report).double(argument.value)
            if value is not None:
                found[name.text] = value
    return found


def _expression(
    report: Report, settings: Settings, owner: n.Name, word: str, example: str, names: set[str]
) -> Expression | None:
    """α or σ as an expression in these names."""
    setting = settings.require(word, owner, example)
    value = settings.single(setting, f"an expression in {', '.join(sorted(names))}") if setting else None
    return None if value is None else ProblemReader(report, names, "time or parameter").read(value)


def _check(
    report: Report,
    settings: Settings,
    declaration: n.Declaration,
    curve: Curve,
    predicts: Prediction,
    times: tuple[Exact, Exact],
) -> bool:
    """Whether the schedule is one, and the field finite at the ends of the times."""
    fault = fault_of(curve, *times)
    advice = "write them from noise to data, such as `times 1 .. 1/1000`"
    problem, turned = (fault.problem, fault.falls) if fault else (_infinite(curve, predicts, times), False)
    if problem is None:
        return True
    at = settings.by_word["times"].values[0] if "times" in settings.by_word else declaration.name
    report(catalogue.BAD_PATH, at, name=declaration.name.text, problem=problem, help=advice if turned else None)
    return False


def _infinite(curve: Curve, predicts: Prediction, times: tuple[Exact, Exact]) -> str | None:
    """At which end of the times the field is infinite, and why."""
    (alpha, _), (_, sigma) = ends = ends_of(curve, *times)
    if predicts == "noise" and not alpha.value > 0:
        return "at the first time alpha is zero, where a prediction of the noise says nothing of the data"
    if predicts == "data" and not sigma.value > 0:
        return "at the last time sigma is zero, where a prediction of the data says nothing of the noise"
    rates = [dual.rate for pair in ends for dual in pair]
    if predicts == "velocity" and not all(rate.is_finite() for rate in rates):
        return "at an end of the times the derivative of alpha or sigma is not finite, of which the velocity is made"
    return None


def _straight(alpha: Dual, sigma: Dual) -> float:
    """t = α/(α + σ)."""
    return float((alpha.value / (alpha.value + sigma.value)).mid())
