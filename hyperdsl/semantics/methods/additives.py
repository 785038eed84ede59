"""What a `method` declaration with an explicit and an implicit part means: an additive Runge–Kutta method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.dense import is_as_claimed, meets_the_ends, read_shared
from hyperdsl.semantics.methods.families import check_denominators, parameter_names, read_conditions
from hyperdsl.semantics.methods.labels import dense_of, parts_of, settings_of
from hyperdsl.semantics.methods.proofs import Claim, compare, rows_sum, warn_of_time
from hyperdsl.semantics.methods.tableaux import CLAUSES, check_weight_rows, read_claim
from hyperdsl.semantics.methods.tables import is_provable, read_table
from hyperdsl.semantics.model.additive import EXPLICIT, IMPLICIT, PARTS, Additive, AdditiveDense, AdditiveFacts
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.spec import Method
from hyperdsl.semantics.reading.names import check_name
from hyperdsl.semantics.reading.report import Report, Spanned, exactly
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.tables.methods import ADDITIVE
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.additive.dense import prove_dense, with_shared_weights
from hyperdsl.theory.additive.order import (
    OrderReport,
    principal_error_norm,
    prove_order,
    stage_order,
    tolerance_needed,
)
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.additive.trees import conditions
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.barriers import highest_order
from hyperdsl.theory.runge_kutta.simplifying import is_stiffly_accurate
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.a_stability import linear_stability
from hyperdsl.theory.stability.linear import stability_intervals

Find = Callable[[n.Name], Method | None]
"""The Runge–Kutta method that a name means; None where there is none, which it reports."""


@dataclass(frozen=True)
class _Part:
    """A part's coefficients, the node that it is called by, and where each c stands."""

    tableau: Tableau
    entries: Entries
    at: Spanned
    nodes: tuple[Spanned, ...]


@exactly
def read_additive(report: Report, declaration: n.Declaration, find: Find) -> Additive | None:
    """The method, with its orders proven; None where something is wrong, which has been reported."""
    before = len(report.found)
    name = declaration.name
    check_name(report, name)
    names = parameter_names(report, declaration)
    dense = dense_of(report, declaration)
    settings = Settings(report, "an additive method", settings_of(declaration), ADDITIVE, CLAUSES)
    ranges = read_conditions(report, settings, names)
    claim = read_claim(report, declaration, settings)
    parts = [_part(report, declaration, settings, label, names, find) for label in PARTS]
    explicit, implicit = parts
    if explicit is None or implicit is None or not _go_together(report, name, explicit, implicit):
        return None
    pair = Pair(((EXPLICIT, explicit.tableau), (IMPLICIT, implicit.tableau)))
    if claim:
        check_weight_rows(report, claim, pair.rows)
    if claim is None or report.failed_since(before) or not is_provable(report, name, pair.joined):
        return None
    check_denominators(report, name, name.text, pair.joined, ranges.region)
    _check_claim(report, name, pair, claim, (explicit, implicit))
    if report.failed_since(before):
        return None
    facts = prove(pair, claim.order, claim.tolerance)
    between = _dense(report, dense, name, pair, claim, names) if dense else None
    if between:
        check_denominators(report, name, name.text, with_shared_weights(pair, between.weights).joined, ranges.region)
    if report.failed_since(before):
        return None
    return Additive(
        name=name.text,
        place=report.place(name),
        pair=pair,
        entries=(explicit.entries, implicit.entries),
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
def prove(pair: Pair, claimed: int, tolerance: Exact | None) -> AdditiveFacts:
    """Every fact that `hyperdsl check` prints; the same method in many files is proven once."""
    reports = _reports(pair, tolerance)
    explicit, implicit = pair.tableaux
    order = reports[0].order_autonomous
    real, imaginary = stability_intervals(explicit, order, tolerance)
    stability = linear_stability(implicit, order, tolerance)
    return AdditiveFacts(
        report=reports[0],
        embedded=tuple(proven.order for proven in reports[1:]),
        stage_order=stage_order(pair, tolerance),
        fsal=pair.is_fsal,
        conditions=conditions(claimed, len(PARTS)),
        principal_error=principal_error_norm(pair, reports[0].order, tolerance=tolerance),
        real_stability=real,
        imaginary_stability=imaginary,
        a_stable=stability.a_stable if stability else None,
        l_stable=stability.l_stable if stability else None,
        stiffly_accurate=is_stiffly_accurate(implicit, tolerance),
    )


@lru_cache(maxsize=256)
def _reports(pair: Pair, tolerance: Exact | None) -> tuple[OrderReport, ...]:
    """One for each row of weights."""
    return tuple(prove_order(pair, row, tolerance) for row in range(pair.rows))


def _dense(
    report: Report, node: n.Tableau, name: n.Name, pair: Pair, claim: Claim, names: tuple[str, ...]
) -> AdditiveDense | None:
    """The dense output, with the same weights in every part; None where it is at fault, which has been reported."""
    read = read_shared(report, node, pair.stages, names, "additive")
    if read is None:
        return None
    part, weights = read
    polynomials = tuple(polynomial for _, polynomial in weights)
    for label, tableau in pair.parts:
        whose = f", that of the {label} part"
        if not meets_the_ends(report, part, polynomials, tableau.weights[0], claim, whose):
            return None
    proven = _reports(pair, claim.tolerance)[0]
    order = proven.order_autonomous if claim.autonomous else proven.order
    found = prove_dense(pair, polynomials, order, claim.tolerance, autonomous=claim.autonomous)
    if not is_as_claimed(report, part, name, found, order):
        return None
    return AdditiveDense(part.order, polynomials, tuple(written for written, _ in weights))


def _part(
    report: Report,
    declaration: n.Declaration,
    settings: Settings,
    label: str,
    names: tuple[str, ...],
    find: Find,
) -> _Part | None:
    """A part: its tableau, or that of the method which a setting names."""
    table, setting = parts_of(declaration).get(label), settings.get(label)
    if table is not None and setting is not None:
        report(catalogue.REPEATED_SETTING, setting.word, word=label)
        return None
    if table is not None:
        read = read_table(report, table, names)
        nodes = tuple(row.c for row in read.rows) if read else ()
        return _Part(read.tableau, read.entries, table.values[0], nodes) if read else None
    if setting is None:
        name, example = declaration.name, f"tableau {label} {{ ... }}"
        kind, word = "additive method", f"tableau {label}"
        report(catalogue.MISSING_SETTING, name, kind=kind, name=name.text, word=word, example=example)
        return None
    return _named(report, settings, setting, find)


def _named(report: Report, settings: Settings, setting: n.Setting, find: Find) -> _Part | None:
    """The tableau of a method as a part: `explicit heun`."""
    value = settings.single(setting, "the name of a method")
    if value is None:
        return None
    if not isinstance(value, n.Name):
        report(catalogue.WRONG_VALUE, value, word=setting.word.text, wants="the name of a method")
        return None
    method = find(value)
    if method is None:
        return None
    if method.parameters:
        problem = f"`{value.text}` is a family of methods, and a part is one of them"
        advice = f"write its coefficients out: `tableau {setting.word.text} {{ ... }}`"
        report(catalogue.BAD_PARTS, value, problem=problem, help=advice)
        return None
    return _Part(method.tableau, method.entries, value, (value,) * method.tableau.stages)


def _go_together(report: Report, name: n.Name, explicit: _Part, implicit: _Part) -> bool:
    """Whether the parts have the same shape, and the explicit one is explicit."""
    for what, sizes in {
        "stage": (explicit.tableau.stages, implicit.tableau.stages),
        "row": (len(explicit.tableau.weights), len(implicit.tableau.weights)),
    }.items():
        if sizes[0] != sizes[1]:
            of = " of weights" if what == "row" else ""
            problem = f"the explicit part of `{name.text}` has {sizes[0]} {what}{'s' * (sizes[0] > 1)}{of}"
            problem += f", the implicit part {sizes[1]}"
            advice = "a stage that one part does not have is a row and a column of zeros" if what == "stage" else None
            report(catalogue.BAD_PARTS, implicit.at, problem=problem, help=advice)
            return False
    for i, row in enumerate(explicit.tableau.a):
        late = next((j for j, value in enumerate(row) if j >= i and not value.is_zero), None)
        if late is not None:
            report(catalogue.NOT_EXPLICIT, explicit.nodes[i], row=i + 1, name=name.text, other=late + 1)
            return False
    return True


def _check_claim(report: Report, name: n.Name, pair: Pair, claim: Claim, parts: tuple[_Part, _Part]) -> None:
    """Report every claim that is not borne out."""
    before = len(report.found)
    sums = [
        rows_sum(report, f"{name.text}, {label} part", part.tableau, claim.tolerance, dict(enumerate(part.nodes)))
        for label, part in zip(PARTS, parts, strict=True)
        if not claim.autonomous
    ]
    timed = bool(sums) and all(sums)
    reports = _reports(pair, claim.tolerance)
    claims = (claim.order, *claim.embedded)
    for row, (number, claimed) in enumerate(zip(claim.numbers, claims, strict=True)):
        needed = partial(tolerance_needed, pair, claimed, row)
        alone = [f"the {part} part alone has order {order}" for part, order in reports[row].parts]
        tableaux = (part.tableau for part in parts)
        reach = min(highest_order(one.kind, one.stages, embedded=row > 0) for one in tableaux)
        compare(
            report, name, number, claims, reports, row, needed, timed=timed, sure=all(sums), reach=reach, notes=alone
        )
    if not report.failed_since(before):
        warn_of_time(report, name, reports[0])
