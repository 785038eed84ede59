"""HyperEuler on a Neural ODE that classifies digits, three seeds: python -m benchmarks.digits

Writes every row of every seed to benchmarks/results/digits.md and .json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import torch
from rich.console import Console

from hyperdsl import compiler
from hyperdsl.evaluation.digits_study import DigitsStudy, study
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.report import json_object, markdown, table
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.work_precision import ADAPTIVE

METHODS = ("euler", "midpoint", "rk4")
STEPS = range(1, 9)
RESULTS = Path("benchmarks/results")


def library(name: str) -> TableauSolver:
    """A method of the library, ready to run."""
    method = compiler.library_method(name)
    if method is None:
        raise ValueError(f"the library has no method {name}")
    return TableauSolver(name, method.tableau)


def summary(studies: list[DigitsStudy]) -> list[str]:
    """The figures that the goals are about, medians over the seeds."""
    name = type(studies[0].trained.solver).__name__
    gains = {count: statistics.median(s.gains[count] for s in studies) for count in STEPS}
    lost = [s.row(ADAPTIVE).accuracy - s.row(name, 2).accuracy for s in studies]  # type: ignore[operator]  # both given
    return [
        "accuracy of the reference: " + ", ".join(f"{s.accuracy:.1f} %" for s in studies),
        "Euler's MAPE over HyperEuler's (median), goal 2.5: "
        + ", ".join(f"K = {count}: {gain:.2f}" for count, gain in gains.items()),
        "accuracy lost to dopri5 at 2 evaluations, goal 0.4 points: " + ", ".join(f"{points:.1f}" for points in lost),
        "dopri5's time over HyperEuler's at K = 2, batch 64, goal 6: "
        + ", ".join(f"{s.speed_up():.1f}" for s in studies),
    ]


def markdown_rows(found: DigitsStudy) -> str:
    """One seed's rows in Markdown."""
    heads = ["method", "setting", "NFE", "MACs a sample", "ms", "MAPE %", "L2", "accuracy %"]
    rows = [
        [
            row.method,
            row.setting,
            str(row.evaluations),
            f"{row.macs:,}",
            f"{row.milliseconds:.2f}",
            f"{row.mape:.3g}",
            f"{row.l2:.3g}",
            f"{row.accuracy:.1f}",
        ]
        for row in found.rows
    ]
    return markdown(heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--package", type=Path, default=Path("generated/digits_hyper_euler"))
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    console, package = Console(soft_wrap=True), load_package(given.package)
    methods = {name: library(name) for name in METHODS}
    studies = []
    for seed in map(int, given.seeds.split(",")):
        output = Path("runs/benchmarks/digits") / f"seed_{seed}.safetensors"
        studies.append(study(package, methods, STEPS, seed, output))
        console.print(table(studies[-1].rows, f"digits, seed {seed}, f trained to {studies[-1].accuracy:.1f} %"))
    lines = summary(studies)
    console.print("\n".join(lines), highlight=False)
    given.output.mkdir(parents=True, exist_ok=True)
    parts = [f"## Seed {s.seed}\n\n{markdown_rows(s)}" for s in studies]
    (given.output / "digits.md").write_text("\n".join([*(f"- {line}" for line in lines), "", *parts]), "utf-8")
    found = [
        json_object(s.rows, seed=s.seed, accuracy=s.accuracy, delta=s.trained.history.delta, seconds=s.trained.seconds)
        for s in studies
    ]
    (given.output / "digits.json").write_text(json.dumps({"studies": found}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
