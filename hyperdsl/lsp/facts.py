"""What is said of a declaration under the cursor, and beside its name, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.lsp.analysis import Analysis, Named
from hyperdsl.pages.listing import Row, rows
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import Base, Method, Multistep, PredictorCorrector
from hyperdsl.semantics.settings_table import BLOCKS, DECLARED
from hyperdsl.semantics.summary import (
    additive_summary,
    method_summary,
    multistep_summary,
    orders,
    rosenbrock_summary,
    solver_summary,
)
from hyperdsl.semantics.tables.word import Word
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.printer import header_text
from hyperdsl.theory.numbers.budget import OutOfReach, limited

LABELS = {
    "kind": "kind",
    "base": "base",
    "corrector": "corrector",
    "stages": "stages",
    "order": "order, proven",
    "order_autonomous": "order for z' = f(z)",
    "embedded_order": "embedded order",
    "w_order": "order with any matrix",
    "residual_power": "residual power",
    "conditions": "conditions up to the claimed order",
    "proof": "proof",
    "tolerance": "tolerance",
    "stage_order": "stage order",
    "fsal": "first same as last",
    "principal_error": "principal error",
    "error_constant": "error constant",
    "explicit": "explicit",
    "zero_stable": "zero-stable",
    "real_stability": "real stability interval",
    "imaginary_stability": "imaginary stability interval",
    "l_stable": "L-stable",
    "stiffly_accurate": "stiffly accurate",
    "symplectic": "symplectic",
    "symmetric": "symmetric",
}
"""How the facts of `hyperdsl check --json` are called, in the order in which they are shown."""


def order_text(base: Base) -> str:
    """`5(4)`: the proven orders of a method of any kind."""
    if isinstance(base, Multistep | PredictorCorrector):
        return str(max(0, base.formula.order))
    return orders(base)


def facts(base: Base) -> Mapping[str, object]:
    """What was proven of a method of any kind."""
    match base:
        case Method():
            return method_summary(base)
        case Additive():
            return additive_summary(base)
        case Rosenbrock():
            return rosenbrock_summary(base)
        case Multistep():
            return multistep_summary(base)
        case _:
            return {"kind": f"P = {base.predictor}, C = {base.corrector}, {base.mode}", "order": base.formula.order}


def hover(analysis: Analysis, named: Named) -> str:
    """What there is to say of a declaration, of this file, of one that it imports, or of the library.

    A method of the library is proven for it.
    """
    declaration = named.declaration
    parts = [f"```hyper\n{header_text(declaration)}\n```"]
    parts += list(_comment(named))
    if not named.in_library and named.scope is analysis.scope:
        parts += [_message(diagnostic) for diagnostic in analysis.said_of(declaration)]
    if named.group == "method":
        parts.append(_proven(named))
    elif named.group == "solver":
        solver = analysis.solver(named.name) if named.scope is analysis.scope else None
        parts.append(_listed(solver_summary(solver)) if solver else "")
    else:
        parts.append(DECLARED.get(declaration.word.text, ""))
    parts.append(_where(analysis, named))
    return "\n\n".join(filter(None, parts))


def _proven(named: Named) -> str:
    try:
        with limited():
            base = named.base
    except OutOfReach as reason:
        return f"Not proven: {reason}."
    return _listed(facts(base)) if base else "Not proven: it is at fault."


def row_of(name: str) -> Row | None:
    """What is known of a method of the library."""
    return next((row for row in rows() if row.name == name), None)


def word_text(word: Word) -> str:
    """What a setting means, takes, and is where it is not said."""
    lines = [f"`{word.word}`: {word.means}", f"takes {word.takes}"]
    lines += [f"default: `{word.default}`"] if word.default else []
    return "  \n".join(lines)


def word_of(block: str | None, word: str) -> Word | None:
    """A word of a block's."""
    return next((one for one in BLOCKS.get(block or "", ()) if one.word == word), None)


def _comment(named: Named) -> Iterator[str]:
    """The comment that stands above a declaration: of a method of the library, its source."""
    row = row_of(named.name) if named.in_library else None
    if row:
        yield row.source
        return
    lines, above = named.scope.unit.source.lines, []
    for line in reversed(lines[: named.declaration.span.line - 1]):
        if not line.startswith("#"):
            break
        above.append(line.lstrip("# "))
    if above:
        yield " ".join(reversed(above))


def _where(analysis: Analysis, named: Named) -> str:
    if named.in_library:
        return f"of the library, `{named.scope.unit.source.name}`"
    return "" if named.scope is analysis.scope else f"imported from `{named.scope.unit.source.name}`"


def _message(diagnostic: Diagnostic) -> str:
    """A message with its notes: the failing condition, and the two numbers that differ."""
    lines = [f"**{diagnostic.severity} {diagnostic.code}**: {diagnostic.message}"]
    lines += [f"- {note}" for note in diagnostic.notes]
    lines += [f"- {diagnostic.help}"] if diagnostic.help else []
    return "\n".join(lines)


def _listed(found: Mapping[str, object]) -> str:
    shown = {label: found[key] for key, label in LABELS.items() if found.get(key) is not None}
    return "\n".join(f"- {label}: {_value(label, value)}" for label, value in shown.items())


def _value(label: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "∞" if value == "inf" else f"{value:.6g}" if isinstance(value, float) else str(value)
    if label == LABELS["real_stability"]:
        return f"[-{text}, 0]"
    return f"[-{text}i, {text}i]" if label == LABELS["imaginary_stability"] else text


def hints(analysis: Analysis) -> Iterator[tuple[n.Name, str]]:
    """What is proven of each declaration of the file, to be shown after its name."""
    for named in analysis.declarations:
        solver = analysis.solver(named.name) if named.group == "solver" else None
        if named.group == "method" and named.base is not None:
            yield named.declaration.name, f"order {order_text(named.base)}"
        elif solver is not None:
            yield named.declaration.name, f"order {solver.order}"
