"""How methods with a history get their first states: `start rk4(substeps = 8)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model.spec import Method, Start
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Arguments, Settings
from hyperdsl.semantics.solvers.parameters import member
from hyperdsl.semantics.tables.methods import SUBSTEPS
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair

FindMethod = Callable[[n.Name], Method | None]

EXPLICIT_STARTS = ((4, "rk4"), (5, "dopri5"), (8, "dop853"))
IMPLICIT_STARTS = ((5, "radau_iia5"), (9, "radau_iia9"), (13, "radau_iia13"))
"""Up to which order of the whole a method of the library is taken: an explicit one would not hold where a problem is
stiff, which implicit formulas are there for."""


_OWN = frozenset(word.word for word in SUBSTEPS)
"""Arguments of a start; all others are parameters of its method."""


def default_start(formula: LinearMultistep | FormulaPair) -> str:
    """The library's method for the first states of a formula or pair, one step to each of them."""
    explicit = isinstance(formula, FormulaPair) or formula.explicit
    starts = EXPLICIT_STARTS if explicit else IMPLICIT_STARTS
    return next((name for highest, name in starts if formula.order <= highest), starts[-1][1])


def read_start(report: Report, settings: Settings, find: FindMethod, name: str, needed: int) -> Start | None:
    """What `start` says; None without one, and where it was reported."""
    setting = settings.get("start")
    value = settings.single(setting, "the name of a method") if setting else None
    word = value.name if isinstance(value, n.Call) else value
    if value is None or word is None:
        return None
    if not isinstance(word, n.Name):
        report(catalogue.WRONG_VALUE, value, word="start", wants="a method such as `rk4(substeps = 8)`")
        return None
    family = find(word)
    own, others = _apart(value)
    substeps = Arguments(report, own, SUBSTEPS).integer("substeps", 1)
    method = None if family is None else member(report, word, family, others, tuple(_OWN))
    if method is None:
        return None
    if method.facts.order < needed:
        notes = [f"errors of the first states must not exceed those of all later steps, which add up to ε^{needed + 1}"]
        report(
            catalogue.START_TOO_LOW,
            word,
            start=method.name,
            order=method.facts.order,
            name=name,
            needed=needed,
            notes=notes,
        )
        return None
    return Start(method, substeps)


def _apart(value: n.Expression) -> tuple[n.Expression, tuple[n.Argument, ...]]:
    """The start with its own arguments alone, and those of its method."""
    if not isinstance(value, n.Call):
        return value, ()
    others = tuple(one for one in value.arguments if one.name and one.name.text not in _OWN)
    return replace(value, arguments=tuple(one for one in value.arguments if one not in others)), others
