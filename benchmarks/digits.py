"""HyperEuler on a Neural ODE that classifies digits, and four learned evaluations: python -m benchmarks.digits

With `--package generated/digits_bilinear` its solvers, beside the convolutional one. Every row of every seed goes to
benchmarks/results/digits.md and .json, or to digits_bilinear.md and .json.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import study
from hyperdsl.evaluation.classifier import Recipe
from hyperdsl.evaluation.contenders import ADAPTIVE
from hyperdsl.evaluation.digits_study import DigitsStudy, measured
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.report import json_object, markdown, table
from hyperdsl.reporting.methods import library

METHODS = ("euler", "midpoint", "rk4")
STEPS = range(1, 9)
CONVOLUTIONAL, COEFFICIENTS = Path("generated/digits_hyper_euler"), Path("generated/digits_coefficients")
FOUR = ("FourEvaluations", "FourCorrected")
FEWEST = {"recipe": Recipe(epochs=1), "overrides": {"iterations": 2, "trajectories": 16, "substeps": 2}}
"""What `measured` takes to show only that it runs."""


def summary(studies: list[DigitsStudy], names: Sequence[str], goal: str) -> list[str]:
    """The figures that the goals are about, medians over the seeds; `names` are the hypersolvers of many steps."""
    lines = ["accuracy of the reference: " + ", ".join(f"{s.accuracy:.1f} %" for s in studies)]
    for name in FOUR:
        for field in ("mape", "l2", "milliseconds"):
            ratio = (getattr(s.row("rk4", 1), field) / getattr(s.row(name, 1), field) for s in studies)
            lines.append(f"RK4's {field} over {name}'s, four evaluations each: " + ", ".join(f"{r:.2f}" for r in ratio))
    for name in names:
        gains = {count: statistics.median(s.gains(name)[count] for s in studies) for count in studies[0].gains(name)}
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--package", type=Path, default=CONVOLUTIONAL)
    given = study.given(parser, arguments)
    console, methods = Console(soft_wrap=True), {name: library(name) for name in METHODS}
    steps = STEPS[:2] if given.smallest else STEPS
    folders = [given.package] if given.package == CONVOLUTIONAL else [CONVOLUTIONAL, given.package]
    packages, few_evaluations = [*map(load_package, folders)], load_package(COEFFICIENTS)
    hyper = [(package, name, steps) for package in packages for name in package.solvers]
    solvers = [*hyper, *((few_evaluations, name, (1,)) for name in FOUR)]
    studies = []
    fewer: dict[str, Any] = FEWEST if given.smallest else {}
    for seed in given.seeds:
        studies.append(measured(solvers, methods, steps, seed, given.runs / "digits", **fewer))
        console.print(table(studies[-1].rows, f"digits, seed {seed}, f trained to {studies[-1].accuracy:.1f} %"))
    bilinear = given.package != CONVOLUTIONAL
    names = [name for _, name, _ in hyper]
    lines = summary(studies, names, "5 at K = 2 and 8 at K = 4" if bilinear else "2.5")
    console.print("\n".join(lines), highlight=False)
    stem = given.package.name if bilinear else "digits"
    parts = [f"## Seed {s.seed}\n\n{markdown_rows(s)}" for s in studies]
    text = "\n".join([*(f"- {line}" for line in lines), "", *parts])
    found = [json_object(s.rows, seed=s.seed, accuracy=s.accuracy, trained=_training(s)) for s in studies]
    study.write(given, stem, text, {"studies": found}, module="digits")


def _training(found: DigitsStudy) -> dict[str, object]:
    """What training gave, by solver."""
    return {name: {"delta": t.history.delta, "seconds": t.seconds} for name, t in found.trained.items()}


if __name__ == "__main__":
    main()
