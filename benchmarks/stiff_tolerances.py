"""Radau and BDF beside SciPy's at equal tolerances, and at many tolerances near by (tables of benchmarks/stiff.py)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hyperdsl import compiler
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.scipy_methods import scipy_solve
from hyperdsl.evaluation.stiff import STIFF
from hyperdsl.source import SpecFile

SPEC = Path(__file__).with_name("stiff.hyper")
Table = tuple[str, list[str], list[list[str]]]

CASES: dict[str, tuple[dict[str, tuple[float, float]] | None, float]] = {
    "robertson": (None, 1e-6),
    "van_der_pol_stiff(mu=1e3)": ({"mu": (1e3, 1e3)}, 1.0),
    "van_der_pol_stiff(mu=1e6)": ({"mu": (1e6, 1e6)}, 1.0),
    "van_der_pol_stiff(mu=1e12)": ({"mu": (1e12, 1e12)}, 1.0),  # μ = 1e6 in the oscillator's own time
    "oregonator_stiff": (None, 1e-2),
    "hires": (None, 1e-4),
}
"""Parameters, and the absolute tolerance over the relative one."""

ENDS = {
    "robertson": (0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050),
    "van_der_pol_stiff(mu=1e6)": (1.706167732170483, -0.8928097010247975),
    "van_der_pol_stiff(mu=1e12)": (1.705546217534, -0.893476362548),  # two codes at 1e-9: SciPy's ends in nan at 1e-12
    "oregonator_stiff": (1.000814870318523, 1228.178521549917, 132.0554942846706),
    "hires": (
        0.7371312573325668e-3,
        0.1442485726316185e-3,
        0.5888729740967575e-4,
        0.1175651343283149e-2,
        0.2386356198831331e-2,
        0.6238968252742796e-2,
        0.2849998395185769e-2,
        0.2850001604814231e-2,
    ),
}
"""Published (tests/evaluation/test_stiff.py), but for what is said; the others are Radau's at 1e-12."""

KNOWN = {"van_der_pol_stiff(mu=1e12)": 2e-12}
"""How exactly an end is known where that is not to the last digits: no error is taken to be less."""

RIVALS = {"Radau": "radau", "Bdf": "bdf"}

NEARBY = {1e-4: 40, 1e-6: 12}
"""Around which tolerances, and how many between half of one and twice that."""


@cache
def solvers() -> dict[str, Any]:
    """The solvers of the spec beside this file, compiled for this run."""
    with tempfile.TemporaryDirectory() as folder:
        compiler.compile_checked(compiler.check([SpecFile(SPEC, SPEC.name)]), Path(folder))
        return {name: made() for name, made in load_package(Path(folder) / SPEC.stem).solvers.items()}


def size(error: Tensor, z: Tensor, rtol: float, atol: float) -> float:
    """An error in tolerances, as a control has it."""
    return float((error / (atol + rtol * z.abs())).square().mean().sqrt())


def exact_end(name: str, problem: Problem, z0: Tensor) -> Tensor:
    if name in ENDS:
        return torch.tensor([ENDS[name]], dtype=torch.float64)
    given: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-14, "jacobian": problem.jacobian}
    return scipy_solve(problem.f, z0, problem.span, method="radau", **given).z


class Run(NamedTuple):
    """A solve: its error in tolerances, and what it took."""

    error: float
    evaluations: int
    jacobians: int
    factorisations: int


class Case:
    """A problem with its exact end."""

    def __init__(self, name: str) -> None:
        ranges, self.absolute = CASES[name]
        self.problem = STIFF[name.split("(", maxsplit=1)[0]].problem(ranges)
        self.z0, _ = self.problem.draw(1, torch.Generator())
        self.exact, self.known = exact_end(name, self.problem, self.z0), KNOWN.get(name, 0.0)

    def runs(self, own: str, rtol: float) -> tuple[Run, Run]:
        """A solver's, and that of SciPy's method of its name."""
        problem, atol = self.problem, rtol * self.absolute
        given: dict[str, Any] = {"rtol": rtol, "atol": atol, "jacobian": problem.jacobian}
        found = solvers()[own].solve(problem.f, self.z0, problem.span, throw=False, dense=False, **given)
        theirs = scipy_solve(problem.f, self.z0, problem.span, method=RIVALS[own], **given)
        least = size(self.known * self.exact, self.exact, rtol, atol)
        errors = [size(end - self.exact, self.exact, rtol, atol) for end in (found.z, theirs.z)]
        errors = [max(error, least) if np.isfinite(error) else error for error in errors]
        counts = found.statistics
        mine = Run(errors[0], counts.evaluations, counts.jacobians, counts.factorisations)
        return mine, Run(errors[1], theirs.evaluations, theirs.jacobians or 0, theirs.factorisations or 0)


def equal_tolerances(small: bool) -> Table:
    """Each method beside SciPy's of the same name."""
    rows = []
    for name in list(CASES)[: 1 if small else None]:
        case = Case(name)
        for own in list(RIVALS)[: 1 if small else None]:
            for rtol in (1e-4,) if small else (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
                ours, theirs = case.runs(own, rtol)
                row = [name, own, f"{rtol:.0e}", f"{ours.error:.2g}", f"{theirs.error:.2g}"]
                for mine, other in zip(ours[1:], theirs[1:], strict=True):
                    row += [str(mine), str(other)]
                ratios = [ours[k] / theirs[k] for k in (0, 1, 3)]
                rows.append([*row, *(f"{ratio:.2f}" for ratio in ratios)])
                print(*rows[-1], flush=True)
    heads = ["problem", "method", "rtol", "error in tolerances", "SciPy's", "evaluations", "SciPy's"]
    heads += ["Jacobians", "SciPy's", "factorisations", "SciPy's"]
    heads += ["error, ratio", "evaluations, ratio", "factorisations, ratio"]
    return "Radau and BDF beside SciPy's at equal tolerances", heads, rows


def near(center: float, count: int) -> list[float]:
    """Tolerances from half of one to twice that."""
    return [float(one) for one in center * np.geomspace(0.5, 2, count)]


def middle(ratios: Sequence[float]) -> str:
    """The median, and the quartiles."""
    low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75))
    return f"{median:.2f} ({low:.2f} … {high:.2f})"


def nearby(small: bool) -> Table:
    """How the ratios of the table before are spread where tolerances are a little other ones."""
    rows = []
    for name in list(CASES)[: 1 if small else None]:
        case = Case(name)
        for own in list(RIVALS)[: 1 if small else None]:
            for center, count in [(1e-3, 2)] if small else NEARBY.items():
                pairs = [case.runs(own, rtol) for rtol in near(center, count)]
                done = [(mine, other) for mine, other in pairs if np.isfinite(other.error)]
                row = [name, own, f"{center:.0e}", f"{len(done)} of {count}"]
                rows.append([*row, *(_spread(done) if done else ["–"] * 8)])
                print(*rows[-1], flush=True)
    heads = ["problem", "method", "rtol", "SciPy ends", "error, ratio: median (quartiles)", "smallest … largest"]
    heads += ["above 3", "below 1/3", "evaluations, ratio", "largest", "factorisations, ratio", "largest"]
    return "The same at tolerances from half to twice as large: ratios, ours over SciPy's", heads, rows


def _spread(pairs: Sequence[tuple[Run, Run]]) -> list[str]:
    """The cells of pairs that both ended."""
    errors, evaluations, factorisations = ([mine[k] / other[k] for mine, other in pairs] for k in (0, 1, 3))
    worse, better = (sum(outside) for outside in ((e > 3 for e in errors), (e < 1 / 3 for e in errors)))
    cells = [middle(errors), f"{min(errors):.2f} … {max(errors):.2f}", str(worse), str(better)]
    return [
        *cells,
        middle(evaluations),
        f"{max(evaluations):.2f}",
        middle(factorisations),
        f"{max(factorisations):.2f}",
    ]
