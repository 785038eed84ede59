"""HyperEuler on a Neural ODE that classifies digits, three seeds: python -m benchmarks.digits

With `--package generated/digits_bilinear` its solvers, beside the convolutional one. Every row of every seed goes to
benchmarks/results/digits.md and .json, or to digits_bilinear.md and .json.
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
CONVOLUTIONAL = Path("generated/digits_hyper_euler")


def library(name: str) -> TableauSolver:
    """A method of the library, ready to run."""
    method = compiler.library_method(name)
    if method is None:
        raise ValueError(f"the library has no method {name}")
    return TableauSolver(name, method.tableau)


def summary(studies: list[DigitsStudy], goal: str) -> list[str]:
    """The figures that the goals are about, medians over the seeds."""
    lines = ["accuracy of the reference: " + ", ".join(f"{s.accuracy:.1f} %" for s in studies)]
    for name in studies[0].trained:
        gains = {count: statistics.median(s.gains(name)[count] for s in studies) for count in STEPS}
        lost = [s.row(ADAPTIVE).accuracy - s.row(name, 2).accuracy for s in studies]  # type: ignore[operator]  # both given
        euler, own = (min(s.row(method, 2).milliseconds for s in studies) for method in ("euler", name))
        lines += [
            f"Euler's MAPE over {name}'s (median), goal {goal}: "
            + ", ".join(f"K = {count}: {gain:.2f}" for count, gain in gains.items()),
            f"the cost of {name}'s g over that of f: {studies[0].cost_ratio(name):.2f} in MACs, "
            f"{own / euler - 1:.2f} in time (K = 2)",
            f"accuracy that {name} loses to dopri5 at 2 evaluations, goal 0.4 points: "
            + ", ".join(f"{points:.1f}" for points in lost),
            f"dopri5's time over {name}'s at K = 2, batch 64, goal 6: "
            + ", ".join(f"{s.speed_up(name):.1f}" for s in studies),
        ]
    return lines


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
    parser.add_argument("--package", type=Path, default=CONVOLUTIONAL)
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    console, methods = Console(soft_wrap=True), {name: library(name) for name in METHODS}
    folders = [given.package] if given.package == CONVOLUTIONAL else [CONVOLUTIONAL, given.package]
    solvers = [(package, name) for package in map(load_package, folders) for name in package.solvers]
    studies = []
    for seed in map(int, given.seeds.split(",")):
        studies.append(study(solvers, methods, STEPS, seed, Path("runs/benchmarks/digits")))
        console.print(table(studies[-1].rows, f"digits, seed {seed}, f trained to {studies[-1].accuracy:.1f} %"))
    bilinear = given.package != CONVOLUTIONAL
    lines = summary(studies, "5 at K = 2 and 8 at K = 4" if bilinear else "2.5")
    console.print("\n".join(lines), highlight=False)
    given.output.mkdir(parents=True, exist_ok=True)
    stem = given.package.name if bilinear else "digits"
    parts = [f"## Seed {s.seed}\n\n{markdown_rows(s)}" for s in studies]
    text = "\n".join([*(f"- {line}" for line in lines), "", *parts])
    (given.output / f"{stem}.md").write_text(text, "utf-8")
    found = [json_object(s.rows, seed=s.seed, accuracy=s.accuracy, trained=_training(s)) for s in studies]
    (given.output / f"{stem}.json").write_text(json.dumps({"studies": found}, indent=2) + "\n", "utf-8")


def _training(found: DigitsStudy) -> dict[str, object]:
    """What training gave, by solver."""
    return {name: {"delta": t.history.delta, "seconds": t.seconds} for name, t in found.trained.items()}


if __name__ == "__main__":
    main()
