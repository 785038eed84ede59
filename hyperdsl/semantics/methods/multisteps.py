"""What a `multistep` declaration means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import factorial

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.proofs import claiming, shown
from hyperdsl.semantics.model.spec import Multistep
from hyperdsl.semantics.reading.names import check_name
from hyperdsl.semantics.reading.numbers import ExactReader, fits_double
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.solvers.starts import FindMethod, read_start
from hyperdsl.semantics.tables.methods import MULTISTEP
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.root_condition import largest_root
from hyperdsl.theory.numbers.budget import MOST_BITS, NotExact
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

MAX_STEPS = 32
STATE, DERIVATIVE, STEP, INDEX = "z", "f", "h", "n"

Factor = tuple[str, int] | None
"""("z", j) of z[n+j], ("f", j) of f[n+j], or None of a number."""


@dataclass(frozen=True)
class _Term:
    """coefficient · factor · h^power."""

    coefficient: Exact
    factor: Factor
    power: int


@exactly
def read_multistep(report: Report, declaration: n.Declaration, find: FindMethod) -> Multistep | None:
    """The method, its order proven; None where something is wrong, which has been reported."""
    before = len(report.found)
    name = declaration.name
    check_name(report, name)
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a multistep method has no parameters")
    updates = [statement for statement in declaration.body.statements if isinstance(statement, n.Update)]
    others = tuple(statement for statement in declaration.body.statements if not isinstance(statement, n.Update))
    settings = Settings(report, "a multistep method", n.Block(others, declaration.body.span), MULTISTEP)
    claim = settings.require("order", name, "order 2")
    claimed = settings.integer("order", 1)
    if not updates:
        example = "z[n+1] = z[n] + h*f[n]"
        report(catalogue.MISSING_SETTING, name, kind="multistep", name=name.text, word="z[n+1]", example=example)
    for extra in updates[1:]:
        report(catalogue.REPEATED_SETTING, extra, word="z[n+1]")
    formula = _formula(report, updates[0]) if updates else None
    if formula is None or claim is None or report.failed_since(before):
        return None
    _check_order(report, name, claim, claimed, formula)
    start = read_start(report, settings, find, name.text, formula.start_order)
    if report.failed_since(before):
        return None
    if not formula.is_zero_stable:
        report(catalogue.NOT_ZERO_STABLE, name, name=name.text, notes=[unstable_root(formula)])
    return Multistep(name.text, report.place(name), formula, claimed, start)


def unstable_root(formula: LinearMultistep) -> str:
    """The root that makes a method diverge, in words."""
    root, size = largest_root(formula.rho)
    where = f"{root.real:.4g}" if abs(root.imag) < 1e-9 else f"{root.real:.4g} ± {abs(root.imag):.4g}i"
    kind = f"has modulus {size:.6g}" if size > 1 + 1e-9 else "is on the unit circle, and not a simple one"
    return f"the root ζ ≈ {where} of its ρ(ζ) {kind}"


def _check_order(report: Report, name: n.Name, claim: n.Setting, claimed: int, formula: LinearMultistep) -> None:
    order = max(0, formula.order)
    if claimed > order:
        q = formula.order + 1
        condition = "Σ α_j" if q == 0 else f"Σ (α_j j^{q}/{factorial(q)} - β_j j^{q - 1}/{factorial(q - 1)})"
        notes = [
            f"the first condition that fails is C_{q} = {condition} = 0, with z[n+1-{formula.steps}] as j = 0",
            f"C_{q} is {shown(formula.moment(q))}",
        ]
        advice = (
            f"claim order {order}, or correct the formula" if order else "correct the formula: it is not consistent"
        )
        report(
            catalogue.ORDER_TOO_HIGH,
            claim.values[0],
            name=name.text,
            claimed=claimed,
            proven=order,
            notes=notes,
            help=advice,
            fix=claiming(claim.values[0], order) if claimed > formula.highest_order else None,
        )
    elif claimed < order:
        fix = claiming(claim.values[0], order)
        report(catalogue.ORDER_TOO_LOW, claim.values[0], name=name.text, claimed=claimed, proven=order, fix=fix)


def _formula(report: Report, update: n.Update) -> LinearMultistep | None:
    """The coefficients of `z[n+1] = …`."""
    left = update.left
    if left.name.text != STATE or _offset(left.offset) != 1:
        problem, advice = (
            "the left side of a multistep equation is `z[n+1]`",
            "the state is `z`, its slope `f`, the newest index `n+1`",
        )
        report(catalogue.BAD_EQUATION, left, problem=problem, help=advice)
        return None
    terms = _Reader(report).read(update.right)
    if terms is None:
        return None
    states: dict[int, Exact] = {}
    derivatives: dict[int, Exact] = {}
    for term in terms:
        kept = states if term.factor and term.factor[0] == STATE else derivatives
        if term.factor is None or term.power != (0 if kept is states else 1):
            problem = "each term is a number times `z[n-j]`, or `h` times a number times `f[n+1-j]`"
            report(catalogue.BAD_EQUATION, update.right, problem=problem)
            return None
        kept[term.factor[1]] = kept.get(term.factor[1], ZERO) + term.coefficient
    oldest = min([*states, *derivatives], default=0)
    steps = max(1, 1 - oldest)
    alpha = [-states.get(j, ZERO) for j in range(1 - steps, 1)] + [ONE]
    beta = [derivatives.get(j, ZERO) for j in range(1 - steps, 2)]
    if not all(fits_double(report, update.right, a) for a in (*alpha, *beta)):
        return None
    return LinearMultistep(tuple(alpha), tuple(beta))


def _offset(expression: n.Expression) -> int | None:
    """j of `n+j`; None where it is something else."""
    match expression:
        case n.Name("n"):
            return 0
        case n.Binary("+" | "-" as sign, n.Name("n"), n.Number(text)) if text.isdigit() and len(text) < 4:
            return int(text) if sign == "+" else -int(text)
        case _:
            return None


def _collected(terms: Iterable[_Term]) -> list[_Term]:
    """One term for each factor and power: a product of sums has few of these, however often it is multiplied out."""
    found: dict[tuple[Factor, int], Exact] = {}
    for term in terms:
        key = term.factor, term.power
        found[key] = found.get(key, ZERO) + term.coefficient
    if any(coefficient.bits > MOST_BITS for coefficient in found.values()):
        raise NotExact(f"a coefficient has more than {MOST_BITS} bits")
    return [_Term(coefficient, *key) for key, coefficient in found.items()]


class _Reader:
    """Reads the right side as a sum of terms; products of two states are refused."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def read(self, node: n.Expression) -> list[_Term] | None:
        match node:
            case n.Name("h"):
                return [_Term(ONE, None, 1)]
            case n.Index(name, offset):
                return self._indexed(node, name, offset)
            case n.Negate(operand):
                return self._scaled(self.read(operand), -ONE)
            case n.Binary("+" | "-" as sign, left, right):
                sides = self.read(left), self._scaled(self.read(right), ONE if sign == "+" else -ONE)
                return None if sides[0] is None or sides[1] is None else _collected([*sides[0], *sides[1]])
            case n.Binary("*", left, right):
                return self._product(node, self.read(left), self.read(right))
            case n.Binary("/", left, right):
                below = ExactReader(self.report).value(right)
                if below is not None and below.is_zero:
                    self.report(catalogue.DIVISION_BY_ZERO, right)
                    return None
                return None if below is None else self._scaled(self.read(left), ONE / below)
            case _:
                number = ExactReader(self.report).value(node)
                return None if number is None else [_Term(number, None, 0)]

    def _indexed(self, node: n.Index, name: n.Name, offset: n.Expression) -> list[_Term] | None:
        at = _offset(offset)
        newest = 1 if name.text == DERIVATIVE else 0
        if name.text not in (STATE, DERIVATIVE):
            problem = f"`{name.text}[...]` is neither a state `z[n-j]` nor a derivative `f[n+1-j]`"
            self.report(catalogue.BAD_EQUATION, node, problem=problem)
        elif at is None:
            self.report(catalogue.BAD_EQUATION, offset, problem="an index is `n`, `n+1`, or `n-j` with a number j")
        elif at > newest:
            self.report(
                catalogue.BAD_EQUATION,
                node,
                problem=f"the newest `{name.text}` on the right side has index `n{'+1' * newest}`",
            )
        elif at < 1 - MAX_STEPS:
            self.report(catalogue.TOO_LARGE, node, what="the number of steps", limit=str(MAX_STEPS))
        else:
            return [_Term(ONE, (name.text, at), 0)]
        return None

    def _product(self, node: n.Binary, left: list[_Term] | None, right: list[_Term] | None) -> list[_Term] | None:
        if left is None or right is None:
            return None
        if any(x.factor and y.factor for x in left for y in right):
            self.report(
                catalogue.BAD_EQUATION, node, problem="the equation is not linear in the states and derivatives"
            )
            return None
        products = (
            _Term(x.coefficient * y.coefficient, x.factor or y.factor, x.power + y.power) for x in left for y in right
        )
        return _collected(products)

    def _scaled(self, terms: list[_Term] | None, by: Exact) -> list[_Term] | None:
        return None if terms is None else [_Term(term.coefficient * by, term.factor, term.power) for term in terms]
