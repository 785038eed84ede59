"""What the second prover finds, held against the checked model: where the two differ, hyperdsl has a bug."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from sympy.polys.domains import QQ

from hyperdsl.diagnostics import Diagnostic, catalogue
from hyperdsl.second import additive, declared, multistep, proofs, rosenbrock, written
from hyperdsl.second.budget import Undecided, limited
from hyperdsl.second.expressions import Expr, expression
from hyperdsl.second.orders import Found
from hyperdsl.second.trees import shown
from hyperdsl.semantics.methods.labels import parts_of
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import PARTS, Additive, AdditiveFacts
from hyperdsl.semantics.model.facts import Facts
from hyperdsl.semantics.model.rosenbrock import Rosenbrock, RosenbrockFacts
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax import nodes as n

REFUTED = frozenset(
    entry.code
    for entry in (
        *(catalogue.ORDER_TOO_HIGH, catalogue.EMBEDDED_TOO_HIGH, catalogue.ROW_SUM, catalogue.GAMMA_SUM),
        *(catalogue.DENSE_TOO_HIGH, catalogue.DENSE_ENDS),
    )
)
"""The errors that say that a claim does not hold."""

SETTLED = 8
"""An embedded order below which the exact engine has looked at all trees of the next order."""

REFUSED = "refused"
"""The group of methods whose claims are refuted; they are in no summary."""

Values = tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Verdict:
    """On one method or solver: a part of the summary, or `REFUSED`.

    `reason` is why it is not proven again, None where it is; `differences` is where the two provers differ.
    """

    group: str
    name: str
    place: Place
    reason: str | None = None
    differences: tuple[str, ...] = ()


def verdicts(spec: m.Spec, found: tuple[Diagnostic, ...]) -> Iterator[Verdict]:
    """On everything in a file whose order was proven, in the order of the summary; then on what was refuted."""
    bases: tuple[m.Base, ...] = (
        *spec.methods,
        *spec.additives,
        *spec.rosenbrocks,
        *spec.multisteps,
        *spec.predictor_correctors,
    )
    for base in bases:
        yield verdict(base, spec.imports)
    for solver in spec.solvers:
        yield _judged("solvers", solver.name, solver.place, partial(_solver, solver, spec.imports))
    for declaration in declared.declarations(spec.source):
        if declaration.word.text in ("method", "multistep") and _is_refuted(declaration, found):
            place = Place(spec.source, declaration.name.span)
            yield _judged(
                REFUSED, declaration.name.text, place, partial(_refused, declaration, spec.source, spec.imports)
            )


def verdict(base: m.Base, imports: tuple[Source, ...] = ()) -> Verdict:
    """On one method; `imports` are the files in which a pair's formulas may stand."""
    match base:
        case m.Method():
            return _judged("methods", base.name, base.place, partial(_method, base))
        case Rosenbrock():
            return _judged("methods", base.name, base.place, partial(_rosenbrock, base))
        case Additive():
            return _judged("methods", base.name, base.place, partial(_additive, base, imports))
        case m.Multistep():
            return _judged("multisteps", base.name, base.place, partial(_multistep, base))
        case m.PredictorCorrector():
            return _judged("predictor_correctors", base.name, base.place, partial(_pair, base, imports))


def _judged(group: str, name: str, place: Place, differences: Callable[[], Iterator[str]]) -> Verdict:
    found: list[str] = []
    try:
        with limited():
            for difference in differences():
                found.append(difference)  # what was found before sympy gave up counts
    except Undecided as reason:
        return Verdict(group, name, place, str(reason), tuple(found))
    except RecursionError:
        return Verdict(group, name, place, "its expressions are nested too deeply", tuple(found))
    return Verdict(group, name, place, None, tuple(found))


def _method(method: m.Method) -> Iterator[str]:
    yield from _compared(method.facts, _proof(method.place.source, method.name), method.autonomous)


def _additive(method: Additive, imports: tuple[Source, ...]) -> Iterator[str]:
    source = method.place.source
    parts = _parts(declared.method(method.name, source)[0], source, imports)
    yield from _compared(method.facts, additive.prove(parts), method.autonomous)


def _parts(
    declaration: n.Declaration, source: Source, imports: tuple[Source, ...], values: Values = ()
) -> tuple[written.Written, ...]:
    return written.read_parts(declaration, lambda name: declared.method(name, source, imports)[0], dict(values))


def _compared(facts: Facts | AdditiveFacts, proof: proofs.Proof, autonomous: bool) -> Iterator[str]:
    report = facts.report
    first, *embedded = proof.timed
    yield from _order("the order", report.order, first, settled=report.failing is not None)
    yield from _order(
        "the order without time",
        report.order_autonomous,
        proof.autonomous[0],
        settled=report.failing_autonomous is not None,
    )
    for row, (order, other) in enumerate(zip(facts.embedded, embedded, strict=True), start=2):
        yield from _order(f"the order of row {row} of the weights", order, other, settled=order < SETTLED)
    if not autonomous and not proof.rows_sum:
        yield "c = A·1: it holds by the exact engine, not by sympy"
    if proof.dense is not None and not proof.dense.holds:
        yield "the dense output: it is as claimed by the exact engine, not by sympy"
    if not proof.bounded:
        yield "the range: no coefficient has a pole in it by the exact engine, one has by sympy"


def _rosenbrock(method: Rosenbrock, values: Values = ()) -> Iterator[str]:
    declaration = declared.method(method.name, method.place.source)[0]
    yield from _rosenbrock_compared(method.facts, _rosenbrock_proof(declaration, values), method.autonomous)


def _rosenbrock_compared(facts: RosenbrockFacts, proof: rosenbrock.Proof, autonomous: bool) -> Iterator[str]:
    report = facts.report
    rows = ((report.order, report.order_autonomous), *((order, None) for order in facts.embedded))
    for row, (timed, untimed) in enumerate(rows, start=1):
        yield from _order(f"the order of row {row} of the weights", timed, proof.timed[row - 1], settled=True)
        if untimed is not None:
            yield from _order("the order without time", untimed, proof.autonomous[row - 1], settled=True)
    if proof.w_order != facts.w_order:
        yield f"the order with any matrix: {facts.w_order} by the exact engine, {proof.w_order} by sympy"
    if not autonomous and not proof.rows_sum:
        yield "c = α·1 and γ_i = Σ γ_ij: they hold by the exact engine, not by sympy"
    if not proof.bounded:
        yield "the range: no coefficient has a pole in it by the exact engine, one has by sympy"
    if not proof.dense:
        yield "the dense output: it is as claimed by the exact engine, not by sympy"


@lru_cache(maxsize=256)
def _rosenbrock_proof(declaration: n.Declaration, values: Values) -> rosenbrock.Proof:
    return rosenbrock.prove(declaration, dict(values))


def _order(what: str, exact: int, found: Found, *, settled: bool) -> Iterator[str]:
    """An order that differs; one that the exact engine did not settle may be higher."""
    if found.order < exact or (found.order > exact and settled):
        failing = f", where {shown(found.failing)} fails" if found.failing is not None else ""
        yield f"{what}: {exact} by the exact engine, {found.order} by sympy{failing}"


def _multistep(method: m.Multistep) -> Iterator[str]:
    formula = _formula(declared.method(method.name, method.place.source)[0])
    exact = method.formula
    if formula.order != exact.order:
        yield f"the order: {exact.order} by the exact engine, {formula.order} by sympy"
        return
    if formula.numbers.field != QQ:
        raise Undecided("its coefficients are irrational")
    constant = formula.error_constant
    constant_text = None if constant is None else str(constant)
    exact_text = None if exact.error_constant is None else str(exact.error_constant)
    if constant_text != exact_text:
        yield f"the error constant: {exact_text} by the exact engine, {constant_text} by sympy"
    if formula.zero_stable != exact.is_zero_stable:
        yield f"zero-stability: {exact.is_zero_stable} by the exact engine, {formula.zero_stable} by sympy"


@lru_cache(maxsize=256)
def _formula(declaration: n.Declaration) -> multistep.Formula:
    return multistep.read(declaration)


def _pair(pair: m.PredictorCorrector, imports: tuple[Source, ...]) -> Iterator[str]:
    source = pair.place.source
    names = pair.predictor, pair.corrector
    predictor, corrector = (_formula(declared.method(name, source, imports)[0]) for name in names)
    order = multistep.pair_order(predictor, corrector, pair.mode)
    if order != pair.formula.order:
        yield f"the order: {pair.formula.order} by the exact engine, {order} by sympy"


def _solver(solver: m.AnySolver, imports: tuple[Source, ...]) -> Iterator[str]:
    base = solver.base
    if isinstance(solver, m.Solver):
        yield from _compared(solver.facts, _base_proof(solver), solver.base.autonomous)
    elif isinstance(solver, m.AdditiveSolver):
        declaration, source = declared.method(base.name, base.place.source)
        parts = _parts(declaration, source, imports if source == solver.place.source else (), _fixed(solver))
        yield from _compared(solver.facts, additive.prove(parts), solver.base.autonomous)
    elif isinstance(solver, m.RosenbrockSolver):
        declaration = declared.method(base.name, base.place.source)[0]
        proof = _rosenbrock_proof(declaration, _fixed(solver))
        yield from _rosenbrock_compared(solver.facts, proof, solver.base.autonomous)
    elif isinstance(base, m.Multistep):
        yield from _multistep(base)
    elif isinstance(base, m.PredictorCorrector):
        yield from _pair(base, imports if base.place.source == solver.place.source else ())


def _base_proof(solver: m.Solver) -> proofs.Proof:
    """Of its base, with the numbers that its declaration puts in for parameters, or with all coefficients learned."""
    declaration = next(d for d in declared.declarations(solver.place.source) if d.name.span == solver.place.span)
    base = declared.setting(declaration, "base")
    if isinstance(base, n.Call) and base.name.text == "learned":
        return proofs.prove(written.learned(solver.tableau.stages, solver.tableau.kind))
    return _proof(solver.base.place.source, solver.base.name, _fixed(solver))


def _fixed(solver: m.StepSolver) -> Values:
    """The numbers that a solver's declaration puts in for parameters."""
    declaration = next(d for d in declared.declarations(solver.place.source) if d.name.span == solver.place.span)
    base = declared.setting(declaration, "base")
    arguments = base.arguments if isinstance(base, n.Call) else ()
    names = {name for name, _ in solver.fixed}
    return tuple((a.name.text, expression(a.value, {})) for a in arguments if a.name and a.name.text in names)


def _proof(source: Source, name: str, values: Values = ()) -> proofs.Proof:
    found = _proven(source, name, values)
    if isinstance(found, Undecided):
        raise found
    return found


@lru_cache(maxsize=512)
def _proven(source: Source, name: str, values: Values) -> proofs.Proof | Undecided:
    """The proof of a method of a file, made once in a run, or why there is none."""
    try:
        return proofs.prove(written.read(declared.method(name, source)[0], dict(values)))
    except Undecided as reason:
        return reason


def _is_refuted(declaration: n.Declaration, found: tuple[Diagnostic, ...]) -> bool:
    """Whether the exact engine refuted a claim of it, and nothing else is wrong with it."""
    errors = [d.code for d in found if d.severity == "error" and d.place and _within(d.place.span, declaration.span)]
    return bool(errors) and REFUTED.issuperset(errors)


def _within(span: Span, outer: Span) -> bool:
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return start <= (span.line, span.column) and (span.end_line, span.end_column) <= end


def _refused(declaration: n.Declaration, source: Source, imports: tuple[Source, ...]) -> Iterator[str]:
    if declaration.word.text == "multistep":
        claimed = declared.setting(declaration, "order")
        order = _formula(declaration).order
        if isinstance(claimed, n.Number) and int(claimed.text) <= order:
            yield f"the order: below the claimed {claimed.text} by the exact engine, {order} by sympy"
        return
    if parts_of(declaration).keys() & {"gamma", "transformed"}:
        if rosenbrock.prove(declaration).bears_out(rosenbrock.claims(declaration)):
            yield "its claims: refuted by the exact engine, proven by sympy"
        return
    if set(PARTS) & (set(parts_of(declaration)) | declared.settings(declaration)):
        parts = _parts(declaration, source, imports)
        method, proof = parts[0], additive.prove(parts)
    else:
        method = written.read(declaration)
        proof = proofs.prove(method)
    if proof.bears_out(method):
        yield "its claims: refuted by the exact engine, proven by sympy"
