"""Model-predictive control with a fixed field: what a predictor costs, how well it predicts, how well the loop runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from hyperdsl.evaluation.packages import Package
from hyperdsl.evaluation.plots import COLOURS, MARKERS, plain_ticks
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.solvers import in_double
from hyperdsl.evaluation.training import build_solver
from hyperdsl.evidence.mppi import TASKS, Predictor, Task, closed_loops, step_times
from hyperdsl.evidence.packages import package, spec_text, trained
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study

STEPS = {
    "Euler": (1, 2),
    "Midpoint": (1, 2),
    "Ralston3": (1,),
    "RK4": (1,),
    "HyperEuler": (1, 2),
    "HyperHeun": (1,),
    "Learned2": (1,),
    "Learned3": (1,),
}
"""Of each predictor, in a period of the loop."""
TRAINED = ("HyperEuler", "HyperHeun", "Learned2", "Learned3")
HYPER = ("HyperEuler", "HyperHeun")
ROUNDS = 20
"""Control steps that are timed."""
EXACT = 10
"""Steps of RK4 in a period that count as exact."""
EQUAL = 1.1
"""Errors and times up to so many times another count as equal."""
IN_TIME = 0.05
"""A predictor meets the deadline where it misses it in no larger share of the steps."""


@dataclass(frozen=True)
class Measured:
    """A predictor in a robot's loop, of one seed.

    error: of the states at the horizon's end, over how far they move, both weighed as the controller weighs them;
    `period_error` after one period. milliseconds: of a control step, the median, and `late` the 99th percentile and
    `missed` the share of steps longer than a period. cost: of the closed loop where plans take no time, and
    `cost_in_time` where they take as many whole periods as measured, `periods`.
    """

    robot: str
    seed: int
    method: str
    steps: int
    error: float
    period_error: float
    milliseconds: float
    late: float
    missed: float
    periods: int
    cost: float
    cost_in_time: float

    @property
    def name(self) -> str:
        return f"{self.method} K = {self.steps}"


def _predictors(task: Task, made: Package, seed: int, settings: Settings) -> dict[tuple[str, int], Predictor]:
    """The solvers of the spec, trained where there is something to train."""
    problem = task.problem
    found: dict[tuple[str, int], Predictor] = {}
    for name, counts in STEPS.items():
        if settings.smallest and name not in ("RK4", "HyperEuler"):
            continue
        if name in TRAINED:
            few: dict[str, object] = {"iterations": 10, "trajectories": 32} if settings.smallest else {}
            solver = trained(made, problem, name, seed, settings, f"control/{task.robot}", few)
        else:
            solver = build_solver(made, problem, name)
        for count in counts[: 1 if settings.smallest else None]:
            found[name, count] = partial(_predicted, solver, problem.f, problem.span, count)
    return found


def _predicted(solver: object, f: object, span: tuple[float, float], steps: int, z: Tensor, x: Tensor) -> Tensor:
    found: Tensor = solver(f, z, span, steps, x=x, check=False)  # type: ignore[operator]  # a generated solver
    return found


@torch.no_grad()
def _errors(
    task: Task, predictors: Mapping[tuple[str, int], Predictor], exact: Predictor, seed: int
) -> dict[tuple[str, int], list[float]]:
    """Of each predictor after one period and at the horizon's end, on plans around those of a loop with `exact`."""
    flown = closed_loops(task, [(exact, 0)], seed)[1][:, 0].float()
    starts = flown[:: max(len(flown) // 8, 1)].repeat_interleave(32, 0)
    noise = torch.randn(len(starts), task.instants, len(task.rest), generator=torch.Generator().manual_seed(seed))
    inputs = (task.rest + task.spread * noise).clamp(task.low, task.high)

    def ends(predict: Predictor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        z = first = predict(starts.to(dtype), inputs[:, 0].to(dtype))
        for k in range(1, task.instants):
            z = predict(z, inputs[:, k].to(dtype))
        return first.double(), z.double()

    true = ends(exact, torch.float64)
    moved = [((end - starts).square() * task.weights).sum(-1).mean().sqrt() for end in true]
    found = {}
    for key, predict in predictors.items():
        pairs = zip(ends(predict, torch.float32), true, moved, strict=True)
        found[key] = [float(((z - end).square() * task.weights).sum(-1).mean().sqrt() / far) for z, end, far in pairs]
    return found


def _exact(task: Task, made: Package, many: int) -> Predictor:
    """RK4 in many steps, in double precision where the states are."""
    problem = task.problem
    solver, double = build_solver(made, problem, "RK4"), in_double(problem.f)

    def predict(z: Tensor, x: Tensor) -> Tensor:
        return _predicted(solver, double if z.dtype == torch.float64 else problem.f, problem.span, many, z, x)

    return predict


def _measured(robot: str, seed: int, settings: Settings) -> Found:
    task = TASKS[robot]
    if settings.smallest:
        task = _small(task)
    made = package(f"control_{robot}", settings.runs)
    predictors = _predictors(task, made, seed, settings)
    errors = _errors(task, predictors, _exact(task, made, 2 if settings.smallest else EXACT), seed)
    rounds = 3 if settings.smallest else ROUNDS
    times = step_times(task, {f"{name} {count}": one for (name, count), one in predictors.items()}, rounds)
    period = 1e3 * task.problem.span[1]
    periods = [math.ceil(statistics.median(taken) / period) for taken in times.values()]
    both = [(predict, late) for late in (0, 1) for predict in predictors.values()]
    runs = [(predict, periods[i % len(predictors)] if late else 0) for i, (predict, late) in enumerate(both)]
    costs = closed_loops(task, runs, seed)[0]
    rows = []
    for i, (name, count) in enumerate(predictors):
        taken = sorted(times[f"{name} {count}"])
        whole, first = errors[name, count][1], errors[name, count][0]
        row = Measured(
            robot,
            seed,
            name,
            count,
            whole,
            first,
            statistics.median(taken),
            taken[min(math.ceil(0.99 * len(taken)), len(taken)) - 1],
            sum(one > period for one in taken) / len(taken),
            periods[i],
            costs[i],
            costs[i + len(predictors)],
        )
        rows.append({key: plain(value) for key, value in asdict(row).items()})
    return {"rows": rows, "period": period}


def _small(task: Task) -> Task:
    """The task in its smallest form."""
    return Task(**{**vars(task), "seconds": 3 * task.problem.span[1], "instants": 3, "rollouts": 8})


def _parts(settings: Settings) -> list[Part]:
    robots = ["quadrotor"] if settings.smallest else list(TASKS)
    return [
        Part(
            f"{robot}/{seed}",
            partial(_measured, robot, seed, settings),
            (spec_text(f"control_{robot}"), STEPS, settings.smallest),
        )
        for seed in settings.seeds
        for robot in robots
    ]


def _middle(rows: Sequence[Measured]) -> list[Measured]:
    """The medians over the seeds, a row for each predictor."""
    groups: dict[tuple[str, int], list[Measured]] = {}
    for row in rows:
        groups.setdefault((row.method, row.steps), []).append(row)
    numbers = [name for name, kind in Measured.__annotations__.items() if kind == "float"]
    return [
        Measured(
            **{
                **asdict(group[0]),
                **{name: statistics.median(getattr(row, name) for row in group) for name in numbers},
                "periods": round(statistics.median(row.periods for row in group)),
            }
        )
        for group in groups.values()
    ]


def _deadline(rows: Sequence[Measured], period: float) -> Finding:
    """Whether a hypersolver meets a deadline that RK4 at equal error misses."""
    robot = rows[0].robot
    claim = f"{robot}: a hypersolver meets the deadline of {period:.0f} ms that RK4 at equal error misses"
    own = min((row for row in rows if row.method in HYPER and row.missed <= IN_TIME), key=_error, default=None)
    if own is None:
        return Finding(claim, "no hypersolver meets it", False)
    fine = [row for row in rows if row.method == "RK4" and row.error <= EQUAL * own.error]
    best = min(fine, key=lambda row: row.milliseconds, default=None)
    told = f"{own.name} misses it in {100 * own.missed:.0f} % of the steps ({own.milliseconds:.0f} ms)"
    told += f" at an error of {own.error:.2g}"
    if best is None:
        coarse = next(row for row in rows if row.method == "RK4" and row.steps == max(STEPS["RK4"]))
        return Finding(
            claim, f"{told}; RK4 has no such error at K = {coarse.steps} ({coarse.error:.2g})", coarse.missed > 0.5
        )
    other = f"{best.name} misses it in {100 * best.missed:.0f} % ({best.milliseconds:.0f} ms) at {best.error:.2g}"
    in_time = [row for row in rows if row.method not in HYPER and row.missed <= IN_TIME and row.error <= own.error]
    if best.missed > 0.5 and in_time:
        rival = min(in_time, key=_error)
        other += f"; but {rival.name} meets it with less error still ({rival.milliseconds:.0f} ms, {rival.error:.2g})"
    return Finding(claim, f"{told}; {other}", False if best.missed <= 0.5 else None if in_time else True)


def _error(row: Measured) -> float:
    return row.error


def _rivals(rows: Sequence[Measured]) -> Finding:
    """Whether every method without a network has more error in the time of the hypersolver that wins most."""
    others = [row for row in rows if row.method not in HYPER]
    gains = {}
    for row in (row for row in rows if row.method in HYPER):
        as_quick = [other for other in others if other.milliseconds <= EQUAL * row.milliseconds]
        best = min(as_quick, key=_error, default=None)
        if best is not None:
            gains[row.name] = (best.error / row.error, best)
    told = "; ".join(f"{name} has {gain:.2g} times less than {best.name}" for name, (gain, best) in gains.items())
    robot = rows[0].robot
    won = [gain > 1 for gain, _ in gains.values()]
    verdict = None if any(won) and not all(won) else bool(won) and all(won)
    return Finding(f"{robot}: in equal milliseconds the hypersolver predicts best (ours)", told, verdict)


def _loop(rows: Sequence[Measured]) -> Finding:
    """What the loop itself says, with the time that plans take."""
    robot = rows[0].robot
    own = min((row for row in rows if row.method in HYPER), key=lambda row: row.cost_in_time)
    best = min((row for row in rows if row.method not in HYPER), key=lambda row: row.cost_in_time)
    rk4 = min((row for row in rows if row.method == "RK4"), key=lambda row: row.cost_in_time)
    told = (
        f"cost {own.cost_in_time:.3g} with {own.name}, {rk4.cost_in_time:.3g} with {rk4.name}, and "
        f"{best.cost_in_time:.3g} with {best.name}, the best of all others; where plans take no time "
        f"{own.cost:.3g}, {rk4.cost:.3g} and {best.cost:.3g}"
    )
    verdict = None if own.cost_in_time < rk4.cost_in_time / 1.02 else False
    verdict = True if verdict is None and own.cost_in_time <= 1.02 * best.cost_in_time else verdict
    return Finding(
        f"{robot}: the loop runs best with a hypersolver, the time that plans take included (ours)", told, verdict
    )


def _table(rows: Sequence[Measured]) -> str:
    heads = ["predictor", "error at the horizon", "after a period", "ms a control step", "99 %", "deadlines missed"]
    lines = [
        [
            row.name,
            f"{row.error:.2g}",
            f"{row.period_error:.2g}",
            f"{row.milliseconds:.1f}",
            f"{row.late:.1f}",
            f"{100 * row.missed:.0f} %",
            f"{row.cost:.4g}",
            f"{row.cost_in_time:.4g} ({row.periods})",
        ]
        for row in rows
    ]
    return markdown([*heads, "cost of the loop", "with the time of plans (periods)"], lines)


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    rows = [Measured(**{**row, **_floats(row)}) for part in found.values() for row in part["rows"]]
    findings, text, middle = [], [], {}
    for robot in dict.fromkeys(row.robot for row in rows):
        middle[robot] = _middle([row for row in rows if row.robot == robot])
        period = next(part["period"] for name, part in found.items() if name.startswith(robot))
        findings += [_deadline(middle[robot], period), _rivals(middle[robot]), _loop(middle[robot])]
        text.append(f"## {robot}, a period of {period:.0f} ms\n\n{_table(middle[robot])}")
    return Conclusion(findings, "\n".join(text), {"control.png": partial(_draw, middle)})


def _floats(row: Mapping[str, object]) -> dict[str, float]:
    return {name: float(row[name]) for name, kind in Measured.__annotations__.items() if kind == "float"}  # type: ignore[arg-type]  # numbers, or what stands for them


def _draw(middle: Mapping[str, Sequence[Measured]], path: Path) -> None:
    """The error of predictions over the time of a control step, with the deadline, a panel for each robot."""
    figure = Figure(figsize=(5.2 * len(middle), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(middle), squeeze=False)[0]
    for panel, (robot, rows) in zip(panels, middle.items(), strict=True):
        for i, name in enumerate(STEPS):
            points = [(row.milliseconds, row.error) for row in rows if row.method == name and math.isfinite(row.error)]
            panel.plot(
                *zip(*points, strict=True) if points else ((), ()), marker=MARKERS[i], color=COLOURS[i], label=name
            )
        panel.axvline(1e3 * TASKS[robot].problem.span[1], color="#4d4d4d", ls=":", label="deadline")
        panel.set_xscale("log")
        panel.set_yscale("log")
        plain_ticks(panel.xaxis)
        panel.set_title(robot)
        panel.set_xlabel("milliseconds of a control step")
        panel.grid(True, alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("error at the horizon, relative")
    panels[-1].legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=90)


STUDY = Study(
    "Control with a field that may not be changed",
    """The source names control as a use: f is a given simulator. Two robots in a closed loop with model-predictive
path-integral control (MPPI, Williams et al. 2017), whose rollouts are all of a control step's time: a quadrotor (the
Crazyflie, 13 numbers; f is cheap) that flies a figure of eight under gusts, and an arm (Franka's Panda, 14 numbers; f
is the whole rigid-body dynamics) that reaches one pose after another with disturbed torques. Every predictor has the
same 256 rollouts and looks as far ahead; all of it is eager PyTorch on one thread in float32. The
robot itself is simulated in float64 by dopri8 (to about 1e-9). A control period is the deadline. K is the number of
steps in a period, in which the input is held; g reads that input. Milliseconds are the processor's. The number of
rollouts is a choice on which the arm's deadline depends: with half of them RK4 took some 68 ms and met it as well.
Costs of the loop are means over its instants, medians over the seeds.""",
    12.0,
    _parts,
    _conclude,
)
