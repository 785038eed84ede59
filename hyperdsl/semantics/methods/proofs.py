"""What is proven of a tableau, and what the claims made of it are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.tables import Table
from hyperdsl.semantics.model.spec import Facts
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta import trees
from hyperdsl.theory.runge_kutta.order import (
    Condition,
    OrderReport,
    principal_error_norm,
    prove_order,
    row_sum_defects,
    stage_order,
    tolerance_needed,
)
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.linear import stability_intervals

LONGEST_NUMBER = 80


@dataclass(frozen=True)
class Claim:
    """What a method says of itself: `numbers` are the nodes of p and of the embedded orders."""

    order: int
    embedded: tuple[int, ...]
    tolerance: Exact | None
    autonomous: bool
    numbers: tuple[n.Expression, ...]


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
    )


def check_claim(report: Report, name: n.Name, table: Table, claim: Claim) -> Facts | None:
    """Prove the tableau's orders and report each claim that they do not bear out; None where one is an error."""
    before = len(report.found)
    tableau, tolerance = table.tableau, claim.tolerance
    lines = dict(enumerate(table.rows))
    sums = claim.autonomous or rows_sum(report, name, tableau, tolerance, lines)
    reports = _reports(tableau, tolerance, (claim.order, *claim.embedded))
    timed = sums and not claim.autonomous  # a row that does not sum to c has been reported: judge the rest alone
    for row, (number, claimed) in enumerate(zip(claim.numbers, (claim.order, *claim.embedded), strict=True)):
        _compare(report, name, number, claimed, reports, row, tableau, timed=timed)
    if any(diagnostic.severity == "error" for diagnostic in report.found[before:]):
        return None
    if reports[0].order < reports[0].order_autonomous:
        notes = [_failure(reports[0].failing)] if reports[0].failing else []
        timed_order, order = reports[0].order, reports[0].order_autonomous
        report(catalogue.TIME_ORDER_LOWER, name, name=name.text, notes=notes, order=timed_order, autonomous=order)
    return prove(tableau, claim.order, tolerance, claim.embedded)


def rows_sum(
    report: Report, name: n.Name, tableau: Tableau, tolerance: Exact | None, lines: Mapping[int, n.Row]
) -> bool:
    """Whether each of these rows of the tableau sums to its c; reported where one does not."""
    found = [defect for defect in row_sum_defects(tableau, tolerance) if defect.row in lines]
    for defect in found:
        notes = [
            f"c is {shown(defect.c)}, the coefficients of the row sum to {shown(defect.total)}",
            f"they differ by {shown(defect.c - defect.total)}",
        ]
        report(catalogue.ROW_SUM, lines[defect.row].c, row=defect.row + 1, name=name.text, notes=notes)
    return not found


@lru_cache(maxsize=512)
def _reports(tableau: Tableau, tolerance: Exact | None, claimed: tuple[int, ...]) -> tuple[OrderReport, ...]:
    """One for each row of weights; an embedded order may be left out of the claim."""
    pairs = zip_longest(range(len(tableau.weights)), claimed, fillvalue=0)
    return tuple(prove_order(tableau, row, tolerance, order) for row, order in pairs)


def _compare(
    report: Report,
    name: n.Name,
    number: n.Expression,
    claimed: int,
    reports: tuple[OrderReport, ...],
    row: int,
    tableau: Tableau,
    *,
    timed: bool,
) -> None:
    """Report a row of weights whose order is not the claimed one."""
    orders = [proven.order if timed else proven.order_autonomous for proven in reports]
    order = orders[row]
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
        notes = _explained(failing) if failing else []
        notes += [
            f"row {other + 1} of the weights has order {found}; the first row is the one that is propagated"
            for other, found in enumerate(orders)
            if other != row and found >= claimed
        ]
        advice = f"claim order {order}, or correct the tableau" if order else "correct the tableau"
        needed = tolerance_needed(tableau, claimed, row)
        if needed is not None:
            exponent = largest_exponent(needed)
            notes.append(f"all conditions up to order {claimed} hold to {exponent} digits")
            advice = f"if these are decimals of an exact method, write `within 1e-{exponent}` after its order"
        report(too_high, number, name=name.text, claimed=claimed, proven=order, notes=notes, help=advice)
    elif claimed < order:
        proven = str(order) if reports[row].finished else f"at least {order}"
        advice = f"claim order {order}"
        report(too_low, number, name=name.text, claimed=claimed, proven=proven, help=advice)


def unproven(report: Report, number: n.Expression, what: str, claimed: int, proven: int) -> None:
    """Report a claim that is out of reach."""
    notes = [
        f"order {proven} is proven",
        f"order {claimed} has {trees.count(claimed)} conditions, too many to look at one by one, and Butcher's "
        "assumptions B, C and D do not imply it",
    ]
    advice = f"claim order {proven}" if proven else None
    report(catalogue.UNPROVEN, number, what=what, claimed=claimed, notes=notes, help=advice)


def largest_exponent(bound: Fraction) -> int:
    """The largest k with bound ≤ 10^−k, for 0 < bound < 1."""
    digits = len(str(bound.denominator // bound.numerator)) - 1
    return digits if bound * 10**digits <= 1 else digits - 1


def _explained(failing: Condition) -> list[str]:
    return [
        _failure(failing),
        f"the left side is {shown(failing.value)}, not {failing.expected}; they differ by {shown(failing.difference)}",
    ]


def _failure(failing: Condition) -> str:
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
