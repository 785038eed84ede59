"""Which method to take, in words, by rules on measured rows.

An accuracy is a relative error of a tenth, a hundredth, ... of the state. What a method costs there is read off its own
rows, on the line in logarithms between the last that misses it and the first that reaches it; where that has but a few
evaluations, it is that one's. Costs within a tenth of each other are equal: times are no more exact.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hyperdsl.evaluation.verdict import EQUAL, LEAST, cost_sentence
from hyperdsl.evaluation.work_precision import Row

LEVELS = tuple(10.0**-k for k in range(1, 11))
"""The accuracies that methods are held against each other at."""

FEW = 3
"""Of LEVELS: where a solver reaches fewer, its own errors are accuracies, too."""
WHOLE = 10
"""Evaluations below which steps are too few to be anything but whole."""

Kind = Literal["untrained", "unmeasured", "diverges", "inaccurate", "always", "sometimes", "evaluations", "never"]
"""What the rules come to: not trained yet; no solve ended in its time; no end is finite; not even a tenth is reached;
the cheapest in time at all accuracies that are reached, or at some; the cheapest in evaluations or work alone; in
nothing."""


@dataclass(frozen=True)
class Cost:
    """What is spent: `of` reads it off a row, 0 where it is not known; `unit` stands beside numbers."""

    name: str
    unit: str
    of: Callable[[Row], float]


TIME = Cost("time", "ms", lambda row: row.milliseconds)
MACS = Cost("multiply-accumulates", "MACs", lambda row: row.macs)
NFE = Cost("evaluations of f", "NFE", lambda row: row.evaluations)
COSTS = (TIME, MACS, NFE)


@dataclass(frozen=True)
class Cheapest:
    """At an accuracy and in a cost: what each method spends that reaches it, the cheapest first."""

    level: float
    cost: Cost
    spent: Mapping[str, float]

    @property
    def method(self) -> str | None:
        """The cheapest; None where no method reaches it."""
        return next(iter(self.spent), None)

    def ratio(self, name: str) -> float | None:
        """What the method called `name` spends over the best of the others; None where it or they do not get there."""
        others = [value for method, value in self.spent.items() if method != name]
        own = self.spent.get(name)
        return None if own is None or not others else own / min(others)

    def won(self, name: str) -> bool:
        """Whether the method is cheaper than all others by more than a tenth, or alone."""
        ratio = self.ratio(name)
        return name in self.spent and (ratio is None or ratio < 1 / EQUAL)


@dataclass(frozen=True)
class Verdict:
    """`headline` says what to do, `reasons` are sentences with the numbers behind it, `advice` what to do next.

    `best` is the method to take in place of the solver, where that is better, `table` what everything costs.
    """

    kind: Kind
    headline: str
    reasons: tuple[str, ...]
    advice: tuple[str, ...]
    best: str | None
    table: tuple[Cheapest, ...]


def spent_at(rows: Sequence[Row], level: float, cost: Cost) -> float | None:
    """What a method spends for an accuracy, by its rows; None where none of them reaches it, or costs are not known."""
    known = sorted((row for row in rows if cost.of(row) > 0), key=cost.of)
    reached = next((k for k, row in enumerate(known) if row.relative_error <= level), None)
    if reached is None:
        return None
    value, error = cost.of(known[reached]), max(known[reached].relative_error, LEAST)
    before = known[reached - 1] if reached else None
    if before is None or not math.isfinite(before.relative_error) or error >= level:
        return value
    if known[reached].evaluations < WHOLE:
        return value
    share = math.log(before.relative_error / level) / math.log(before.relative_error / error)
    return float(cost.of(before) * (value / cost.of(before)) ** share)


def cheapest(rows: Sequence[Row], level: float, cost: Cost) -> Cheapest:
    """What all methods spend for an accuracy."""
    methods = dict.fromkeys(row.method for row in rows)
    found = {name: spent_at([row for row in rows if row.method == name], level, cost) for name in methods}
    known = [(name, value) for name, value in found.items() if value is not None]
    return Cheapest(level, cost, dict(sorted(known, key=lambda item: item[1])))


def judge(rows: Sequence[Row], name: str, *, untrained: bool = False, train: str = "") -> Verdict:
    """The verdict on the solver called `name`; `train` is the command that trains it, where it is `untrained`."""
    own = [row for row in rows if row.method == name]
    reached = [level for level in _levels_of(own) if any(row.relative_error <= level for row in rows)]
    table = tuple(cheapest(rows, level, cost) for level in reached for cost in COSTS)
    best = _best(table, name)
    if untrained:
        return _untrained(name, best, train, table)
    if not own:
        return _unmeasured(name, best, table)
    errors = [row.relative_error for row in own if math.isfinite(row.relative_error)]
    if not errors:
        return _not_usable("diverges", name, "it diverges: no end that it gives here is a finite number", best, table)
    if min(errors) > LEVELS[0]:
        told = f"it is inaccurate: the smallest error that it has here is {percent(min(errors))} of the state"
        return _not_usable("inaccurate", name, told, best, table)
    return _compared(rows, name, best, table)


def _levels_of(own: Sequence[Row]) -> list[float]:
    """LEVELS, and a solver's own errors where it reaches few of these, rounded up to two digits."""
    errors = [row.relative_error for row in own if LEAST < row.relative_error < LEVELS[0]]
    few = not errors or min(errors) > LEVELS[FEW - 1]
    rounded = [float(f"{1.05 * error:.1e}") for error in errors] if few else []
    apart = [error for error in rounded if all(abs(math.log10(error / level)) > 0.1 for level in LEVELS)]
    return sorted({*LEVELS, *apart}, reverse=True)


def _best(table: Sequence[Cheapest], name: str) -> str | None:
    """Of the other methods, the one that is the cheapest in time at most accuracies."""
    first = [next((method for method in one.spent if method != name), None) for one in table if one.cost is TIME]
    counted = Counter(method for method in first if method is not None)
    return counted.most_common(1)[0][0] if counted else None


def _untrained(name: str, best: str | None, train: str, table: tuple[Cheapest, ...]) -> Verdict:
    reason = f"What {name} can learn has not been learned yet: it takes the steps of its base, and pays for more."
    until = (f"Until it is trained, use {best}.",) if best else ()
    headline = f"Train {name} before you use it"
    return Verdict("untrained", headline, (reason,), (f"Train it with: {train}", *until), best, table)


def _unmeasured(name: str, best: str | None, table: tuple[Cheapest, ...]) -> Verdict:
    reason = f"No solve of {name} ended in the time that a page has, at its coarsest setting either."
    ended = (f"Of the methods that ended, {best} takes the least time at most accuracies.",) if best else ()
    return Verdict("unmeasured", f"{name} is too slow here to be measured", (reason,), ended, best, table)


def _not_usable(
    kind: Literal["diverges", "inaccurate"],
    name: str,
    why: str,
    best: str | None,
    table: tuple[Cheapest, ...],
) -> Verdict:
    headline = f"Use {best}, not {name}" if best else f"Do not use {name} here"
    others = () if best else ("No other method that was tried solves this problem either.",)
    return Verdict(kind, headline, (f"Do not use {name} as it is: {why}.", *others), (), best, table)


def _compared(rows: Sequence[Row], name: str, best: str | None, table: tuple[Cheapest, ...]) -> Verdict:
    own = [one for one in table if name in one.spent]
    won = {cost.name: [one for one in own if one.cost is cost and one.won(name)] for cost in COSTS}
    of_time = [one for one in own if one.cost is TIME]
    reasons = [*(_sentence(name, cost, [one for one in own if one.cost is cost]) for cost in COSTS)]
    times = won[TIME.name]
    beyond = [one for one in table if one.cost is TIME and name not in one.spent]
    if beyond and best is not None:
        further = _most([one.method for one in beyond if one.method])
        reasons.append(f"{name} does not reach {percent(beyond[0].level)} at any setting tried; {further} does.")
    if times and len(times) == len(of_time):
        kind: Kind = "always"
        rest = f" for errors down to {percent(times[-1].level)}, {further} for less" if beyond and best else ""
        return Verdict(kind, f"Use {name}{rest}", tuple(reasons), (), best, table)
    if times:
        levels = _levels([one.level for one in times])
        return Verdict("sometimes", f"Use {name} for {levels}, else {best}", tuple(reasons), (), best, table)
    advice, costs = _dearer(name, own), cost_sentence(rows, name)
    reasons += [f"g takes more time here than it saves. {costs}"] if costs else []
    if won[NFE.name] or won[MACS.name]:
        headline = f"Use {best}: {name} is not worth its time here"
        return Verdict("evaluations", headline, tuple(reasons), advice, best, table)
    return Verdict("never", f"Use {best}", tuple(reasons), advice, best, table)


def _most(names: Sequence[str]) -> str:
    return Counter(names).most_common(1)[0][0]


def _sentence(name: str, cost: Cost, own: Sequence[Cheapest]) -> str:
    """What the solver spends beside the best of the others, at the accuracies that it reaches."""
    if not own:
        return f"In {cost.name} it cannot be compared: what it spends is not known."
    won = [one for one in own if one.won(name)]
    shown = (won or own)[len(won or own) // 2]
    ratio = shown.ratio(name)
    rival = next((method for method in shown.spent if method != name), None)
    if ratio is None or rival is None:
        return f"In {cost.name} {name} alone reaches {percent(shown.level)}."
    pair = f"{spelled(shown.spent[name])} {cost.unit} where {rival} spends {spelled(shown.spent[rival])}"
    count = f"{len(won)} of {len(own)} accuracies"
    if won:
        return f"In {cost.name} {name} is the cheapest at {count}: at {percent(shown.level)} it spends {pair}."
    if ratio <= EQUAL:
        return f"In {cost.name} {name} is no better than others: at {percent(shown.level)} it spends {pair}."
    times = f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f}"
    where = f"at {percent(shown.level)} it spends {pair}, {times} times as much"
    return f"In {cost.name} {name} is never the cheapest: {where}."


def _dearer(name: str, own: Sequence[Cheapest]) -> tuple[str, ...]:
    """How much dearer an evaluation of f would have to be for the solver to win in time, where it has fewer of them."""
    found = []
    counts = {one.level: one.spent for one in own if one.cost is NFE}
    for level, times in ((one.level, one.spent) for one in own if one.cost is TIME and one.level in counts):
        spent = counts[level]
        rival = next((method for method in times if method != name and method in spent), None)
        if rival is not None and spent[rival] > EQUAL * spent[name]:
            more = max(times[name] - times[rival], 0.0) / (spent[rival] - spent[name])
            found.append((more, level, rival))
    if not found:
        return ()
    more, level, rival = min(found)
    return (
        f"It has fewer evaluations of f than {rival} at {percent(level)}, so it would win where f is dear: from about "
        f"{more:.2g} ms more for an evaluation of a batch than f takes here.",
    )


def _levels(levels: Sequence[float]) -> str:
    """Which accuracies these are."""
    if len(levels) == 1:
        return f"an error of about {percent(levels[0])}"
    return f"errors from {percent(levels[0])} to {percent(levels[-1])}"


def percent(error: float) -> str:
    """`1 %`, `0.1 %`, and powers of ten of small ones."""
    if not math.isfinite(error):
        return "an endless error"
    return f"{100 * error:.2g} %" if error >= 9.9e-5 else f"{error:.0e}".replace("e-0", "e-")


def spelled(value: float) -> str:
    """Three digits: `842`, `41.6k`, `1.26M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
