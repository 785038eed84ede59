"""What a `problem` declaration means."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.model.problem import ProblemModel, ProblemParameter, ProblemState
from hyperdsl.semantics.reading.names import check_name
from hyperdsl.semantics.reading.numbers import PI, ExactReader, ProblemReader
from hyperdsl.semantics.reading.report import Report, Spanned, exactly
from hyperdsl.semantics.reading.settings import Settings, ends, from_to
from hyperdsl.semantics.tables.studies import PROBLEM, UNIT_SPAN
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.formulas import TIMES
from hyperdsl.syntax.printer import value_text
from hyperdsl.theory.numbers.exact import Exact

TIME = "s"


@exactly
def read_problem(report: Report, declaration: n.Declaration) -> ProblemModel | None:
    """The equations and ranges; None where something is wrong, which has been reported."""
    before = len(report.found)
    check_name(report, declaration.name)
    parameters = _parameters(report, declaration)
    statements = declaration.body.statements
    equations = [statement for statement in statements if isinstance(statement, n.Equation)]
    domains = [statement for statement in statements if isinstance(statement, n.Domain)]
    rest = tuple(statement for statement in statements if not isinstance(statement, n.Equation | n.Domain))
    settings = Settings(report, "a problem", n.Block(rest, declaration.body.span), PROBLEM)
    span = _span(report, settings)
    states = _states(report, declaration, equations, domains, {parameter.name for parameter in parameters})
    if len(report.found) > before:
        return None
    return ProblemModel(declaration.name.text, report.place(declaration.name), parameters, states, span)


def _parameters(report: Report, declaration: n.Declaration) -> tuple[ProblemParameter, ...]:
    found: dict[str, ProblemParameter] = {}
    for argument in declaration.parameters:
        name = argument.name
        if name is None:
            problem = "a problem's parameter has a value: a number, or a range that is drawn per sample"
            report(catalogue.BAD_PARAMETER, argument, problem=problem, help="write `mu = 1` or `mu = 1 .. 20`")
        elif _usable(report, name, found):
            interval = _interval(report, argument.value, name.text)
            if interval:
                found[name.text] = ProblemParameter(name.text, *interval)
    return tuple(found.values())


def _usable(report: Report, name: n.Name, taken: dict[str, ProblemParameter] | dict[str, n.Equation]) -> bool:
    """Whether a state or parameter may be called so."""
    if name.text in (TIME, PI):
        report(catalogue.BAD_NAME, name, name=name.text, reason="`s` is time" if name.text == TIME else "`pi` is π")
        return False
    if name.text in taken:
        report(catalogue.DUPLICATE, name, name=name.text)
        return False
    return check_name(report, name)


def _interval(report: Report, value: n.Value, word: str) -> tuple[Exact, Exact] | None:
    """A range, or a number as a range of no length."""
    if isinstance(value, n.Range | n.Comparison | n.String):
        return ends(report, value, value, word, single="one value is written as a number alone, without `..`")
    number = ExactReader(report).double(value)
    return None if number is None else (number, number)


def _span(report: Report, settings: Settings) -> tuple[Exact, Exact]:
    setting = settings.get("span")
    return (from_to(report, setting, "span") if setting else None) or UNIT_SPAN


def _states(
    report: Report,
    declaration: n.Declaration,
    equations: list[n.Equation],
    domains: list[n.Domain],
    parameters: set[str],
) -> tuple[ProblemState, ...]:
    by_name: dict[str, n.Equation] = {}
    for equation in equations:
        if equation.name.text in parameters:
            report(catalogue.DUPLICATE, equation.name, name=equation.name.text)
        elif _usable(report, equation.name, by_name):
            by_name[equation.name.text] = equation
    if not equations:
        problem = "a problem needs an equation for each state"
        report(catalogue.BAD_EQUATION, declaration.name, problem=problem, help="write equations such as `x' = -x`")
    ranges = _ranges(report, domains, by_name)
    reader = ProblemReader(report, {TIME, *by_name, *parameters})
    states = []
    for name, equation in by_name.items():
        right = reader.read(equation.right)
        if name not in ranges:
            example: Spanned = equation.name
            problem = f"`{name}` has no range of initial values"
            report(catalogue.BAD_EQUATION, example, problem=problem, help=f"add a line such as `{name} in -1 .. 1`")
        elif right is not None and ranges[name] is not None:
            states.append(ProblemState(name, right, *ranges[name]))
    return tuple(states)


def _ranges(
    report: Report, domains: list[n.Domain], equations: dict[str, n.Equation]
) -> dict[str, tuple[Exact, Exact]]:
    ranges: dict[str, tuple[Exact, Exact]] = {}
    for domain in domains:
        name = domain.name.text
        if name not in equations:
            problem = f"`{name}` has a range but no equation"
            advice = did_you_mean(name, equations)
            if name in TIMES:
                advice = (
                    f"the time is `s`, and a problem's begins and ends by `span`: `span {value_text(domain.value)}`"
                )
            report(catalogue.BAD_EQUATION, domain.name, problem=problem, help=advice)
        elif name in ranges:
            report(catalogue.REPEATED_SETTING, domain.name, word=name)
        else:
            ranges[name] = _interval(report, domain.value, name) or UNIT_SPAN
    return ranges
