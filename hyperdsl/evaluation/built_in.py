"""The problems that one can name without writing them."""

from __future__ import annotations

from collections.abc import Mapping

from hyperdsl.evaluation.bodies import BODIES
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.robots import ROBOTS
from hyperdsl.evaluation.stiff import STIFF
from hyperdsl.evaluation.systems import MULTISCALE

FLOWS = ("flow", "flow_pinwheel", "flow_rings", "flow_checkerboard", "flow_eight_gaussians")
CNFS = ("cnf_pinwheel", "cnf_rings", "cnf_checkerboard", "cnf_eight_gaussians")
BUILT_IN = (*CLASSICAL, *MULTISCALE, *STIFF, *ROBOTS, *BODIES, "digits", "neuron", *FLOWS, *CNFS, "mnist_flow")


def parameters_of(name: str) -> Mapping[str, float]:
    """The parameters of the built-in problem of this name, with their usual values."""
    return STIFF[name].parameters if name in STIFF else {}


def built_in(name: str, progress: bool = True, ranges: Mapping[str, tuple[float, float]] | None = None) -> Problem:
    """The built-in problem of this name; KeyError where there is none.

    `ranges` are those of its parameters, where it has some (`parameters_of`), as `stiff.Family` has them.
    `digits`, `neuron`, flows and CNFs train f first if need be, with a bar where `progress` says so; `mnist_flow` has
    its own at hand.
    """
    if name == "digits":
        from hyperdsl.evaluation.digits import digits_problem  # noqa: PLC0415  (scikit-learn takes a second to import)

        return digits_problem(progress=progress)
    if name in FLOWS:
        from hyperdsl.evaluation.flows import flow_problem  # noqa: PLC0415  (imports what trains f)

        return flow_problem(progress=progress, name=name)
    if name in CNFS:
        from hyperdsl.evaluation.cnf import cnf_problem  # noqa: PLC0415

        return cnf_problem(name, progress=progress)
    if name == "mnist_flow":
        from hyperdsl.evaluation.image_flow import image_problem  # noqa: PLC0415

        return image_problem()
    if name == "neuron":
        from hyperdsl.evaluation.neuron import neuron_problem  # noqa: PLC0415  (imports what trains f)

        return neuron_problem(progress=progress)
    if name in STIFF:
        return STIFF[name].problem(ranges)
    if name in ROBOTS:
        return ROBOTS[name]()
    if name in BODIES:
        return BODIES[name].problem()
    return {**CLASSICAL, **MULTISCALE}[name]
