"""Whether trainings give the same weights, losses and δ, bit for bit, as an earlier release's.

    python -m benchmarks.unchanged.training --before 82bb389

Each solver is made after the same seed and trained for 40 iterations by both packages' `fit`. The exit code is 1 where
a bit differs.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from benchmarks.unchanged.steps import PACKAGES, packages_of
from hyperdsl.evaluation.lookup import find_problem
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.training import box_tensors, build_solver

ITERATIONS = 40
TRAININGS = {
    "hyper_heun": "van_der_pol",
    "phased_hyper_heun": "van_der_pol",
    "adversarial_hyper_euler": "van_der_pol",
    "learned_families": "lotka_volterra",
    "hyper_alpha": "van_der_pol",
    "hyper_pece": "lotka_volterra",
    "digits_bilinear": "digits",
    "adaptive_hyper_heun": "lotka_volterra",
}


def trained(folder: Path, problem: Problem) -> dict[str, dict[str, Any]]:
    """What the training of each solver of a package gives, by name."""
    package, found = load_package(folder), {}
    train = package.train()
    for cls in train.SETTINGS:
        solver = build_solver(package, problem, cls.__name__)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = train.fit(
                solver,
                problem.f,
                problem.sample,
                problem.span,
                iterations=ITERATIONS,
                progress=False,
                box=box_tensors(problem),
            )
        found[cls.__name__] = {
            **{f"weight {name}": value.tolist() for name, value in solver.state_dict().items()},
            "loss": history.loss,
            "δ": history.delta,
            "target error": history.target_error,
            "slope": history.slope,
        }
    return found


def main() -> int:
    """Compare all trainings; the exit code."""
    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[__name__]))
    parser.add_argument("--before", required=True, metavar="COMMIT_OR_FOLDER", help="where the earlier packages are")
    parser.add_argument("packages", nargs="*", default=list(TRAININGS), help="of those that are compared")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    differ = 0
    with packages_of(arguments.before) as folder:
        for name in arguments.packages:
            problem = find_problem(TRAININGS[name], lambda _: ())
            before, after = trained(folder / name, problem), trained(PACKAGES / name, problem)
            for solver, results in before.items():
                wrong = [what for what, value in results.items() if repr(after[solver][what]) != repr(value)]
                differ += bool(wrong)
                told = f"different: {', '.join(wrong)}" if wrong else "the same bits"
                print(f"{name}.{solver}: {told} (loss {results['loss'][-1]:.6g})", flush=True)
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main())
