"""What g adds to a step, by the order of its base, and whether it is worth that beside classical methods."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

from hyperdsl.evaluation.classifier import ConvField, Recipe, encoded
from hyperdsl.evaluation.contenders import adaptive, fixed
from hyperdsl.evaluation.cost import cost_of, milliseconds
from hyperdsl.evaluation.digits import digits_data, digits_model, digits_problem
from hyperdsl.evaluation.flows import FlowField, FlowRecipe, flow_field, flow_problem
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import json_object, markdown, short
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.training import train_package
from hyperdsl.evaluation.verdict import beaten
from hyperdsl.evaluation.work_precision import Row, Start, measure, unseen
from hyperdsl.evidence.packages import package, spec_text
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study, verdict
from hyperdsl.reporting.methods import library
from hyperdsl.runtime.whole import Whole
from hyperdsl.training.given import seeded

ORDERS = {"Euler": 1, "Heun": 2, "Kutta3": 3, "Rk4": 4, "Dopri5": 5, "Butcher6": 6}
TRAINED = ("Euler", "Heun", "Rk4")
CLASSICAL: dict[str, tuple[int, ...]] = dict.fromkeys(("euler", "midpoint", "heun"), (1, 2, 4, 8, 16, 32))
CLASSICAL |= dict.fromkeys(("kutta3", "rk4", "dopri5", "butcher6"), (1, 2, 4, 8))
STEPS = (1, 2, 4, 8)
BATCH, STATES = 64, 256
SPAN = (0.0, 1.0)
COSTS = ("multiply-accumulates", "milliseconds", "milliseconds, whole")
COLOURS = ("#0b5fa5", "#d1495b", "#3a7d44")


class Perceptron(nn.Module):
    """f(z) for z [batch, 64]: 64-128-128-64 with tanh."""

    def __init__(self) -> None:
        super().__init__()
        inner = (nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 64))
        self.layers = nn.Sequential(*inner)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        found: Tensor = self.layers(z)
        return found


@dataclass(frozen=True)
class Kind:
    """A vector field whose solvers have correctors of the spec's name `corrector` and another before the base's."""

    name: str
    field: Callable[[], nn.Module]
    shape: tuple[int, ...]
    corrector: str


KINDS: tuple[Kind, ...] = (
    Kind("the flow's perceptron, 3-64-64-2", FlowField, (2,), "Mlp"),
    Kind("a perceptron, 64-128-128-64", Perceptron, (64,), "Mlp"),
    Kind("the digits' convolutions, 8-16-8 on 4×4", partial(ConvField, 8, 16), (8, 4, 4), "Conv"),
)
PROBLEMS = {"flow": "Mlp", "digits": "Conv"}
"""On which solvers are trained, with their correctors."""


def _parts(settings: Settings) -> list[Part]:
    few = slice(1 if settings.smallest else None)
    recipe = (spec_text("overhead"), settings.smallest)
    costs = [Part(f"cost/{kind.name}", partial(_costs, kind, settings), recipe) for kind in KINDS[few]]
    return costs + [
        Part(f"{name}/{seed}", partial(_fronts, name, seed, settings), (*recipe, CLASSICAL, STEPS))
        for seed in settings.seeds
        for name in list(PROBLEMS)[few]
    ]


def _costs(kind: Kind, settings: Settings) -> Found:
    """Costs of two steps of each base, and of the same with g, which is not trained: that changes no cost."""
    built = package("overhead", settings.runs)
    calls: dict[str, Callable[[], object]] = {}
    macs = {}
    with seeded(0):
        f, z0 = kind.field().requires_grad_(False), torch.randn(BATCH, *kind.shape)
        for base in ORDERS:
            solvers = {
                base: built.choose(base)(),
                kind.corrector + base: built.choose(kind.corrector + base)(kind.shape),
            }
            for name, solver in solvers.items():
                solve = partial(solver.requires_grad_(False), z0=z0, span=SPAN, steps=2)
                macs[name] = round(cost_of(solve, f).macs / BATCH)
                calls[name] = partial(solve, f)
                calls[f"{name}, whole"] = partial(Whole(solver, f, SPAN, 2), z0)
    times = milliseconds(calls, 3 if settings.smallest else 200, best=True, clock=time.process_time)
    rows = []
    for base, order in ORDERS.items():
        pairs = [(each[base + more], each[kind.corrector + base + more]) for each, more in _clocks(macs, times)]
        rows.append([base, order, *itertools.chain(*pairs)])
    return {"rows": rows}


def _clocks(macs: Mapping[str, float], times: Mapping[str, float]) -> list[tuple[Mapping[str, float], str]]:
    """In the order of COSTS, where a solver's cost is found, and what follows its name there."""
    return [(macs, ""), (times, ""), (times, ", whole")]


def _problem(name: str, seed: int, settings: Settings) -> tuple[Problem, Start]:
    """The problem and the unseen states of it: those of test images, or draws of their own."""
    count = 16 if settings.smallest else STATES
    if name == "flow":
        recipe = FlowRecipe(iterations=20) if settings.smallest else FlowRecipe()
        field = flow_field(seed, recipe, settings.runs / "flow", settings.progress)
        problem = flow_problem(seed, field)
        return problem, unseen(problem, count)
    model = digits_model(seed, Recipe(), settings.runs / "digits", settings.progress)
    problem, z0 = digits_problem(seed, model), encoded(model, digits_data(seed)[1].images[:count])
    exact = reference_solution(problem.f, z0, problem.span, tolerance=1e-8).z
    return problem, Start(problem.f, z0, problem.span, exact)


def _fronts(name: str, seed: int, settings: Settings) -> Found:
    """Rows of hypersolvers and of classical methods, on one field."""
    problem, start = _problem(name, seed, settings)
    few: dict[str, object] = {"iterations": 20, "trajectories": 32, "substeps": 4} if settings.smallest else {}
    contenders = adaptive((1e-2, 1e-3, 1e-4))
    for method, steps in CLASSICAL.items():
        contenders += fixed(method, library(method), steps)
    for base in TRAINED[: 1 if settings.smallest else None]:
        solver = train_package(
            package("overhead", settings.runs),
            problem,
            solver=PROBLEMS[name] + base,
            overrides=few,
            seed=seed,
            output=settings.runs / "overhead" / name / f"{base}_{seed}.safetensors",
            progress=settings.progress,
        ).solver
        solve: Any = solver
        contenders += fixed(f"Hyper{base}", solve, STEPS)
    rows = measure(contenders, start, batch=BATCH, repeats=1 if settings.smallest else 30, clock=time.process_time)
    return json_object(rows)


def _rows(found: Found) -> list[Row]:
    """Rows as `json_object` wrote them."""
    numbers = ("mape", "l2", "relative_error", "milliseconds")
    return [Row(**{**row, **{key: float(row[key]) for key in numbers}}) for row in found["rows"]]


def _overheads(found: Mapping[str, Found]) -> dict[str, list[list[float]]]:
    """By field and, in the order of COSTS, what g adds over the base's cost at each order."""
    told = {}
    for part, value in found.items():
        if part.startswith("cost/"):
            costs = list(zip(*(row[2:] for row in value["rows"]), strict=True))
            told[part.removeprefix("cost/")] = [
                [more / base - 1 for base, more in zip(*costs[2 * k : 2 * k + 2], strict=True)]
                for k in range(len(COSTS))
            ]
    return told


def _held(found: Mapping[str, Found], problem: str, base: str, cost: Callable[[Row], float]) -> list[bool]:
    """Of each setting and seed of a hypersolver, whether no classical method has less error at equal cost."""
    name, held = f"Hyper{base}", []
    for part, value in found.items():
        if part.split("/")[0] == problem:
            rows = [row for row in _rows(value) if row.method == name or not row.method.startswith("Hyper")]
            lost = [better.own for better in beaten(rows, name, cost)]
            held += [row not in lost for row in rows if row.method == name]
    return held


def _findings(found: Mapping[str, Found]) -> list[Finding]:
    told, findings = _overheads(found), []
    for k, cost in enumerate(COSTS):
        falls = [x > y for each in told.values() for x, y in itertools.pairwise(each[k])]
        listed = "; ".join(f"{name} {', '.join(f'{v:.2g}' for v in each[k])}" for name, each in told.items())
        findings.append(
            Finding(
                f"Overheads decrease as the base's order increases: {cost}",
                f"g's cost over the base step's, orders 1 to {len(ORDERS)}: {listed}",
                verdict(falls),
            )
        )
    costs: dict[str, Callable[[Row], float]] = {
        "evaluations of f": lambda row: row.evaluations,
        "multiply-accumulates with g's": lambda row: row.macs,
        "milliseconds": lambda row: row.milliseconds,
    }
    problems = [name for name in PROBLEMS if any(part.startswith(f"{name}/") for part in found)]
    for cost, of in costs.items():
        held = {(name, base): _held(found, name, base, of) for name in problems for base in TRAINED}
        listed = ", ".join(
            f"Hyper{base} on {name} {each.count(False)} of {len(each)}" for (name, base), each in held.items() if each
        )
        findings.append(
            Finding(
                f"Even in the worst case, the lowest order, hypersolvers remain Pareto efficient: {cost}",
                f"settings with more error than a classical method at equal cost: {listed}",
                verdict(one for name in problems for one in held[name, TRAINED[0]]),
            )
        )
    return findings


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    texts = []
    told = _overheads(found)
    for part, value in found.items():
        name = part.removeprefix("cost/")
        if part.startswith("cost/"):
            heads = ["base", "order"]
            heads += [head for cost in COSTS for head in (f"{cost}: base", "with g", "overhead")]
            cells = []
            for i, (base, order, *costs) in enumerate(value["rows"]):
                forms = [short if k == 0 else "{:.3f}".format for k in range(len(COSTS))]
                shown = [
                    [form(costs[2 * k]), form(costs[2 * k + 1]), f"{told[name][k][i]:.3f}"]
                    for k, form in enumerate(forms)
                ]
                cells.append([base, str(order), *itertools.chain(*shown)])
            texts.append(f"## What g adds, {name}\n\n{markdown(heads, cells)}")
        else:
            rows = [
                [row.method, row.setting, str(row.evaluations), short(row.macs), f"{row.milliseconds:.2f}",
                 f"{row.mape:.3g}", f"{row.relative_error:.1e}"]
                for row in _rows(value)
            ]  # fmt: skip
            heads = ["method", "setting", "NFE", "MACs", "ms", "MAPE %", "relative error"]
            texts.append(f"## Beside classical methods, {part.replace('/', ', seed ')}\n\n{markdown(heads, rows)}")
    return Conclusion(_findings(found), "\n".join(texts), {"overhead.png": partial(_draw, told)})


def _draw(told: Mapping[str, list[list[float]]], path: Path) -> None:
    """The overhead over the order of the base, a panel for each cost and a line for each field."""
    figure = Figure(figsize=(4.0 * len(COSTS), 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(COSTS), sharey=True)
    for k, (panel, cost) in enumerate(zip(panels, COSTS, strict=True)):
        for (name, each), colour, marker in zip(told.items(), COLOURS, "osD", strict=False):
            panel.plot(list(ORDERS.values()), each[k], color=colour, marker=marker, label=name)
        panel.set(yscale="log", xlabel="order of the base", title=cost)
        panel.grid(True, alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("what g adds over a step of the base")
    panels[0].legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=90)


STUDY = Study(
    "What g costs",
    """The source: "Hypersolver computational overheads decreases as the base solver order p increases. Even in the
worst-case scenario (low order), hypersolvers remain Pareto efficient over traditional methods." Here what one and the
same g adds to a step of Euler, Heun, Kutta's method of order 3, RK4, dopri5 (its weights of order 5) and Butcher's
method of order 6, in multiply-accumulates and in milliseconds (a batch of 64, one thread, the process's own time, the
fastest of many turns), as the solver is called and as one straight-line module (`Whole`); then trained HyperEuler,
HyperHeun and HyperRK4 beside classical methods at equal evaluations, multiply-accumulates and milliseconds, on unseen
states.""",
    10.0,
    _parts,
    _conclude,
)
