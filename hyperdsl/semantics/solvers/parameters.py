"""Parameters of a family in a call, `second_order(alpha = 1/2)`: put in, left free, or to be learned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.methods.families import check_denominators, contains, range_text
from hyperdsl.semantics.methods.proofs import prove
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.left_open import Free, Learned
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Arguments, ends
from hyperdsl.semantics.reading.substitute import dense_with, substituted
from hyperdsl.semantics.tables.solvers import LEARNED_PARAMETER
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.families import Interval, Region

LEARNED = "learned"
_OPEN = "`{} = free`, a number, `learned(...)`, or a range"


@dataclass(frozen=True)
class Chosen:
    """A method and what becomes of each of its parameters."""

    method: m.Base
    fixed: tuple[tuple[str, Exact], ...] = ()
    free: tuple[Free, ...] = ()
    learned: tuple[Learned, ...] = ()

    def region(self, nonzero: tuple[Exact, ...]) -> Region:
        """Where the open parameters may be; `nonzero` are expressions that vanish nowhere in the family.

        On its way a learned parameter may pass a zero that the family's `where` leaves out: training keeps the
        coefficients bounded.
        """
        open_ones: tuple[Free | Learned, ...] = (*self.free, *self.learned)
        region = Region({one.name: one.interval for one in open_ones})
        values = dict(self.fixed)
        return region if self.free else replace(region, nonzero=tuple(factor.substitute(values) for factor in nonzero))


@dataclass
class _Taken:
    """The arguments of a base, as they are read."""

    fixed: dict[str, Exact] = field(default_factory=dict)
    free: dict[str, Free] = field(default_factory=dict)
    learned: dict[str, Learned] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.fixed or name in self.free or name in self.learned


def member(
    report: Report, name: n.Name, method: m.Method, arguments: tuple[n.Argument, ...], beside: tuple[str, ...] = ()
) -> m.Method | None:
    """The method that a family is with numbers for all of its parameters, `second_order(alpha = 1/2)`.

    `beside` are further arguments of the call, which its reader has taken out.
    """
    for argument in arguments:
        if _is_open(argument.value):
            wants = f"a number: only a solver's base leaves parameters of `{method.name}` open"
            word = argument.name.text if argument.name else name.text
            report(catalogue.WRONG_VALUE, argument.value, word=word, wants=wants)
            return None
    chosen = with_parameters(report, name, method, arguments, "`{} = ...`, a number", beside)
    if chosen is None:
        return None
    return with_values(method, chosen.fixed) if chosen.fixed else method


def _is_open(value: n.Value) -> bool:
    """Whether it is a range, `free`, or `learned(...)`."""
    head = value.name if isinstance(value, n.Call) else value
    return isinstance(value, n.Range) or (isinstance(head, n.Name) and head.text in ("free", LEARNED))


def with_values(method: m.Method, fixed: tuple[tuple[str, Exact], ...]) -> m.Method:
    """The member of a family with these values, by a name that tells them; it is proven anew."""
    values = dict(fixed)
    tableau = method.tableau.substitute(values)
    return replace(
        method,
        name=f"{method.name}({', '.join(f'{name} = {value}' for name, value in fixed)})",
        tableau=tableau,
        entries=substituted(method.entries, values),
        parameters=(),
        facts=prove(tableau, method.claimed_order, method.tolerance, method.claimed_embedded),
        nonzero=(),
        dense=dense_with(method.dense, values) if method.dense else None,
    )


def with_parameters(
    report: Report,
    name: n.Name,
    method: m.OneStep,
    arguments: tuple[n.Argument, ...],
    wants: str = _OPEN,
    beside: tuple[str, ...] = (),
) -> Chosen | None:
    """The method with the arguments of a call; None where one is wrong or missing, which has been reported.

    `wants` says what may be given for a parameter, which is put in for its braces; `beside` is as in `member`.
    """
    before = len(report.found)
    intervals = {parameter.name: parameter.interval for parameter in method.parameters}
    taken = _Taken()
    for argument in arguments:
        word = argument.name
        if word is None:
            wants = "named parameters: `alpha = 1/2`" if intervals else "no arguments: it is no family"
            report(catalogue.WRONG_VALUE, argument, word=name.text, wants=wants)
        elif word.text not in intervals:
            known = (*intervals, *beside)
            advice = did_you_mean(word.text, known) or (f"it takes {', '.join(known)}" if known else None)
            report(catalogue.UNKNOWN_ARGUMENT, word, word=name.text, name=word.text, help=advice)
        elif word.text in taken:
            report(catalogue.REPEATED_SETTING, word, word=word.text)
        else:
            _take(report, word.text, argument.value, intervals[word.text], taken)
    if len(report.found) > before:
        return None
    for parameter in method.parameters:
        if parameter.name not in taken:
            problem = f"`{method.name}` needs a value for its parameter `{parameter.name}`"
            within = range_text(parameter.name, parameter.interval)
            help_text = f"write {wants.format(parameter.name)} within {within}"
            report(catalogue.BAD_PARAMETER, name, problem=problem, help=help_text)
    if len(report.found) > before:
        return None
    in_order = [parameter.name for parameter in method.parameters]
    chosen = Chosen(
        method,
        tuple((key, taken.fixed[key]) for key in in_order if key in taken.fixed),
        tuple(taken.free[key] for key in in_order if key in taken.free),
        tuple(taken.learned[key] for key in in_order if key in taken.learned),
    )
    return chosen if _is_defined(report, name, method, chosen) else None


def _take(report: Report, name: str, value: n.Value, interval: Interval, taken: _Taken) -> None:
    """One argument of a base: a number, a range, `free`, or `learned(...)`."""
    if isinstance(value, n.Range):
        found = _subrange(report, value, name, interval)
        if found:
            taken.free[name] = Free(name, found)
    elif isinstance(value, n.Name) and value.text == "free":
        if interval.lower is None or interval.upper is None:
            problem = f"`{name}` has no finite range that it could be free in"
            report(catalogue.BAD_PARAMETER, value, problem=problem, help=f"give one: `{name} = 1/2 .. 1`")
        else:
            taken.free[name] = Free(name, Interval(interval.lower, interval.upper))
    elif isinstance(value, n.Call) and isinstance(value.name, n.Name) and value.name.text == LEARNED:
        found_learned = _learned(report, name, value, interval)
        if found_learned:
            taken.learned[name] = found_learned
    elif isinstance(value, n.Comparison | n.String):
        report(catalogue.WRONG_VALUE, value, word=name, wants="a number, a range, `free`, or `learned(...)`")
    else:
        number = _within(report, value, name, interval)
        if number is not None:
            taken.fixed[name] = number


def _learned(report: Report, name: str, call: n.Call, interval: Interval) -> Learned | None:
    """`learned(1/2)` or `learned(1/2, 3/10 .. 1)`: where training starts, and the range that it keeps to."""
    before = len(report.found)
    arguments = Arguments(report, call, LEARNED_PARAMETER, positional=2)
    given = arguments.values.get("range")
    within = interval if given is None else _subrange(report, given, name, interval)
    start = arguments.values.get("start")
    if start is None or isinstance(start, n.Range | n.Comparison | n.String):
        wants = f"the value to start from: `{name} = learned(1/2)`"
        report(catalogue.WRONG_VALUE, start or call, word=LEARNED, wants=wants)
        return None
    number = _within(report, start, name, within or interval)
    if number is None or within is None or len(report.found) > before:
        return None
    return Learned(name, number, within)


def _subrange(report: Report, value: n.Value, name: str, interval: Interval) -> Interval | None:
    """A range given to a parameter, which must lie in the family's."""
    found = ends(report, value, value, name)
    if found and not (contains(interval, found[0]) and contains(interval, found[1])):
        report(catalogue.OUT_OF_RANGE, value, what=f"`{name}`", wants=f"within {range_text(name, interval)}")
        return None
    return Interval(*found) if found else None


def _within(report: Report, value: n.Expression, name: str, interval: Interval) -> Exact | None:
    number = ExactReader(report).double(value)
    if number is not None and not contains(interval, number):
        report(catalogue.OUT_OF_RANGE, value, what=f"`{name}`", wants=f"within {range_text(name, interval)}")
        return None
    return number


def _is_defined(report: Report, name: n.Name, method: m.OneStep, chosen: Chosen) -> bool:
    """Whether every coefficient has a value at the fixed and starting values, and on the free ranges."""
    fixed = dict(chosen.fixed)
    starts = {learned.name: learned.start for learned in chosen.learned}
    for factor in method.nonzero:
        if factor.substitute(fixed | starts).is_zero:
            wants = f"such that {factor} is not zero"
            report(catalogue.OUT_OF_RANGE, name, what=f"the parameters of `{method.name}`", wants=wants)
            return False
    if not chosen.free and not chosen.learned:
        return True
    tableau = method.tableau.substitute(fixed)
    return check_denominators(report, name, method.name, tableau, chosen.region(method.nonzero))
