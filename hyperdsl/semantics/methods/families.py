"""Parameters of methods: their ranges, and what they must not be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model.parameter import Parameter
from hyperdsl.semantics.reading.names import GENERATED, check_name
from hyperdsl.semantics.reading.numbers import PI, ExactReader
from hyperdsl.semantics.reading.report import Report, Spanned
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import Exact, NotExact
from hyperdsl.theory.runge_kutta.families import Coefficients, Interval, Region, excluded_in_region

RESERVED = frozenset(
    {PI, "s", "z", "x", "f", "eps", "dz", "stages", "self", "steps", "span", "check", "h", "z0", "base", "seen", "g"}
    | {"step", "states", "end", "flat", "restore", "features", "batch", "space", "log_eps", "target", "columns"}
    | {"outputs", "seed", "solver", "slopes", "error", "measure", "corrector", "status", "tolerance", "errors", "found"}
    | {"max_step", "min_step", "stops", "callback", "return_statistics", "seminorm"}
    | {"rtol", "atol", "first_step", "max_steps", "throw", "dense", "event", "weights", "following", "doubt", "term"}
    | {
        "gradient",
        "gradients",
        "half",
        "middle",
        "whole",
        "control",
        "problem",
        "solution",
        "flat",
        "counted",
        "attempt",
        "run",
        "inputs",
        "own",
        "known",
    }
)
"""Names with a meaning of their own in tableaux, correctors, the calls of a solver, or its generated code."""
STAGE = re.compile(r"k\d+")

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass
class Conditions:
    """What `where` says."""

    intervals: dict[str, Interval]
    nonzero: list[Exact] = field(default_factory=list)

    @property
    def region(self) -> Region:
        return Region(self.intervals, tuple(self.nonzero))

    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(Parameter(name, interval) for name, interval in self.intervals.items())


def is_reserved(name: str) -> bool:
    """Whether no parameter can be called so."""
    return name in RESERVED | GENERATED or STAGE.fullmatch(name) is not None or name[0] == "_"


def parameter_names(report: Report, declaration: n.Declaration) -> tuple[str, ...]:
    """The parameters in a method's header."""
    names: list[str] = []
    for argument in declaration.parameters:
        value = argument.value
        if argument.name is not None or not isinstance(value, n.Name):
            help_text = "write the name alone, and its range with `where 0 < alpha <= 1`"
            if argument.name is not None:
                help_text = f"write `{argument.name.text}` alone, its value where the family is used, or the number out"
                names.append(argument.name.text)  # so that nothing is said of what it stands for
            report(catalogue.BAD_PARAMETER, argument, problem="a method's parameter is a name", help=help_text)
        elif is_reserved(value.text):
            report(catalogue.BAD_NAME, value, name=value.text, reason="it has a meaning of its own")
        elif value.text in names:
            report(catalogue.DUPLICATE, value, name=value.text)
        elif check_name(report, value):
            names.append(value.text)
    return tuple(names)


def read_conditions(report: Report, settings: Settings, names: tuple[str, ...]) -> Conditions:
    """The ranges and exclusions of `where`."""
    conditions = Conditions({name: Interval() for name in names})
    setting = settings.get("where")
    for value in setting.values if setting else ():
        if isinstance(value, n.Comparison):
            for i, sign in enumerate(value.operators):
                _add(report, conditions, value.operands[i], sign, value.operands[i + 1], value)
        else:
            report(catalogue.WRONG_VALUE, value, word="where", wants="comparisons such as `0 < alpha <= 1`")
    for name, interval in conditions.intervals.items():
        if setting and _is_empty(interval):
            report(catalogue.BAD_PARAMETER, setting, problem=f"no value of `{name}` fulfils these conditions")
    return conditions


def _add(
    report: Report, conditions: Conditions, left: n.Expression, sign: str, right: n.Expression, at: Spanned
) -> None:
    """Take in one comparison: a bound of one parameter, or two expressions that are not equal."""
    numbers = ExactReader(report, conditions.intervals)
    sides = numbers.value(left), numbers.value(right)
    if sides[0] is None or sides[1] is None:
        return
    if sign == "!=":
        try:
            conditions.nonzero.append(sides[0] - sides[1])
        except NotExact as reason:
            report(catalogue.NOT_EXACT, at, reason=reason)
    elif isinstance(left, n.Name) and not sides[1].parameters:
        conditions.intervals[left.text] = _bounded(conditions.intervals[left.text], sign, sides[1])
    elif isinstance(right, n.Name) and not sides[0].parameters:
        conditions.intervals[right.text] = _bounded(conditions.intervals[right.text], FLIPPED[sign], sides[0])
    else:
        problem = "an inequality compares one parameter with a number"
        report(catalogue.BAD_PARAMETER, at, problem=problem)


def _bounded(interval: Interval, sign: str, bound: Exact) -> Interval:
    """The part of the interval where the parameter `sign` the bound."""
    is_open = sign in ("<", ">")
    old, old_open = (
        (interval.upper, interval.upper_open) if sign.startswith("<") else (interval.lower, interval.lower_open)
    )
    if old is not None:
        order = (bound - old).sign() * (1 if sign.startswith("<") else -1)
        if order > 0 or (order == 0 and old_open):
            return interval
    if sign.startswith("<"):
        return replace(interval, upper=bound, upper_open=is_open)
    return replace(interval, lower=bound, lower_open=is_open)


def _is_empty(interval: Interval) -> bool:
    if interval.lower is None or interval.upper is None:
        return False
    sign = (interval.upper - interval.lower).sign()
    return sign < 0 or (sign == 0 and (interval.lower_open or interval.upper_open))


def contains(interval: Interval, value: Exact) -> bool:
    """Whether a number lies in the interval."""
    above = interval.lower is None or (value - interval.lower).sign() >= (1 if interval.lower_open else 0)
    below = interval.upper is None or (interval.upper - value).sign() >= (1 if interval.upper_open else 0)
    return above and below


def range_text(name: str, interval: Interval, nonzero: tuple[Exact, ...] = ()) -> str:
    """A parameter's range as `where` writes it: `0 < alpha <= 1`."""
    lower = f"{interval.lower} {'<' if interval.lower_open else '<='} " if interval.lower is not None else ""
    upper = f" {'<' if interval.upper_open else '<='} {interval.upper}" if interval.upper is not None else ""
    excluded = [f"{factor} != 0" for factor in nonzero if name in factor.parameters]
    return ", ".join([f"{lower}{name}{upper}", *excluded])


def check_denominators(report: Report, node: Spanned, name: str, tableau: Coefficients, region: Region) -> bool:
    """Report each denominator that may vanish in the region."""
    excluded = excluded_in_region(tableau, region)
    for factor in excluded:
        advice = f"exclude it with `where {', '.join(factor.remedy)}`, or narrow the range"
        notes = [f"it vanishes at {factor}" if factor.zeros else f"it vanishes where {factor}"]
        report(catalogue.EXCLUDED_VALUE, node, name=name, notes=notes, help=advice)
    return not excluded
