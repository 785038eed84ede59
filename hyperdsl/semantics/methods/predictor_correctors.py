"""What a `predictor_corrector` declaration means."""

from __future__ import annotations

import re
from collections.abc import Callable

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.multisteps import unstable_root
from hyperdsl.semantics.model.spec import Multistep, PredictorCorrector
from hyperdsl.semantics.reading.names import check_name
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.solvers.starts import FindMethod, read_start
from hyperdsl.semantics.tables.methods import DEFAULT_MODE, MOST_CORRECTIONS
from hyperdsl.semantics.tables.methods import PREDICTOR_CORRECTOR as TABLE
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.multistep import predictor_corrector as theory

FindMultistep = Callable[[n.Name], Multistep | None]

MODE = re.compile(r"P((?:EC)+)(E?)")


@exactly
def read_predictor_corrector(
    report: Report, declaration: n.Declaration, multistep: FindMultistep, find: FindMethod
) -> PredictorCorrector | None:
    """The pair, its order proven; None where something is wrong, which has been reported."""
    before = len(report.found)
    name = declaration.name
    check_name(report, name)
    if declaration.parameters:
        problem = "a predictor-corrector method has no parameters"
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem=problem)
    settings = Settings(report, "a predictor_corrector", declaration.body, TABLE)
    predictor = _formula(report, settings, name, "predict", multistep, explicit=True)
    corrector = _formula(report, settings, name, "correct", multistep, explicit=False)
    mode = _mode(report, settings)
    if predictor is None or corrector is None or mode is None or report.failed_since(before):
        return None
    found = MODE.fullmatch(mode)
    corrections = len(found[1]) // 2 if found else 1
    formula = theory.FormulaPair(predictor.formula, corrector.formula, corrections, mode.endswith("E"))
    start = read_start(report, settings, find, name.text, formula.start_order)
    if report.failed_since(before):
        return None
    return PredictorCorrector(name.text, report.place(name), formula, predictor.name, corrector.name, mode, start)


def _formula(
    report: Report, settings: Settings, owner: n.Name, word: str, multistep: FindMultistep, *, explicit: bool
) -> Multistep | None:
    setting = settings.require(word, owner, "predict ab2" if explicit else "correct am2")
    value = settings.single(setting, "the name of a multistep method") if setting else None
    if value is None:
        return None
    if not isinstance(value, n.Name):
        report(catalogue.WRONG_VALUE, value, word=word, wants="the name of a multistep method")
        return None
    method = multistep(value)
    if method is None:
        return None
    if method.formula.explicit != explicit:
        wants = (
            "an explicit method, whose equation has no `f[n+1]`" if explicit else "an implicit method, with `f[n+1]`"
        )
        report(catalogue.WRONG_VALUE, value, word=word, wants=wants)
        return None
    if not explicit and not method.formula.is_zero_stable:
        report(catalogue.DIVERGES, value, name=value.text, notes=[unstable_root(method.formula)])
        return None
    return method


def _mode(report: Report, settings: Settings) -> str | None:
    """`PECE`, spelled out."""
    setting = settings.get("mode")
    if setting is None:
        return DEFAULT_MODE
    value = settings.single(setting, "a mode such as `PECE`")
    if value is None:
        return None
    found = MODE.fullmatch(value.text) if isinstance(value, n.Name) else None
    if found is None:
        report(
            catalogue.WRONG_VALUE, value, word="mode", wants="P(EC)^m or P(EC)^m E spelled out: PEC, PECE, PECECE, ..."
        )
        return None
    if len(found[1]) // 2 > MOST_CORRECTIONS:
        report(catalogue.TOO_LARGE, value, what="the number of corrections", limit=str(MOST_CORRECTIONS))
        return None
    return found[0]
