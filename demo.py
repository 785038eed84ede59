"""The whole way on real data, in a few minutes: python demo.py [--smallest]

Compiles specs/, trains a Neural ODE on scikit-learn's digits and then solvers of few evaluations for it, and shows
what they gain.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import study
from benchmarks.digits import COEFFICIENTS, CONVOLUTIONAL, FEWEST, FOUR, METHODS
from hyperdsl.evaluation.digits_study import measured
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.plots import plot
from hyperdsl.evaluation.report import json_object, table
from hyperdsl.reporting.methods import library

STEPS = (1, 2, 4, 8)
WHICH = (
    "Which to take: learned coefficients where the number of evaluations is fixed, for no network runs in their steps; "
    "a corrector on top where f costs more than g does; HyperEuler where the number of steps has to stay open."
)
RESULTS = Path("runs/demo")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.set_defaults(output=RESULTS)
    given = study.given(parser, arguments)
    console, start = Console(highlight=False), time.perf_counter()
    console.rule("1. compile: every order is proven, every package written")
    packages = str(given.output / "generated" if given.smallest else CONVOLUTIONAL.parent)
    subprocess.run(
        [sys.executable, "-c", "import hyperdsl.cli; hyperdsl.cli.main()", "compile", "specs", "-o", packages],
        check=True,
    )

    console.rule("2. train f, a classifier of digits with dopri5 inside, then three solvers for it")
    steps: Sequence[int] = STEPS
    fewer: dict[str, Any] = {}
    if given.smallest:
        steps, fewer = STEPS[:2], {**FEWEST, "folder": given.runs}
    hyper, few = (load_package(Path(packages) / path.name) for path in (CONVOLUTIONAL, COEFFICIENTS))
    solvers = [(hyper, "HyperEuler", steps), *((few, name, (1,)) for name in FOUR)]
    found = measured(solvers, {name: library(name) for name in METHODS}, steps, **fewer)
    spent = ", ".join(f"{name} {trained.seconds:.0f} s" for name, trained in found.trained.items())
    console.print(f"f classifies {found.accuracy:.1f} % of 500 unseen digits; training took: {spent}")

    console.rule("3. what it gains")
    title = "Digits: z(1) of 500 unseen images against dopri5 at 1e-7; MACs a sample and ms for 64, g's included"
    console.print(table(found.rows, title))
    gains = ", ".join(f"{gain:.1f} at K = {count}" for count, gain in found.gains("HyperEuler").items())
    console.print(f"Euler's MAPE over HyperEuler's: {gains}")
    console.print(
        f"HyperEuler with 2 evaluations of f is {found.speed_up('HyperEuler'):.1f} times as fast as dopri5 at 1e-3"
    )
    rk4 = found.row("rk4", 1)
    for name in FOUR:
        own = found.row(name, 1)
        console.print(
            f"{name}, 4 evaluations: {rk4.mape / own.mape:.1f} times less MAPE than RK4's 4, "
            f"in {own.milliseconds / rk4.milliseconds:.2f} of its time"
        )
    console.print(WHICH)

    about = {"accuracy": found.accuracy, "seed": found.seed}
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "digits.json").write_text(json.dumps(json_object(found.rows, **about), indent=2) + "\n", "utf-8")
    plot(found.rows, given.output / "digits_mape.png", title, "mape", "MAPE of z(1), %")
    plot(found.rows, given.output / "digits_l2.png", title, "l2", "L2 error of z(1)")
    console.print(f"plots and numbers: {given.output}/, in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
