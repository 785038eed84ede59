"""One corrector for a family of methods, against one that is moved from α = 1/2: python -m benchmarks.alpha

On the pendulum, Lotka–Volterra, van der Pol and a flow in the plane, from three seeds: the error at the end of the span
of second_order(α), of HyperAlpha, whose g reads α, and of second_order(α) with HyperHalf's g, trained for α = 1/2
alone in equally many iterations. Writes benchmarks/results/alpha.md, .json and .png.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

from benchmarks import study
from hyperdsl.evaluation.cost import cost_of
from hyperdsl.evaluation.flows import flow_problem
from hyperdsl.evaluation.metrics import energy_distance, mape, relative_error
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.shapes import pinwheel
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.training import build_solver, train_package

PACKAGES = ("generated/hyper_alpha", "generated/hyper_half")
ALPHAS = tuple(k / 10 for k in range(3, 11))
STEPS = {
    "pendulum": (20, 40, 80, 160, 400),
    "lotka_volterra": (20, 40, 80, 160, 400),
    "van_der_pol": (20, 40, 80, 160, 400),
    "flow": (1, 2, 4, 8),
}
"""Deployed numbers of steps; training is for all steps from the shortest of these to the longest."""

SHOWN = {"pendulum": (20, 80), "lotka_volterra": (20, 80), "van_der_pol": (40, 80), "flow": (1, 4)}
UNSEEN = 256
WAYS = ("base", "conditioned", "transferred")


@dataclass(frozen=True)
class Cell:
    """The errors of each way at one α and K: relative, the median over the starts, and MAPE in %."""

    problem: str
    seed: int
    steps: int
    alpha: float
    error: dict[str, float]
    mape: dict[str, float]

    def gain(self, way: str) -> float:
        """The base's error over that of the conditioned or the transferred corrector; 0 where the latter diverges."""
        return self.error["base"] / self.error[way] if math.isfinite(self.error[way]) else 0.0


class Moved(nn.Module):
    """The corrector of a method without parameters for a base that has α, which it does not read."""

    def __init__(self, g: nn.Module) -> None:
        super().__init__()
        self.g = g

    def forward(self, *inputs: Tensor | None, alpha: Tensor) -> Tensor:
        found: Tensor = self.g(*inputs)
        return found


def problem_of(name: str, seed: int) -> Problem:
    return flow_problem(seed) if name == "flow" else CLASSICAL[name]


def solvers(name: str, problem: Problem, seed: int, runs: Path, few: dict[str, object]) -> dict[str, nn.Module]:
    """The three ways to solve; both correctors are trained in as many iterations, on the same range of steps."""
    steps, trained = STEPS[name], {}
    for package in map(load_package, PACKAGES):
        result = train_package(
            package,
            problem,
            overrides={"steps": (steps[0], steps[-1]), **few},
            seed=seed,
            output=runs / "alpha" / name / f"{package.name}_{seed}.safetensors",
            progress=False,
        )
        found = f"{result.seconds:.0f} s, mid-range δ {result.mid_range:.3f}"
        print(f"{name}, seed {seed}: {package.name} {found}", flush=True)
        trained[package.name] = result.solver
    family = load_package(PACKAGES[0])
    base, transferred = build_solver(family, problem), build_solver(family, problem)  # untrained, it is its base
    transferred.corrector = Moved(trained["hyper_half"].corrector)  # type: ignore[arg-type]  # torch types it as any
    return {"base": base, "conditioned": trained["hyper_alpha"], "transferred": transferred}


def cells(name: str, seed: int, runs: Path, few: dict[str, object]) -> list[Cell]:
    """Trains and measures on unseen starts."""
    problem = problem_of(name, seed)
    ways = solvers(name, problem, seed, runs, few)
    z0, _ = problem.draw(UNSEEN, torch.Generator().manual_seed(1_000_003 + seed))
    exact = reference_solution(problem.f, z0, problem.span, tolerance=1e-9).z
    found = []
    for steps in STEPS[name]:
        for alpha in ALPHAS:
            with torch.no_grad():
                ends = {
                    way: solver(problem.f, z0, problem.span, steps, alpha=alpha, check=False).nan_to_num(nan=math.inf)
                    for way, solver in ways.items()
                }
            errors = ({way: metric(z, exact) for way, z in ends.items()} for metric in (relative_error, mape))
            found.append(Cell(name, seed, steps, alpha, *errors))
    return found


def flow_quality(seed: int) -> float:
    """The energy distance of the flow's samples from the pinwheel's."""
    problem, generator = flow_problem(seed), torch.Generator().manual_seed(2_000_003 + seed)
    z0, _ = problem.draw(2000, generator)
    samples = reference_solution(problem.f, z0, problem.span, tolerance=1e-6).z.float()
    return energy_distance(samples, pinwheel(2000, generator))


def macs(name: str) -> tuple[int, int]:
    """Multiply-accumulates of a sample's step: of the base, and with g."""
    problem = problem_of(name, 0)
    solver: Any = build_solver(load_package(PACKAGES[0]), problem)
    z, _ = problem.draw(1, torch.Generator().manual_seed(0))
    base = cost_of(lambda f: solver.base_step(f, problem.span[0], z, 0.1, alpha=0.5), problem.f)
    return base.macs, cost_of(lambda f: solver.step(f, problem.span[0], z, 0.1, alpha=0.5), problem.f).macs


def grouped(found: Iterable[Cell]) -> dict[tuple[str, int, float], list[Cell]]:
    """The seeds' cells by problem, K and α."""
    groups: dict[tuple[str, int, float], list[Cell]] = {}
    for cell in found:
        groups.setdefault((cell.problem, cell.steps, cell.alpha), []).append(cell)
    return groups


def shown(gain: float) -> str:
    """A gain in three digits; where only one of the two diverges, the number itself says nothing."""
    return "> 1e6" if gain > 1e6 else "< 1e-6" if gain < 1e-6 else f"{gain:.3g}"


def summary(found: Sequence[Cell]) -> str:
    """A row for each problem and way: gains over all α, K and seeds."""
    rows = []
    for name in dict.fromkeys(cell.problem for cell in found):
        groups = grouped(cell for cell in found if cell.problem == name).values()
        for way in WAYS[1:]:
            gains = [[cell.gain(way) for cell in group] for group in groups]
            medians, single = list(map(statistics.median, gains)), [gain for group in gains for gain in group]
            rows.append(
                [
                    name,
                    way,
                    shown(statistics.median(medians)),
                    shown(min(medians)),
                    shown(min(single)),
                    f"{sum(gain <= 1 for gain in medians)} of {len(medians)}",
                    f"{sum(gain <= 1 for gain in single)} of {len(single)}",
                ]
            )
    heads = ["problem", "g", "median gain", "least gain", "least of one seed", "cells lost", "seeds' cells lost"]
    return markdown(heads, rows)


def table(name: str, found: Sequence[Cell]) -> str:
    """A row for each K and α of a problem: medians over the seeds, and the least gains of one seed."""
    rows = []
    for (_, steps, alpha), group in grouped(cell for cell in found if cell.problem == name).items():
        gains = [[cell.gain(way) for cell in group] for way in WAYS[1:]]
        rows.append(
            [
                str(steps),
                f"{alpha:g}",
                *(f"{statistics.median([cell.error[way] for cell in group]):.2g}" for way in WAYS),
                *(shown(value) for one in gains for value in (statistics.median(one), min(one))),
                *(f"{statistics.median([cell.mape[way] for cell in group]):.3g}" for way in WAYS),
            ]
        )
    heads = ["K", "α", "base", "g of α", "g of 1/2", "gain, g of α", "least", "gain, g of 1/2", "least"]
    return markdown([*heads, "MAPE % base", "g of α", "g of 1/2"], rows)


def report(found: Sequence[Cell], quality: Sequence[float]) -> str:
    names = list(dict.fromkeys(cell.problem for cell in found))
    lines = [
        f"The relative error at the end of the span, the median over {UNSEEN} unseen starts, of second_order(α) alone,",
        "with a g that reads α (HyperAlpha), and with one that was trained for α = 1/2 alone, in as many iterations,",
        "and moved (HyperHalf's). A gain is the base's error over that with g; cells are pairs of α and K; medians are",
        "over the seeds. inf: more than half of the starts diverge; in MAPE, which is a mean, one start at least.",
        f"\n{summary(found)}",
    ]
    if quality:
        distances = ", ".join(f"{value:.4f}" for value in quality)
        lines.append(f"The flow's own samples are at an energy distance of {distances} from the pinwheel.")
        lines.append(
            "A step of it takes {:,} multiply-accumulates a sample without g and {:,} with.\n".format(*macs("flow"))
        )
    return "\n".join([*lines, *(f"## {name}\n\n{table(name, found)}" for name in names)])


def entry(cell: Cell) -> dict[str, object]:
    """A cell as JSON has it."""
    errors = {key: {way: plain(value) for way, value in getattr(cell, key).items()} for key in ("error", "mape")}
    return asdict(cell) | errors


def plot(found: Sequence[Cell], path: Path) -> None:
    """Errors over α, a column for each problem and a row for each of two K: medians, and the range of the seeds."""
    groups, names = grouped(found), list(dict.fromkeys(cell.problem for cell in found))
    figure = Figure(figsize=(3.2 * len(names), 6.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(names), squeeze=False, sharex=True)
    styles = {"base": ("second_order(α)", "#4d4d4d", "o"), "conditioned": ("g reads α", "#0b5fa5", "s")}
    styles["transferred"] = ("g of α = 1/2, moved", "#d1495b", "^")
    for column, name in enumerate(names):
        for panel, steps in zip(panels[:, column], SHOWN[name], strict=True):
            for way, (label, colour, marker) in styles.items():
                series = [[cell.error[way] for cell in groups[name, steps, alpha]] for alpha in ALPHAS]
                panel.plot(ALPHAS, list(map(statistics.median, series)), color=colour, marker=marker, ms=4, label=label)
                panel.fill_between(
                    ALPHAS, list(map(min, series)), list(map(max, series)), color=colour, alpha=0.15, lw=0
                )
            panel.set_yscale("log")
            panel.set_title(f"{name}, K = {steps}", fontsize="medium")
            panel.grid(True, alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
        panels[-1, column].set_xlabel("α")
    for panel in panels[:, 0]:
        panel.set_ylabel("relative error at the end")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--problems", default=",".join(STEPS))
    given = study.given(parser, arguments)
    names, seeds = study.chosen(given.problems, STEPS, given.smallest), given.seeds
    few: dict[str, object] = {"iterations": 20} if given.smallest else {}
    found = [cell for name in names for seed in seeds for cell in cells(name, seed, given.runs, few)]
    quality = [flow_quality(seed) for seed in seeds] if "flow" in names else []
    print(summary(found))
    study.write(given, "alpha", report(found, quality), {"cells": [entry(cell) for cell in found]})
    plot(found, given.output / "alpha.png")


if __name__ == "__main__":
    main()
