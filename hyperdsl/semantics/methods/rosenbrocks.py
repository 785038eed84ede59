"""What a `method` declaration with `gamma` means: a Rosenbrock method, as it is published or transformed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.families import check_denominators, parameter_names, read_conditions
from hyperdsl.semantics.methods.gammas import Coefficients, read_coefficients
from hyperdsl.semantics.methods.labels import dense_of, settings_of
from hyperdsl.semantics.methods.proofs import Claim, claiming, exchanged, largest_exponent, lower, shown
from hyperdsl.semantics.methods.rosenbrock_dense import read_rosenbrock_dense
from hyperdsl.semantics.methods.tableaux import CLAUSES, check_weight_rows, read_claim
from hyperdsl.semantics.model.rosenbrock import Rosenbrock, RosenbrockFacts
from hyperdsl.semantics.reading.names import check_name
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.tables.methods import ROSENBROCK
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.conditions import Condition
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.rosenbrock.order import (
    OrderReport,
    conditions,
    principal_error_norm,
    prove_order,
    sum_defects,
    tolerance_needed,
    w_order,
)
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.rosenbrock.trees import Tree
from hyperdsl.theory.runge_kutta.barriers import highest_order
from hyperdsl.theory.runge_kutta.dense import with_dense_weights
from hyperdsl.theory.stability.a_stability import linear_stability
from hyperdsl.theory.stability.linear import stability_intervals


@exactly
def read_rosenbrock(report: Report, declaration: n.Declaration) -> Rosenbrock | None:
    """The method, with its orders proven; None where something is wrong, which has been reported."""
    before = len(report.found)
    check_name(report, declaration.name)
    names = parameter_names(report, declaration)
    dense = dense_of(report, declaration)
    settings = Settings(report, "a Rosenbrock method", settings_of(declaration), ROSENBROCK, CLAUSES)
    ranges = read_conditions(report, settings, names)
    claim = read_claim(report, declaration, settings)
    found = read_coefficients(report, declaration, settings, names)
    if claim and found:
        check_weight_rows(report, claim, len(found.tableau.weights))
    if claim is None or found is None or report.failed_since(before):
        return None
    check_denominators(report, declaration.name, declaration.name.text, found.tableau, ranges.region)
    _Judge(report, declaration.name, found, claim).compare()
    if report.failed_since(before):
        return None
    facts, between = prove(found.tableau, claim.order, claim.tolerance), None
    if dense is not None:
        order = facts.report.order_autonomous if claim.autonomous else facts.order
        between = read_rosenbrock_dense(report, dense, declaration.name, found, claim, order, names)
        if between is not None:
            weighed = with_dense_weights(found.tableau.alpha, found.tableau.c, between.weights)
            check_denominators(report, dense.word, declaration.name.text, weighed, ranges.region)
        if report.failed_since(before):
            return None
    return Rosenbrock(
        name=declaration.name.text,
        place=report.place(declaration.name),
        tableau=found.tableau,
        parameters=ranges.parameters(),
        claimed_order=claim.order,
        claimed_embedded=claim.embedded,
        tolerance=claim.tolerance,
        autonomous=claim.autonomous,
        facts=facts,
        nonzero=tuple(ranges.nonzero),
        dense=between,
    )


@lru_cache(maxsize=256)
def prove(tableau: RosenbrockTableau, claimed: int, tolerance: Exact | None) -> RosenbrockFacts:
    """Every fact that `hyperdsl check` prints; the same method in many files is proven once."""
    reports = _reports(tableau, tolerance)
    order = reports[0].order_autonomous
    real, imaginary = stability_intervals(tableau.linear, order, tolerance)
    stability = linear_stability(tableau.linear, order, tolerance)
    return RosenbrockFacts(
        report=reports[0],
        embedded=tuple(proven.order for proven in reports[1:]),
        w_order=w_order(tableau, tolerance=tolerance),
        conditions=conditions(claimed),
        principal_error=principal_error_norm(tableau, reports[0].order, tolerance=tolerance),
        real_stability=real,
        imaginary_stability=imaginary,
        a_stable=stability.a_stable if stability else None,
        l_stable=stability.l_stable if stability else None,
        stiffly_accurate=tableau.is_stiffly_accurate(tolerance),
    )


@lru_cache(maxsize=256)
def _reports(tableau: RosenbrockTableau, tolerance: Exact | None) -> tuple[OrderReport, ...]:
    """One for each row of weights."""
    return tuple(prove_order(tableau, row, tolerance) for row in range(len(tableau.weights)))


@dataclass(frozen=True)
class _Judge:
    """Holds the claims of a declaration against what is proven of its coefficients."""

    report: Report
    name: n.Name
    found: Coefficients
    claim: Claim

    def compare(self) -> None:
        """Report every claim that does not hold."""
        claim, tableau = self.claim, self.found.tableau
        before = len(self.report.found)
        timed = not claim.autonomous and self._sums_hold()
        reports = _reports(tableau, claim.tolerance)
        for row in range(1 + len(claim.embedded)):
            self._compare_row(row, reports, timed=timed, sure=timed or claim.autonomous)
        first = reports[0]
        if first.order < first.order_autonomous and not self.report.failed_since(before):
            notes = [_failure(first.failing)] if first.failing else []
            self.report(
                catalogue.TIME_ORDER_LOWER,
                self.name,
                name=self.name.text,
                notes=notes,
                order=first.order,
                autonomous=first.order_autonomous,
            )

    def _sums_hold(self) -> bool:
        """Whether c and γ_i are the sums of their rows; reported where they are not."""
        defects = sum_defects(self.found.tableau, self.claim.tolerance)
        for defect in defects:
            symbol = f"γ_{defect.row + 1}" if defect.of_gamma else "c"
            notes = [
                f"{symbol} is {shown(defect.stated)}, the coefficients of the row sum to {shown(defect.total)}",
                f"they differ by {shown(defect.stated - defect.total)}",
            ]
            entry = catalogue.GAMMA_SUM if defect.of_gamma else catalogue.ROW_SUM
            node = self.found.sums[defect.row] if defect.of_gamma else self.found.nodes[defect.row]
            self.report(entry, node, row=defect.row + 1, name=self.name.text, notes=notes)
        return not defects

    def _compare_row(self, row: int, reports: tuple[OrderReport, ...], *, timed: bool, sure: bool) -> None:
        name, number = self.name.text, self.claim.numbers[row]
        orders = [proven.order if timed else proven.order_autonomous for proven in reports]
        order, failing = orders[row], reports[row].failing if timed else reports[row].failing_autonomous
        claims = (self.claim.order, *self.claim.embedded)
        claimed, swapped = claims[row], max(orders) > orders[0] or exchanged(orders, claims)
        sure = sure and not swapped
        if claimed < order:
            entry = catalogue.EMBEDDED_TOO_LOW if row else catalogue.ORDER_TOO_LOW
            fix = claiming(number, order) if sure else None
            advice = lower(order, orders, claims)
            self.report(entry, number, name=name, claimed=claimed, proven=order, help=advice, fix=fix)
        if claimed <= order:
            return
        notes = _explained(failing) if failing else []
        notes += [
            f"row {other + 1} of the weights has order {found}; the first row is the one that is propagated"
            for other, found in enumerate(orders)
            if swapped and other != row and found >= claimed
        ]
        advice = f"claim order {order}, or correct the coefficients" if order else "correct the coefficients"
        tableau = self.found.tableau
        needed = tolerance_needed(tableau, claimed, row)
        if needed:
            exponent = largest_exponent(needed)
            notes.append(f"all conditions up to order {claimed} hold to {exponent} digits")
            advice = f"if these are decimals of an exact method, write `within 1e-{exponent}` after its order"
        entry = catalogue.EMBEDDED_TOO_HIGH if row else catalogue.ORDER_TOO_HIGH
        reach = highest_order("dirk", tableau.stages)  # whose stability functions Rosenbrock methods have
        fix = claiming(number, order) if sure and not needed and claimed > reach else None
        self.report(entry, number, name=name, claimed=claimed, proven=order, notes=notes, help=advice, fix=fix)


def _explained(failing: Condition[Tree]) -> list[str]:
    return [
        _failure(failing),
        f"the left side is {shown(failing.value)}, not {failing.expected}; they differ by {shown(failing.difference)}",
    ]


def _failure(failing: Condition[Tree]) -> str:
    return f"the first condition that fails is {failing.tree.condition()}, of the tree {failing.tree}"
