"""Correctors beyond explicit fixed steps: adaptive, predictor-corrector and stiff methods."""

from __future__ import annotations

from collections.abc import Mapping

from hyperdsl.evidence import beyond_adaptive, beyond_history, beyond_stiff
from hyperdsl.evidence.study import Conclusion, Found, Part, Settings, Study

KINDS = {
    "Adaptive steps": beyond_adaptive,
    "A predictor-corrector method": beyond_history,
    "A stiff oscillator": beyond_stiff,
}


def _parts(settings: Settings) -> list[Part]:
    return [part for kind in KINDS.values() for part in kind.parts(settings)]


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    findings, tables = [], []
    for title, kind in KINDS.items():
        own = {part: value for part, value in found.items() if part.startswith(f"{kind.KIND}/")}
        findings += kind.findings(own)
        tables.append(f"## {title}\n\n{kind.table(own)}")
    return Conclusion(findings, "\n".join(tables))


STUDY = Study(
    "Beyond fixed-step explicit hypersolvers",
    """The source: "Hypersolvers are not limited to fixed-step explicit solvers. Adaptive-step, predictor-corrector
schemes, different classes of differential equations are also compatible." Here adaptive HyperEuler and HyperHeun,
whose g estimates the error, beside SciPy's RK45 and torchdiffeq's dopri5 at equal error, each of 24 unseen states
solved alone; PECE (AB2 with the trapezoidal rule) with g on the last correction; and L-stable steps with g on van der
Pol's slow motion (μ = 1000).""",
    15.0,
    _parts,
    _conclude,
)
