"""One corrector for a family of methods, against one that is moved from α = 1/2."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

from hyperdsl.evaluation.cost import cost_of
from hyperdsl.evaluation.flows import flow_field, flow_problem
from hyperdsl.evaluation.metrics import energy_distance, mape, relative_error
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.shapes import pinwheel
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evidence.packages import package, spec_text
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study, verdict

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
FEW = (0.3, 0.5, 1.0)
"""Of the smallest settings, which take the pendulum alone, in the numbers of steps that are shown."""
WAYS = ("base", "conditioned", "transferred")
STYLES = {
    "base": ("second_order(α)", "#4d4d4d", "o"),
    "conditioned": ("g reads α", "#0b5fa5", "s"),
    "transferred": ("g of α = 1/2, moved", "#d1495b", "^"),
}


@dataclass(frozen=True)
class Cell:
    """The errors of each way at one α and K: relative, the median over the starts, and MAPE in %.

    `equal` is the base's relative error in as many multiply-accumulates as K steps with g take, on a neural field.
    """

    problem: str
    seed: int
    steps: int
    alpha: float
    error: dict[str, float]
    mape: dict[str, float]
    equal: float | None

    def gain(self, way: str) -> float:
        """The base's error over that of the conditioned or the transferred corrector; 0 where the latter diverges."""
        return self.error["base"] / self.error[way] if math.isfinite(self.error[way]) else 0.0

    def json(self) -> dict[str, object]:
        """As JSON has it: infinities as strings."""
        errors = {key: {way: plain(value) for way, value in getattr(self, key).items()} for key in ("error", "mape")}
        return asdict(self) | errors | {"equal": plain(self.equal)}


def _cell(found: Mapping[str, Any]) -> Cell:
    errors = {key: {way: float(value) for way, value in found[key].items()} for key in ("error", "mape")}
    equal = None if found["equal"] is None else float(found["equal"])
    return Cell(**{**found, **errors, "equal": equal})


class Moved(nn.Module):
    """The corrector of a method without parameters for a base that has α, which it does not read."""

    def __init__(self, g: nn.Module) -> None:
        super().__init__()
        self.g = g

    def forward(self, *inputs: Tensor | None, alpha: Tensor) -> Tensor:
        found: Tensor = self.g(*inputs)
        return found


def _problem(name: str, seed: int, settings: Settings) -> Problem:
    if name != "flow":
        return CLASSICAL[name]
    return flow_problem(seed, flow_field(seed, folder=settings.runs / "flow", progress=settings.progress))


def _solvers(name: str, problem: Problem, seed: int, settings: Settings) -> dict[str, Any]:
    """The three ways to solve; both correctors are trained in as many iterations, on the same range of steps."""
    steps, family = STEPS[name], package("alpha", settings.runs)
    few: dict[str, object] = {"iterations": 20, "trajectories": 32, "substeps": 4} if settings.smallest else {}
    trained = {
        solver: train_package(
            family,
            problem,
            solver=solver,
            overrides={"steps": (steps[0], steps[-1]), **few},
            seed=seed,
            output=settings.runs / "alpha" / name / f"{solver}_{seed}.safetensors",
            progress=settings.progress,
        ).solver
        for solver in ("HyperAlpha", "HyperHalf")
    }
    base, transferred = (build_solver(family, problem, "HyperAlpha") for _ in range(2))  # untrained, it is its base
    transferred.corrector = Moved(trained["HyperHalf"].corrector)  # type: ignore[arg-type]  # torch types it as any
    return {"base": base, "conditioned": trained["HyperAlpha"], "transferred": transferred}


def _macs(solver: Any, problem: Problem) -> tuple[int, int]:
    """Multiply-accumulates of a sample's step: of the base, and with g."""
    z, _ = problem.draw(1, torch.Generator().manual_seed(0))
    base = cost_of(lambda f: solver.base_step(f, problem.span[0], z, 0.1, alpha=0.5), problem.f)
    return base.macs, cost_of(lambda f: solver.step(f, problem.span[0], z, 0.1, alpha=0.5), problem.f).macs


def _measured(name: str, seed: int, settings: Settings) -> Found:
    """Trains and measures on unseen starts."""
    problem = _problem(name, seed, settings)
    ways = _solvers(name, problem, seed, settings)
    z0, _ = problem.draw(UNSEEN, torch.Generator().manual_seed(1_000_003 + seed))
    exact = reference_solution(problem.f, z0, problem.span, tolerance=1e-9).z
    plain_macs, macs = _macs(ways["conditioned"], problem)

    def end(way: str, steps: int, alpha: float) -> Tensor:
        with torch.no_grad():
            z: Tensor = ways[way](problem.f, z0, problem.span, steps, alpha=alpha, check=False)
        return z.nan_to_num(nan=math.inf)

    cells = []
    for steps in SHOWN[name] if settings.smallest else STEPS[name]:
        for alpha in FEW if settings.smallest else ALPHAS:
            ends = {way: end(way, steps, alpha) for way in WAYS}
            error, percent = ({way: metric(z, exact) for way, z in ends.items()} for metric in (relative_error, mape))
            more = steps * macs // plain_macs
            equal = relative_error(end("base", more, alpha), exact) if isinstance(problem.f, nn.Module) else None
            cells.append(Cell(name, seed, steps, alpha, error, percent, equal).json())
    about = {"macs": [plain_macs, macs], "quality": _quality(problem, seed) if name == "flow" else None}
    return {"cells": cells, **about}


def _quality(problem: Problem, seed: int) -> float:
    """The energy distance of the flow's samples from the pinwheel's."""
    generator = torch.Generator().manual_seed(2_000_003 + seed)
    z0, _ = problem.draw(2000, generator)
    samples = reference_solution(problem.f, z0, problem.span, tolerance=1e-6).z.float()
    return energy_distance(samples, pinwheel(2000, generator))


def _parts(settings: Settings) -> list[Part]:
    names = list(STEPS)[: 1 if settings.smallest else None]
    recipe = (spec_text("alpha"), ALPHAS, UNSEEN, settings.smallest)
    return [
        Part(f"{name}/{seed}", partial(_measured, name, seed, settings), (*recipe, STEPS[name]))
        for seed in settings.seeds
        for name in names
    ]


def _grouped(found: Iterable[Cell]) -> dict[tuple[str, int, float], list[Cell]]:
    """The seeds' cells by problem, K and α."""
    groups: dict[tuple[str, int, float], list[Cell]] = {}
    for cell in found:
        groups.setdefault((cell.problem, cell.steps, cell.alpha), []).append(cell)
    return groups


def _gains(found: Sequence[Cell], way: str) -> tuple[list[float], list[float]]:
    """Of each α and K the median over the seeds, and each seed's own."""
    gains = [[cell.gain(way) for cell in group] for group in _grouped(found).values()]
    return list(map(statistics.median, gains)), [gain for group in gains for gain in group]


def _shown(gain: float) -> str:
    """A gain in three digits; where only one of the two diverges, the number itself says nothing."""
    return "> 1e6" if gain > 1e6 else "< 1e-6" if gain < 1e-6 else f"{gain:.3g}"


def _of(found: Sequence[Cell], name: str) -> list[Cell]:
    return [cell for cell in found if cell.problem == name]


def _summary(found: Sequence[Cell]) -> str:
    """A row for each problem and way: gains over all α, K and seeds."""
    rows = []
    for name in dict.fromkeys(cell.problem for cell in found):
        for way in WAYS[1:]:
            medians, single = _gains(_of(found, name), way)
            shown = [_shown(gain) for gain in (statistics.median(medians), min(medians), min(single))]
            lost = [f"{sum(gain <= 1 for gain in gains)} of {len(gains)}" for gains in (medians, single)]
            rows.append([name, STYLES[way][0], *shown, *lost])
    heads = ["problem", "g", "median gain", "least gain", "least of one seed", "cells lost", "seeds' cells lost"]
    return markdown(heads, rows)


def _table(found: Sequence[Cell]) -> str:
    """A row for each K and α of a problem: medians over the seeds, and the least gains of one seed."""
    rows = []
    for (_, steps, alpha), group in _grouped(found).items():
        gains = [[cell.gain(way) for cell in group] for way in WAYS[1:]]
        equal = [cell.equal for cell in group if cell.equal is not None]
        rows.append(
            [
                str(steps),
                f"{alpha:g}",
                *(f"{statistics.median([cell.error[way] for cell in group]):.2g}" for way in WAYS),
                f"{statistics.median(equal):.2g}" if equal else "–",
                *(_shown(value) for one in gains for value in (statistics.median(one), min(one))),
                *(f"{statistics.median([cell.mape[way] for cell in group]):.3g}" for way in WAYS),
            ]
        )
    heads = ["K", "α", "base", "g of α", "g of 1/2", "base, equal MACs", "gain, g of α", "least", "gain, g of 1/2"]
    return markdown([*heads, "least", "MAPE % base", "g of α", "g of 1/2"], rows)


def _lost(found: Sequence[Cell], way: str) -> tuple[int, int]:
    """Cells, of all seeds, in which g gains nothing, and how many there are."""
    single = _gains(found, way)[1]
    return sum(gain <= 1 for gain in single), len(single)


def _each(found: Sequence[Cell], way: str) -> str:
    """Median and least gains by problem."""
    lines = []
    for name in dict.fromkeys(cell.problem for cell in found):
        medians, _ = _gains(_of(found, name), way)
        lines.append(f"{name} {_shown(statistics.median(medians))} ({_shown(min(medians))})")
    return ", ".join(lines)


def _findings(found: Sequence[Cell]) -> list[Finding]:
    losses = {way: _lost(found, way) for way in WAYS[1:]}
    single = {way: f"loses to its base in {lost} of {of} cells of α, K and seed" for way, (lost, of) in losses.items()}
    read, moved = (f"median (least) gain at equal NFE: {_each(found, way)}" for way in WAYS[1:])
    half = [cell.error["conditioned"] / cell.error["transferred"] for cell in found if cell.alpha == 0.5]
    findings = [
        Finding(
            "Hypersolvers generalize across base solvers of the same order: g of α = 1/2 gains on the whole family",
            f"{moved}; {single['transferred']}",
            verdict(gain > 1 for gain in _gains(found, "transferred")[1]),
        ),
        Finding(
            "A g that reads α, which is drawn in training, beats its base at every α (ours)",
            f"{read}; {single['conditioned']}",
            losses["conditioned"][0] == 0,
        ),
        Finding(
            "Reading α costs nothing at α = 1/2 itself (ours)",
            f"its error is {statistics.median(half):.2g} times that of the g of 1/2 alone in the median, "
            f"at most {max(half):.2g} times",
            max(half) <= 1,
        ),
    ]
    priced = [cell for cell in found if cell.equal is not None]
    for way, who in (("transferred", "g of α = 1/2"), ("conditioned", "a g that reads α")) if priced else ():
        less = [cell.error[way] < cell.equal for cell in priced if cell.equal is not None]
        findings.append(
            Finding(
                f"Pareto efficiency over the entire α-family, counted in MACs with g's, on the neural field: {who}",
                f"less error than the base with as many MACs in {sum(less)} of {len(less)} cells",
                verdict(less),
            )
        )
    return findings


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    cells = [_cell(cell) for part in found.values() for cell in part["cells"]]
    names = list(dict.fromkeys(cell.problem for cell in cells))
    lines = [
        f"The relative error at the end of the span, the median over {UNSEEN} unseen starts, of second_order(α) alone,",
        "with a g that reads α, and with one that was trained for α = 1/2 alone, in as many iterations, and moved. A",
        "gain is the base's error over that with g at equal evaluations; cells are pairs of α and K; medians are over",
        "the seeds. inf: more than half of the starts diverge; in MAPE, which is a mean, one start at least.",
        f"\n{_summary(cells)}",
    ]
    flows = [part for part in found.values() if part["quality"] is not None]
    if flows:
        distances = ", ".join(f"{part['quality']:.4f}" for part in flows)
        lines += [
            f"The flow's own samples are at an energy distance of {distances} from the pinwheel. A step of it takes",
            "{:,} multiply-accumulates a sample without g and {:,} with.\n".format(*flows[0]["macs"]),
        ]
    text = "\n".join([*lines, *(f"## {name}\n\n{_table(_of(cells, name))}" for name in names)])
    return Conclusion(_findings(cells), text, {"alpha.png": partial(_draw, cells)})


def _draw(found: Sequence[Cell], path: Path) -> None:
    """Errors over α, a column for each problem and a row for each of two K: medians, and the range of the seeds."""
    groups, names = _grouped(found), list(dict.fromkeys(cell.problem for cell in found))
    alphas = sorted({cell.alpha for cell in found})
    figure = Figure(figsize=(3.2 * len(names), 6.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(names), squeeze=False, sharex=True)
    for column, name in enumerate(names):
        for panel, steps in zip(panels[:, column], SHOWN[name], strict=True):
            for way, (label, colour, marker) in STYLES.items():
                series = [[cell.error[way] for cell in groups[name, steps, alpha]] for alpha in alphas]
                panel.plot(alphas, list(map(statistics.median, series)), color=colour, marker=marker, ms=4, label=label)
                panel.fill_between(
                    alphas, list(map(min, series)), list(map(max, series)), color=colour, alpha=0.15, lw=0
                )
            panel.set_yscale("log")
            panel.set_title(f"{name}, K = {steps}", fontsize="medium")
            panel.grid(True, alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
        panels[-1, column].set_xlabel("α")
    for panel in panels[:, 0]:
        panel.set_ylabel("relative error at the end")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=90)


STUDY = Study(
    "Generalization across base solvers",
    """The source: "Hypersolvers generalize across different base solvers of the same order (second order explicit
solver family parametrized by α). HyperMidpoint (α = .5) generalized without finetuning to other base solvers,
preserving its Pareto efficiency over the entire α-family." Here that g, moved to α = 0.3 .. 1, beside one whose g reads
α, which is drawn in training, on three classical systems and a flow in the plane. Moving it leaves out a residual of
−(α − 1/2)/4·f″(f, f) + O(ε).""",
    15.0,
    _parts,
    _conclude,
)
