"""Which kind of method a declaration is: its tables say so, by their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n

Kind = Literal[
    "Runge–Kutta", "additive", "partitioned", "low-storage", "Nyström", "Rosenbrock", "exponential", "stochastic"
]

PLAIN = "tableau"
"""What a tableau without a label is called among the parts of a method."""
GAMMA = "gamma"

LABELS: Mapping[Kind, tuple[str, ...]] = {
    "additive": ("explicit", "implicit"),
    "partitioned": ("q", "p"),
    "low-storage": ("williamson", "ketcheson"),
    "Nyström": ("position", "velocity"),
    "Rosenbrock": ("transformed", "c", GAMMA),
    "exponential": ("exponential",),
    "stochastic": ("drift", "drift_at_noise", "noise_in_drift", "diffusion"),
}
"""The labels of tableaux by the kind of method that they make; `gamma` is a table with a word of its own."""
BUILT: frozenset[Kind] = frozenset({"additive", "Rosenbrock"})
"""The kinds with labels that can be compiled; the others have a message of their own."""
OF_LABEL: Mapping[str, Kind] = {label: kind for kind, labels in LABELS.items() for label in labels}

assert set(LABELS) | {"Runge–Kutta"} == set(get_args(Kind))


def tables_of(declaration: n.Declaration) -> list[n.Tableau]:
    """Its tables of coefficients, in their order; dense output is none."""
    statements = declaration.body.statements
    return [table for table in statements if isinstance(table, n.Tableau) and table.word.text != "dense"]


def dense_of(report: Report, declaration: n.Declaration) -> n.Tableau | None:
    """Its dense output; a second one is reported."""
    statements = declaration.body.statements
    found = [s for s in statements if isinstance(s, n.Tableau) and s.word.text == "dense"]
    for table in found[1:]:
        report(catalogue.REPEATED_SETTING, table.word, word="dense")
    return found[0] if found else None


def settings_of(declaration: n.Declaration) -> n.Block:
    """What is no table."""
    statements = declaration.body.statements
    return n.Block(tuple(s for s in statements if not isinstance(s, n.Tableau)), declaration.body.span)


def label_of(table: n.Tableau) -> str:
    """The part of the method that a sound table is."""
    if table.word.text == GAMMA:
        return GAMMA
    return table.values[0].text if table.values and isinstance(table.values[0], n.Name) else PLAIN


def parts_of(declaration: n.Declaration) -> dict[str, n.Tableau]:
    """Its tables by label, the first of each."""
    return {label_of(table): table for table in reversed(tables_of(declaration))}


def kind_of(report: Report, declaration: n.Declaration) -> Kind | None:
    """The kind of method; None where its labels are at fault, which has been reported."""
    before = len(report.found)
    tables = tables_of(declaration)
    for table in tables:
        _check_label(report, table)
    if report.failed_since(before):
        return None
    kind: Kind = "additive" if _names_parts(declaration) else "Runge–Kutta"
    for table in tables:
        found = OF_LABEL.get(label_of(table))
        if found is not None and kind == "Runge–Kutta":
            kind = found
        elif found is not None and found != kind:
            where = f"beside the other tables: its label is of {_article(found)} method, theirs of {_article(kind)} one"
            report(catalogue.MISPLACED, _at(table), what=f"`{label_of(table)}`", where=where)
            return None
    _check_repeated(report, tables)
    return None if report.failed_since(before) else kind


def _check_label(report: Report, table: n.Tableau) -> None:
    """A tableau has one label or none, a name that some kind of method has; the grammar gives `gamma` none."""
    if wrong := [*table.values[1:], *table.clauses]:
        report(catalogue.WRONG_VALUE, wrong[0], word="tableau", wants="one label, or none")
    elif table.values and not isinstance(table.values[0], n.Name):
        report(catalogue.WRONG_VALUE, table.values[0], word="tableau", wants="a label such as `explicit`, or none")
    elif table.values and (label := label_of(table)) not in OF_LABEL:
        known = [known for known, kind in OF_LABEL.items() if known != GAMMA and kind in BUILT]
        advice = did_you_mean(label, known) or "labels are " + ", ".join(f"`{known}`" for known in known)
        report(catalogue.UNKNOWN_CHOICE, table.values[0], value=label, what="label of a tableau", help=advice)


def _names_parts(declaration: n.Declaration) -> bool:
    """Whether a setting names the method that is a part: `explicit heun`; beside a plain tableau none does."""
    if any(label_of(table) == PLAIN for table in tables_of(declaration)):
        return False
    settings = (statement for statement in declaration.body.statements if isinstance(statement, n.Setting))
    return any(setting.word.text in LABELS["additive"] for setting in settings)


def _check_repeated(report: Report, tables: list[n.Tableau]) -> None:
    seen: set[str] = set()
    for table in tables:
        label = label_of(table)
        if label in seen:
            word = label if label in (PLAIN, GAMMA) else f"{PLAIN} {label}"
            report(catalogue.REPEATED_SETTING, table.word, word=word)
        seen.add(label)


def _at(table: n.Tableau) -> n.Name:
    """Where its label stands."""
    value = table.values[0] if table.values else table.word
    return value if isinstance(value, n.Name) else table.word


def _article(kind: Kind) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
