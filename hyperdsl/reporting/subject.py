"""What a report is about: a solver of a package on a problem, in the states of before and after training."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hyperdsl.evaluation.packages import Package
from hyperdsl.evaluation.problems import Problem, on_path
from hyperdsl.evaluation.solvers import TableauSolver, in_double
from hyperdsl.evaluation.training import build_solver
from hyperdsl.evaluation.weights import Origin, load_weights
from hyperdsl.runtime.ranges import Ranges
from hyperdsl.semantics.model.spec import AnySolver, Solver
from hyperdsl.training.learned import corrector_of, learns_something
from hyperdsl.verifying import package as remaking
from hyperdsl.verifying.found import Difference, NoPackageError


@dataclass(frozen=True)
class Subject:
    """`solver` as it is to be judged and `start` as it was before training; `origin` is that of its weights, if any.

    `declared` is the solver as the spec has it, proven anew from the package's own sources, or None where that fails.
    `parameters` are the values of the base's free parameters.
    """

    package: Package
    problem: Problem
    solver: nn.Module
    start: nn.Module
    origin: Origin | None
    declared: AnySolver | None
    parameters: Mapping[str, float]

    @property
    def name(self) -> str:
        return type(self.solver).__name__

    @property
    def entry(self) -> Mapping[str, Any]:
        """What the certificate says of the solver."""
        entries = self.package.certificate.get("solvers", ())
        return next((entry for entry in entries if entry.get("name") == self.name), {})

    @property
    def learns(self) -> bool:
        """Whether there is anything to train."""
        return learns_something(self.solver)

    @property
    def corrected(self) -> bool:
        """Whether there is a network g."""
        return corrector_of(self.solver) is not None

    @property
    def trained(self) -> bool:
        return self.origin is not None

    @property
    def ranges(self) -> Ranges | None:
        """What the weights were trained for, where they say so."""
        return Ranges.told(getattr(self.solver, "about", {}))

    def base(self) -> TableauSolver | None:
        """The base method on its own, where that is a tableau of numbers that is taken in plain steps."""
        declared = self.declared
        if not self.corrected or not isinstance(declared, Solver):
            return None
        if declared.tableau.kind != "explicit" or declared.tableau.parameters:
            return None
        return TableauSolver(f"{declared.base.name} alone", declared.tableau)

    def in_double(self) -> Subject:
        """The same in float64, where f takes that; else as it is."""
        problem, z0 = self.problem, self.problem.draw(1, torch.Generator().manual_seed(0))[0]
        if z0.dtype.to_real() == torch.float64:
            return self
        parts, f = tuple(map(in_double, problem.parts)), in_double(problem.f)
        solver, start = (copy.deepcopy(model).double() for model in (self.solver, self.start))
        made = replace(self, problem=replace(problem, f=f, parts=parts), solver=solver, start=start)
        return made if made.takes_double() else self

    def takes_double(self) -> bool:
        """Whether f takes states in float64."""
        z0, x = self.problem.draw(2, torch.Generator().manual_seed(0))
        given = (z0.double(),) if x is None else (x.double() if x.is_floating_point() else x, z0.double())
        try:
            slope = self.problem.f(torch.tensor(self.problem.span[0], dtype=torch.float64), *given)
        except (RuntimeError, TypeError):
            return False
        return slope.dtype.to_real() == torch.float64


def subject_of(
    package: Package, problem: Problem, solver: str | None, weights: Path | None, parameters: Mapping[str, float]
) -> Subject:
    """The package's solver for the problem, with its weights where there are some.

    PackageError, WeightsError, OSError or ValueError where these are not what they should be.
    """
    model, start = (build_solver(package, problem, solver) for _ in range(2))
    origin = None if weights is None else load_weights(weights, model, package)
    declared = _declared(package, type(model).__name__)
    return Subject(package, on_path(problem, model), model, start, origin, declared, dict(parameters))


def _declared(package: Package, name: str) -> AnySolver | None:
    """The solver as the package's sources have it, proven anew; None where they are missing or at fault."""
    try:
        found = remaking.proven_again(remaking.read_package(package.folder))
    except NoPackageError:
        return None
    solvers = () if isinstance(found, Difference) else found.solvers
    return next((one for one in solvers if one.name == name), None)
