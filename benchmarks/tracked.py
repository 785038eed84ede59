"""Training the digits classifier itself by a hypersolver kept in step with f: python -m benchmarks.tracked

The same model, initial weights, batches and optimizer, with z(1) by torchdiffeq's dopri5 at 1e-3, by fixed steps of a
plain method, and by a tracked HyperEuler; seeds 0, 1, 2, one thread, everything the training does counted in its time.
Test losses are those of the exact solution of the f found so far (dopri5 at 1e-5) on the 500 test images, looked at
with the clock stopped; beside them stand those of the solver that the model was trained with. The demanding setting,
an f four times as wide under a stronger kinetic penalty, tempts f to lean on its solver's error. Writes
benchmarks/results/tracked.md, .json and .png.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from math import inf, isfinite
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from benchmarks import study
from benchmarks.study import library
from hyperdsl.evaluation.classifier import SPAN, Recipe, moved
from hyperdsl.evaluation.digits import STATE_SHAPE, DigitsModel, digits_data
from hyperdsl.evaluation.image_sets import Images
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import torchdiffeq_solve
from hyperdsl.runtime.field import Counted
from hyperdsl.training.given import seeded
from hyperdsl.training.tracking import Refresh, Tracked, TrackingWarning

PACKAGE = Path("generated/digits_hyper_euler")
LEVELS = (0.15, 0.1)
FINE, LATER = 210, 63  # iterations: the test loss is looked at each LATER ones, more often before FINE
REFERENCE = 1e-5
DOPRI5 = "dopri5, 1e-3"
METHODS = (
    DOPRI5,
    "euler, K = 2",
    "midpoint, K = 1",
    "midpoint, K = 2",
    "rk4, K = 1",
    "tracked HyperEuler, K = 2",
    "tracked HyperEuler, K = 4",
)
COLOURS = ("#4d4d4d", "#d1495b", "#c77f0a", "#3a7d44", "#8a5a9e", "#0b5fa5", "#00838f")


@dataclass(frozen=True)
class Setting:
    """What is trained: f's hidden channels, the weight of the kinetic penalty; iterations between the first looks."""

    name: str
    hidden: int
    kinetic: float
    every: int


SETTINGS = (
    Setting("the recipe (16 channels, kinetic 0.3)", 16, Recipe().kinetic, 7),
    Setting("demanding (64 channels, kinetic 1)", 64, 1.0, 21),
)


@dataclass(frozen=True)
class Look:
    """Test loss and accuracy (%) by the exact solution and by the training's own solver, at an iteration.

    `cpu` are the process's own seconds, which other work on the machine does not touch.
    """

    iteration: int
    seconds: float
    cpu: float
    loss: float
    accuracy: float
    own_loss: float
    own_accuracy: float


@dataclass(frozen=True)
class Run:
    """One training: evaluations of f forward an iteration, those of refreshes included, and what was seen."""

    method: str
    setting: str
    seed: int
    evaluations: float
    looks: list[Look]
    refreshes: list[Refresh] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.looks[-1].seconds

    def reached(self, level: float, clock: str = "seconds") -> float:
        """Seconds until the exact test loss is seen at the level; inf where it never is."""
        return next((float(getattr(look, clock)) for look in self.looks if look.loss <= level), inf)


def solver_of(method: str, f: Callable[..., Tensor]) -> Any:
    """What takes z(0) to z(1)."""
    if method == DOPRI5:
        return partial(torchdiffeq_solve, f, span=SPAN)
    name, steps = method.split(", K = ")
    if name.startswith("tracked"):
        return Tracked(load_package(PACKAGE).choose()(STATE_SHAPE), f, SPAN, int(steps))
    return partial(library(name), f, span=SPAN, steps=int(steps))


def iterations(model: DigitsModel, solve: Any, train: Images, recipe: Recipe) -> Iterator[int]:
    """Trains the model; yields the number of iterations done after each."""
    batches = -(-len(train.images) // recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * batches)
    for epoch in range(recipe.epochs):
        for k, rows in enumerate(torch.randperm(len(train.images)).chunk(batches)):
            z0 = model.encode(moved(train.images[rows], recipe))
            loss = functional.cross_entropy(model.decode(solve(z0)), train.classes[rows])
            loss = loss + recipe.kinetic * model.field(torch.zeros(()), z0).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if isinstance(solve, Tracked):
                solve.update(z0)
            yield epoch * batches + k + 1


@torch.no_grad()
def looked(model: DigitsModel, solve: Any, test: Images, iteration: int, *seconds: float) -> Look:
    z0 = model.encode(test.images)
    found = []
    for end in (torchdiffeq_solve(model.field, z0, SPAN, tolerance=REFERENCE), solve(z0)):
        found += [float(functional.cross_entropy(model.decode(end), test.classes)), model.accuracy(end, test.classes)]
    return Look(iteration, *seconds, *found)


def clocks() -> tuple[float, float]:
    """Wall-clock and CPU seconds."""
    return time.perf_counter(), time.process_time()


def trained(method: str, seed: int, setting: Setting, epochs: int) -> Run:
    train, test = digits_data(seed)
    recipe = replace(Recipe(), kinetic=setting.kinetic, epochs=epochs)
    with seeded(seed):
        model = DigitsModel(setting.hidden)
        with seeded(seed):  # g's first weights are no part of the model's random numbers
            f = Counted(model.field)
            solve = solver_of(method, f)
        looks: list[Look] = []
        spent, evaluations, start = [0.0, 0.0], 0, clocks()
        for done in iterations(model, solve, train, recipe):
            if done % (setting.every if done <= FINE else LATER) == 0:
                spent = [before + now - then for before, now, then in zip(spent, clocks(), start, strict=True)]
                evaluations, random = f.evaluations, torch.get_rng_state()
                looks.append(looked(model, solve, test, done, *spent))
                f.evaluations = evaluations
                torch.set_rng_state(random)
                start = clocks()
    refreshes = solve.history if isinstance(solve, Tracked) else []
    return Run(method, setting.name, seed, evaluations / looks[-1].iteration, looks, refreshes)


def median(runs: list[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(of(run) for run in runs)


def shown(value: float) -> str:
    return f"{value:.2f}" if isfinite(value) else "–"


def cells(runs: list[Run], base: list[Run]) -> list[str]:
    """A method's row: medians over the seeds; quotients are of each seed."""
    times = []
    for level in LEVELS:
        times.append(shown(statistics.median(run.reached(level) for run in runs)))
        for clock in ("seconds", "cpu"):
            shares = [
                run.reached(level, clock) / first.reached(level, clock) for first, run in zip(base, runs, strict=True)
            ]
            times.append(shown(statistics.median(shares)))
    return [
        runs[0].method,
        f"{median(runs, lambda run: run.evaluations):.1f}",
        f"{median(runs, lambda run: 1e3 * run.seconds / run.looks[-1].iteration):.1f}",
        *times,
        f"{median(runs, lambda run: run.looks[-1].loss):.3f}",
        f"{median(runs, lambda run: run.looks[-1].accuracy):.1f}",
        f"{median(runs, lambda run: run.looks[-1].own_loss):.3f}",
        f"{median(runs, lambda run: run.looks[-1].own_accuracy):.1f}",
        ", ".join(f"{run.looks[-1].loss:.3f}" for run in runs),
    ]


def tracking(runs: list[Run]) -> list[str]:
    """How a tracked solver was kept in step, medians over the seeds."""
    share = median(runs, lambda run: sum(r.seconds for r in run.refreshes) / run.seconds)
    cost = median(runs, lambda run: 1e3 * sum(r.seconds for r in run.refreshes) / run.looks[-1].iteration)
    return [
        runs[0].method,
        runs[0].setting,
        *(
            f"{statistics.median(run.refreshes[min(k, len(run.refreshes) - 1)].before for run in runs):.2f}"
            for k in (1, 5, 10, -1)
        ),
        f"{median(runs, lambda run: run.refreshes[-1].after):.2f}",
        f"{median(runs, lambda run: len(run.refreshes)):.0f}",
        f"{median(runs, lambda run: sum(r.refit for r in run.refreshes)):.0f}",
        f"{median(runs, lambda run: sum(not r.trusted for r in run.refreshes)):.0f}",
        f"{cost:.2f}",
        f"{100 * share:.0f} %",
    ]


def summary(runs: list[Run]) -> list[str]:
    """The figures that the goal is about, and how much of the test loss is hidden by the training's own solver."""
    settings, lines = list(dict.fromkeys(run.setting for run in runs)), []
    methods = list(dict.fromkeys(run.method for run in runs))

    def group(method: str, setting: str) -> list[Run]:
        return [run for run in runs if (run.method, run.setting) == (method, setting)]

    for setting in settings:
        shares = {name: cells(group(name, setting), group(DOPRI5, setting))[4] for name in methods[1:]}
        lines.append(
            f"{setting}, time to a test loss of {LEVELS[0]:g} over dopri5's (goal when tracked: 0.5): "
            + "; ".join(f"{name}: {share}" for name, share in shares.items())
        )
    for setting in settings:
        gaps = {
            name: median(group(name, setting), lambda run: run.looks[-1].loss - run.looks[-1].own_loss)
            for name in methods
        }
        lines.append(
            f"{setting}, exact test loss less the training's own, at the end: "
            + "; ".join(f"{name}: {gap:.3f}" for name, gap in gaps.items())
        )
    return lines


def report(runs: list[Run]) -> str:
    parts = [study.about(__doc__), *(f"- {line}" for line in summary(runs)), ""]
    heads = ["method", "NFE an iteration", "ms an iteration"]
    heads += [head for level in LEVELS for head in (f"s to {level:g}", "over dopri5", "CPU over dopri5")]
    heads += ["exact loss", "exact accuracy %", "own loss", "own accuracy %", "exact loss, seeds"]
    methods = list(dict.fromkeys(run.method for run in runs))
    settings = list(dict.fromkeys(run.setting for run in runs))
    tracked = []
    for setting in settings:
        groups = {name: [run for run in runs if (run.method, run.setting) == (name, setting)] for name in methods}
        rows = [cells(group, groups[methods[0]]) for group in groups.values()]
        parts.append(f"## {setting}\n\n{markdown(heads, rows)}\n")
        tracked += [tracking(group) for group in groups.values() if group[0].refreshes]
    heads = ["method", "setting", "δ before refresh 2", "6", "11", "last", "δ after the last"]
    heads += ["refreshes", "refits", "not trusted", "ms an iteration", "of the time"]
    return "\n".join([*parts, f"## How g is kept in step\n\n{markdown(heads, tracked)}\n"])


def columns(run: Run) -> dict[str, Any]:
    """A run for JSON: what was looked at and the refreshes as columns, of four digits."""
    found = asdict(run)
    for name in ("looks", "refreshes"):
        found[name] = {
            key: [float(f"{row[key]:.4g}") if isinstance(row[key], float) else row[key] for row in found[name]]
            for key in (found[name][0] if found[name] else ())
        }
    return found


def plot(runs: list[Run], path: Path) -> None:
    """Exact test loss against seconds, a panel for each setting, and δ against iterations; medians over the seeds."""
    settings = list(dict.fromkeys(run.setting for run in runs))
    figure = Figure(figsize=(5.0 * (len(settings) + 1), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(settings) + 1)
    seen = {run.method for run in runs}
    for panel, setting in zip(panels, settings, strict=False):
        for name, colour in zip(METHODS, COLOURS, strict=True):
            if name not in seen:
                continue
            looks = [run.looks for run in runs if (run.method, run.setting) == (name, setting)]
            at = [[statistics.median(getattr(look, of) for look in group) for group in zip(*looks, strict=True)]
                  for of in ("seconds", "loss")]  # fmt: skip
            panel.plot(*at, color=colour, label=name, linewidth=2.2 if name.startswith("tracked") else 1.2)
        panel.set(xscale="log", yscale="log", ylim=(0.04, 2.5), xlabel="seconds of training", title=f"{setting}")
        panel.set_ylabel("test loss under the exact solution")
    panels[0].axhline(LEVELS[0], color="#999999", linewidth=0.8, linestyle=":")
    for name, colour in zip(METHODS, COLOURS, strict=True):
        for setting, style in zip(settings, ("-", "--"), strict=False):
            group = [run.refreshes for run in runs if (run.method, run.setting) == (name, setting) and run.refreshes]
            if group:
                at = [[statistics.median(r.before for r in each) for each in zip(*group, strict=True)][1:],
                      [each.iteration for each in group[0]][1:]]  # fmt: skip
                panels[-1].plot(at[1], at[0], style, color=colour, label=f"{name}, {setting}")
    panels[-1].set(ylim=(0, 1), xlabel="iteration", ylabel="δ before each refresh", title="how far g lags behind f")
    for panel in panels:
        panel.grid(True, alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, fontsize="x-small")
    figure.savefig(path, dpi=100)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs, help="12 or more")
    given = study.given(parser, arguments)
    warnings.simplefilter("ignore", TrackingWarning)  # the report counts what they would say
    runs: list[Run] = []
    methods = (METHODS[0], METHODS[-2]) if given.smallest else METHODS
    epochs = 2 if given.smallest else given.epochs
    for setting in SETTINGS[: 1 if given.smallest else None]:
        for seed in given.seeds:
            for method in methods:
                runs.append(trained(method, seed, setting, epochs))
                last, seconds = runs[-1].looks[-1], [f"{runs[-1].reached(level):.2f}" for level in LEVELS]
                print(f"{setting.name}, {seed}, {method}: {seconds} of {last.seconds:.1f} s, {last}", flush=True)
    text = report(runs)
    print(text)
    study.write(given, "tracked", text, {"runs": [columns(run) for run in runs]})
    plot(runs, given.output / "tracked.png")


if __name__ == "__main__":
    main()
