"""What is proven of a tableau, and what the claims made of it are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from itertools import zip_longest
from typing import Protocol

from hyperdsl.diagnostics import Fix, catalogue
from hyperdsl.semantics.methods.tables import Table
from hyperdsl.semantics.model.facts import Facts
from hyperdsl.semantics.reading.report import Report, Spanned
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.budget import aside
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.runge_kutta import trees
from hyperdsl.theory.runge_kutta.barriers import highest_order
from hyperdsl.theory.runge_kutta.order import (
    OrderReport,
    principal_error_norm,
    prove_order,
    row_sum_defects,
    stage_order,
    tolerance_needed,
)
from hyperdsl.theory.runge_kutta.simplifying import is_stiffly_accurate, is_symmetric, is_symplectic
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.a_stability import linear_stability
from hyperdsl.theory.stability.linear import stability_intervals

LONGEST_NUMBER = 80
MOST_ASIDE = 100_000
"""Operations that each property beyond the orders may take."""


@dataclass(frozen=True)
class Claim:
    """What a method says of itself: `numbers` are the nodes of p and of the embedded orders."""

    order: int
    embedded: tuple[int, ...]
    tolerance: Exact | None
    autonomous: bool
    numbers: tuple[n.Expression, ...]


class Shape(Protocol):
    """A tree of any class."""

    def condition(self) -> str: ...


class Failed(Protocol):
    """An order condition of any class of methods that does not hold."""

    @property
    def tree(self) -> Shape: ...
    @property
    def value(self) -> Exact: ...
    @property
    def expected(self) -> Fraction: ...
    @property
    def difference(self) -> Exact: ...


class Proven(Protocol):
    """What was proven of a row of weights, of any class of methods."""

    @property
    def order(self) -> int: ...
    @property
    def order_autonomous(self) -> int: ...
    @property
    def failing(self) -> Failed | None: ...
    @property
    def failing_autonomous(self) -> Failed | None: ...
    @property
    def finished(self) -> bool: ...


@lru_cache(maxsize=512)
def prove(tableau: Tableau, claimed: int, tolerance: Exact | None, embedded: tuple[int, ...] = ()) -> Facts:
    """Every fact that `hyperdsl check` prints; the same tableau in many files is proven once."""
    reports = _reports(tableau, tolerance, (claimed, *embedded))
    real, imaginary = stability_intervals(tableau, reports[0].order_autonomous, tolerance)
    return Facts(
        report=reports[0],
        embedded=tuple(proven.order for proven in reports[1:]),
        stage_order=stage_order(tableau, tolerance),
        fsal=tableau.is_fsal,
        conditions=trees.count(claimed),
        principal_error=principal_error_norm(tableau, reports[0].order, tolerance=tolerance),
        real_stability=real,
        imaginary_stability=imaginary,
        symplectic=aside(MOST_ASIDE, partial(is_symplectic, tableau, tolerance)),
        symmetric=aside(MOST_ASIDE, partial(is_symmetric, tableau, tolerance)),
        l_stable=aside(MOST_ASIDE, partial(_is_l_stable, tableau, reports[0].order_autonomous, tolerance)),
        stiffly_accurate=is_stiffly_accurate(tableau, tolerance),
    )


def _is_l_stable(tableau: Tableau, order: int, tolerance: Exact | None) -> bool | None:
    """None for a family of implicit methods; |R| of an explicit one grows without bound."""
    if tableau.kind == "explicit":
        return False
    stability = linear_stability(tableau, order, tolerance)
    return stability.l_stable if stability else None


def check_claim(report: Report, name: n.Name, table: Table, claim: Claim) -> Facts | None:
    """Prove the tableau's orders and report each claim that they do not bear out; None where one is an error."""
    before = len(report.found)
    tableau, tolerance = table.tableau, claim.tolerance
    nodes = {i: row.c for i, row in enumerate(table.rows)}
    sums = claim.autonomous or rows_sum(report, name.text, tableau, tolerance, nodes)
    reports = _reports(tableau, tolerance, (claim.order, *claim.embedded))
    timed = sums and not claim.autonomous  # a row that does not sum to c has been reported: judge the rest alone
    claims = (claim.order, *claim.embedded)
    for row, (number, claimed) in enumerate(zip(claim.numbers, claims, strict=True)):
        needed = partial(tolerance_needed, tableau, claimed, row)
        correct = _what_sums(tableau, row, claimed, tolerance)
        reach = highest_order(tableau.kind, tableau.stages, embedded=row > 0)
        compare(
            report, name, number, claims, reports, row, needed, timed=timed, sure=sums, reach=reach, correct=correct
        )
    if report.failed_since(before):
        return None
    warn_of_time(report, name, reports[0])
    return prove(tableau, claim.order, tolerance, claim.embedded)


def rows_sum(
    report: Report, name: str, tableau: Tableau, tolerance: Exact | None, nodes: Mapping[int, Spanned]
) -> bool:
    """Whether each of these rows of the tableau sums to its c; reported where its c stands, where one does not."""
    found = [defect for defect in row_sum_defects(tableau, tolerance) if defect.row in nodes]
    for defect in found:
        notes = [
            f"c is {shown(defect.c)}, the coefficients of the row sum to {shown(defect.total)}",
            f"they differ by {shown(defect.c - defect.total)}",
        ]
        report(catalogue.ROW_SUM, nodes[defect.row], row=defect.row + 1, name=name, notes=notes)
    return not found


@lru_cache(maxsize=512)
def _reports(tableau: Tableau, tolerance: Exact | None, claimed: tuple[int, ...]) -> tuple[OrderReport, ...]:
    """One for each row of weights; an embedded order may be left out of the claim."""
    pairs = zip_longest(range(len(tableau.weights)), claimed, fillvalue=0)
    return tuple(prove_order(tableau, row, tolerance, order) for row, order in pairs)


def warn_of_time(report: Report, name: n.Name, proven: Proven) -> None:
    """Say where the order is lower with time than without."""
    if proven.order < proven.order_autonomous:
        notes = [_failure(proven.failing)] if proven.failing else []
        order, autonomous = proven.order, proven.order_autonomous
        report(catalogue.TIME_ORDER_LOWER, name, name=name.text, notes=notes, order=order, autonomous=autonomous)


def compare(
    report: Report,
    name: n.Name,
    number: n.Expression,
    claims: Sequence[int],
    reports: Sequence[Proven],
    row: int,
    needed: Callable[[], Fraction | None],
    *,
    timed: bool,
    sure: bool = True,
    reach: int,
    correct: str = "correct the tableau",
    notes: Sequence[str] = (),
) -> None:
    """Report a row of weights whose order is not that in `claims`; `needed` is the tolerance within which it would be,
    `notes` are said first where the claim is too high. The coefficients may be at fault where it is not `sure`, and
    where a claim that is too high is within `reach`, the highest order that so many stages can have; `correct` is the
    advice where the row has no order at all."""
    orders = [proven.order if timed else proven.order_autonomous for proven in reports]
    claimed, order, swapped = claims[row], orders[row], max(orders) > orders[0] or exchanged(orders, claims)
    sure = sure and not swapped
    failing = reports[row].failing if timed else reports[row].failing_autonomous
    too_high, too_low = (
        (catalogue.EMBEDDED_TOO_HIGH, catalogue.EMBEDDED_TOO_LOW)
        if row
        else (catalogue.ORDER_TOO_HIGH, catalogue.ORDER_TOO_LOW)
    )
    if claimed > order and not reports[row].finished:
        what = f"the embedded weights of `{name.text}`" if row else f"`{name.text}`"
        unproven(report, number, what, claimed, order)
    elif claimed > order:
        said = [*notes, *(_explained(failing) if failing else [])]
        said += [
            f"row {other + 1} of the weights has order {found}; the first row is the one that is propagated"
            for other, found in enumerate(orders)
            if swapped and other != row and found >= claimed
        ]
        advice = f"claim order {order}, or correct the tableau" if order else correct
        bound = needed()
        if bound:
            sure = False
            exponent = largest_exponent(bound)
            said.append(f"all conditions up to order {claimed} hold to {exponent} digits")
            advice = f"if these are decimals of an exact method, write `within 1e-{exponent}` after its order"
        fix = claiming(number, order) if sure and claimed > reach else None
        report(too_high, number, name=name.text, claimed=claimed, proven=order, notes=said, help=advice, fix=fix)
    elif claimed < order:
        proven = str(order) if reports[row].finished else f"at least {order}"
        advice = lower(order, orders, claims)
        fix = claiming(number, order) if sure else None
        report(too_low, number, name=name.text, claimed=claimed, proven=proven, help=advice, fix=fix)


def exchanged(orders: Sequence[int], claims: Sequence[int]) -> bool:
    """Whether the claims are borne out with the rows of weights in another order, and not in theirs."""
    return [*orders] != [*claims] and sorted(orders) == sorted(claims)


def lower(order: int, orders: Sequence[int], claims: Sequence[int]) -> str:
    """The advice where a claim is lower than the order."""
    rows = "exchange the rows of weights, of which the first is propagated, or " if exchanged(orders, claims) else ""
    return f"{rows}claim order {order}"


def _what_sums(tableau: Tableau, row: int, claimed: int, tolerance: Exact | None) -> str:
    """What to write where a row of weights does not sum to 1: most often b̂, where b − b̂ or b̂ − b is written."""
    weights = tableau.weights
    if row and sum(weights[row], start=ZERO).is_zero:
        told = "this row sums to 0: write the embedded weights b̂ themselves, not how they differ from b"
        for name, sign in (("b − b̂", -ONE), ("b̂ − b", ONE)):
            b_hat = tuple(b + sign * each for b, each in zip(weights[0], weights[row], strict=True))
            text = ", ".join(map(str, b_hat))
            fits = prove_order(Tableau(tableau.a, tableau.c, (b_hat,)), 0, tolerance, claimed).order >= claimed
            if fits and len(text) <= LONGEST_NUMBER:
                return f"{told}; of {name} it is `| {text}`"
        return told
    return "the weights of each row sum to 1"


def claiming(number: Spanned, order: int) -> Fix | None:
    """The fix of a claimed order; no order is claimed of what has none."""
    return Fix.put(str(order), number.span, f"claim order {order}") if order else None


def unproven(report: Report, number: n.Expression, what: str, claimed: int, proven: int) -> None:
    """Report a claim that is out of reach."""
    notes = [
        f"order {proven} is proven",
        f"order {claimed} has {trees.count(claimed)} conditions, too many to look at one by one, and Butcher's "
        "assumptions B, C and D do not imply it",
    ]
    advice = f"claim order {proven}" if proven else None
    fix = claiming(number, proven)
    report(catalogue.UNPROVEN, number, what=what, claimed=claimed, notes=notes, help=advice, fix=fix)


def largest_exponent(bound: Fraction) -> int:
    """The largest k with bound ≤ 10^−k, for 0 < bound < 1."""
    digits = len(str(bound.denominator // bound.numerator)) - 1
    return digits if bound * 10**digits <= 1 else digits - 1


def _explained(failing: Failed) -> list[str]:
    return [
        _failure(failing),
        f"the left side is {shown(failing.value)}, not {failing.expected}; they differ by {shown(failing.difference)}",
    ]


def _failure(failing: Failed) -> str:
    return f"the first condition that fails is {failing.tree.condition()}, of the tree {failing.tree}"


def shown(value: Exact) -> str:
    """An exact number in full, with its size where that is hard to see; a very long one as a decimal."""
    text = str(value)
    if value.parameters or value.is_zero:
        return text
    if len(text) > LONGEST_NUMBER:
        return f"≈ {value.decimal(20)}"
    return text if len(text) <= 12 else f"{text} ≈ {_short(value.decimal(16))}"


def _short(decimal: str) -> str:
    """A decimal without zeros at its end."""
    mantissa, e, exponent = decimal.partition("E")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + e + exponent
