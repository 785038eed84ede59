"""The grid of a solver: `grid 0, 1/10, 3/10, 1`, fractions of the span, or `grid learned(4)`, which training finds."""

from __future__ import annotations

from itertools import pairwise

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.left_open import Grid
from hyperdsl.semantics.model.training import EndLoss, TrajectoryLoss
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Arguments, Settings, head
from hyperdsl.semantics.tables.solvers import GRADED, MOST_GRID_STEPS
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import ONE, Exact

WORD = "grid"
LEARNED = "learned"


def read_grid(report: Report, settings: Settings) -> Grid | None:
    """The grid; None without one, and where it was reported."""
    setting = settings.get(WORD)
    if setting is None:
        return None
    before = len(report.found)
    first = setting.values[0] if len(setting.values) == 1 else None
    grid = _learned(report, first) if isinstance(first, n.Call) and head(first) == LEARNED else _given(report, setting)
    return None if report.failed_since(before) else grid


def _learned(report: Report, call: n.Call) -> Grid:
    """So many steps, equal before training."""
    arguments = Arguments(report, call, GRADED, positional=1)
    steps = arguments.integer("steps", 2)
    if "steps" not in arguments.values:
        report(catalogue.WRONG_VALUE, call, word=LEARNED, wants="the number of steps: `grid learned(4)`")
    return Grid(tuple(Exact.of(k) / Exact.of(steps) for k in range(steps + 1)), learned=True)


def _given(report: Report, setting: n.Setting) -> Grid | None:
    points: list[Exact] = []
    for value in setting.values:
        if isinstance(value, n.Range | n.Comparison | n.String):
            wants = "points such as `0, 1/10, 3/10, 1`, or `learned(4)`"
            report(catalogue.WRONG_VALUE, value, word=WORD, wants=wants)
            return None
        point = ExactReader(report).double(value)
        if point is None:
            return None
        points.append(point)
    if len(points) > MOST_GRID_STEPS + 1:
        report(catalogue.TOO_LARGE, setting, what="this grid", limit=f"{MOST_GRID_STEPS} steps")
    elif not points[0].is_zero or points[-1] != ONE or len(points) < 2:
        at = setting.values[0] if points[0].sign() else setting.values[-1]
        problem = "a grid goes from 0 to 1, in fractions of the span"
        report(catalogue.BAD_GRID, at, problem=problem, help="write `grid 0, ..., 1`")
    else:
        for value, (low, high) in zip(setting.values[1:], pairwise(points), strict=True):
            if (high - low).sign() <= 0:
                problem = f"the points of a grid ascend, and {high} stands after {low}"
                report(catalogue.BAD_GRID, value, problem=problem)
                break
            if float(high) <= float(low):
                problem = f"these points are {float(low)!r} both, in double precision"
                report(catalogue.BAD_GRID, value, problem=problem, help="leave one out")
                break
    return Grid(tuple(points), learned=False)


def check_grid(report: Report, settings: Settings, solver: m.StepSolver) -> None:
    """What does not go with the solver's grid."""
    grid, training = solver.grid, solver.training
    if grid is None:
        return
    if solver.control:
        problem = "a grid and a control both choose the steps"
        report(catalogue.BAD_GRID, settings.by_word[WORD], problem=problem, help="leave one of the two out")
    if training is None:
        return
    given = settings.by_word.get("training")
    at = given.values[0] if given else settings.by_word[WORD]
    for phase in training.phases:
        if grid.learned and not isinstance(phase.loss, EndLoss):
            problem = f"`{training.name}` cannot train a grid: its targets would move with the points"
            report(catalogue.BAD_GRID, at, problem=problem, help="train it by `loss end`")
            return
        if isinstance(phase.loss, TrajectoryLoss):
            what = "rollouts from within a grid are"
            report(catalogue.NOT_YET, at, what=what, help="train it by `loss end`, which is for all of the grid")
            return
        whole = [(1,)] if isinstance(phase.loss, EndLoss) else []  # what `loss end` has where nothing is said
        if phase.steps.given and phase.steps.grids not in [(grid.steps,), *whole]:
            problem = f"the grid has {grid.steps} steps, and `{training.name}` wants others"
            report(catalogue.BAD_GRID, at, problem=problem, help="leave `steps` and `eps` out of the training")
            return


def refuse_grid(report: Report, settings: Settings, method: m.Multistep | m.PredictorCorrector) -> None:
    """A formula of past steps is for equal ones."""
    if WORD in settings.by_word:
        problem = f"`{method.name}` takes equal steps: its formula holds on no other grid"
        report(catalogue.BAD_GRID, settings.by_word[WORD], problem=problem, help="take a Runge–Kutta base, or no grid")
