"""Four and six evaluations on flows whose field is known exactly: python -m benchmarks.few_flows

Flows from noise to Gaussian mixtures, whose velocity is a formula. The solvers of specs/few_evaluations.hyper, trained
for each flow, beside the known methods with as many evaluations: mean L2 to the exact end of unseen trajectories, and
the processor time of training. Writes benchmarks/results/few_flows.md and .json.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.evaluation.metrics import l2
from hyperdsl.evaluation.mixtures import MIXTURES, problem
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.work_precision import Start, unseen
from hyperdsl.semantics.model.spec import Method
from hyperdsl.semantics.solvers.equal_grid import on_equal_grid, starts_of
from hyperdsl.training.settings import FitWarning

PACKAGE = Path("generated/few_evaluations")
SOLVERS = ("FourPlain", "FourCorrected", "SixPlain")
SAMPLES = 2048


@dataclass(frozen=True)
class Trained:
    """A solver on one flow: its error at the end, that of the known methods with as many evaluations, seconds."""

    flow: str
    solver: str
    seed: int
    evaluations: int
    error: float
    known: dict[str, float]
    seconds: float

    @property
    def best(self) -> str:
        """The best of the known methods."""
        return min(self.known, key=lambda name: self.known[name])

    @property
    def part(self) -> float:
        """The error over that of the best."""
        return self.error / self.known[self.best]


def known(start: Start, evaluations: int) -> dict[str, float]:
    """The errors of the known methods with so many evaluations."""
    errors = {}
    for name in starts_of(evaluations):
        tableau = on_equal_grid(name, evaluations, _library)
        errors[name] = l2(TableauSolver(name, tableau)(start.f, start.z0, start.span), start.reference)
    return errors


def _library(name: str) -> Method:
    method = compiler.library_method(name)
    assert method is not None  # one of those that training may start from
    return method


def trained(package: Package, name: str, flow: Problem, start: Start, seed: int, few: dict[str, int]) -> Trained:
    """The solver trained for the flow, and measured."""
    kind: Any = package.choose(name)
    torch.manual_seed(seed)
    solver = kind(flow.state_shape) if kind.residual_power else kind()
    before = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        package.train().fit(solver, flow.f, flow.sample, flow.span, seed=seed, progress=False, **few)
    seconds = time.process_time() - before
    with torch.no_grad():
        error = l2(solver(start.f, start.z0, start.span, steps=1), start.reference)
    count = kind.evaluations_per_step
    return Trained(flow.name, name, seed, count, error, known(start, count), seconds)


def table(runs: Sequence[Trained]) -> str:
    """A line for each solver and flow: medians over the seeds."""
    lines = []
    for solver in dict.fromkeys(run.solver for run in runs):
        for flow in dict.fromkeys(run.flow for run in runs):
            own = [run for run in runs if (run.solver, run.flow) == (solver, flow)]
            best = own[0].best
            parts = [run.part for run in own]
            lines.append(
                (
                    solver,
                    flow,
                    str(own[0].evaluations),
                    f"{best} {own[0].known[best]:.4f}",
                    f"{statistics.median(run.error for run in own):.4f}",
                    f"{statistics.median(parts):.3f}",
                    f"{min(parts):.3f} .. {max(parts):.3f}",
                    f"{statistics.median(run.seconds for run in own):.1f}",
                )
            )
    head = ("solver", "flow", "evaluations", "best known", "L2", "over the best", "seeds", "seconds")
    return markdown(head, lines)


def main(arguments: Sequence[str] | None = None) -> None:
    given = study.given(study.parser(__doc__), arguments)
    few = {"iterations": 2} if given.smallest else {}
    package, runs = load_package(PACKAGE), list[Trained]()
    names = list(MIXTURES)[: 1 if given.smallest else None]
    for name in tqdm(names, desc="flows"):
        flow = problem(name, MIXTURES[name]())
        start = unseen(flow, 64 if given.smallest else SAMPLES)
        runs += [trained(package, solver, flow, start, seed, few) for solver in SOLVERS for seed in given.seeds]
    text = f"{study.about(__doc__)}\n\nSeeds {given.seeds}; medians.\n\n{table(runs)}\n"
    print(text)
    study.write(given, "few_flows", text, {"runs": [asdict(run) for run in runs]})


if __name__ == "__main__":
    main()
