"""The problems that one can name without writing them."""

from __future__ import annotations

from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.systems import MULTISCALE

BUILT_IN = (*CLASSICAL, *MULTISCALE, "digits", "flow")


def built_in(name: str, progress: bool = True) -> Problem:
    """The built-in problem of this name; KeyError where there is none.

    `digits` and `flow` train f first if need be, with a bar where `progress` says so.
    """
    if name == "digits":
        from hyperdsl.evaluation.digits import digits_problem  # noqa: PLC0415  (scikit-learn takes a second to import)

        return digits_problem(progress=progress)
    if name == "flow":
        from hyperdsl.evaluation.flows import flow_problem  # noqa: PLC0415  (imports what trains f)

        return flow_problem(progress=progress)
    return {**CLASSICAL, **MULTISCALE}[name]
