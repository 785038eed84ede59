"""A latent ODE on a recorded time series: what solvers of few evaluations do to its states and to its forecasts."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from hyperdsl.evaluation.contenders import Contender, adaptive, fixed
from hyperdsl.evaluation.neuron import SPAN, NeuronRecipe, neuron_model, neuron_problem, neuron_states, windows
from hyperdsl.evaluation.plots import plot
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.work_precision import Row, Start, measure
from hyperdsl.evidence.packages import package, spec_text, trained
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study
from hyperdsl.reporting.methods import library

STEPS: Mapping[str, Sequence[int]] = {
    "HyperEuler": (2, 4, 8, 16),
    "HyperEulerBilinear": (2, 4, 8, 16),
    "Learned4": (1,),
    "Learned8": (1,),
}
KINDS = (
    (("HyperEuler", "HyperEulerBilinear"), "hypersolver"),
    (("Learned4", "Learned8"), "method with learned coefficients"),
)
PLAIN: Mapping[str, Sequence[int]] = {"euler": (4, 8, 16, 32), "midpoint": (2, 4, 8, 16), "rk4": (1, 2, 4, 8)}
EQUAL = 1.1
"""Milliseconds up to so many times another's count as equal."""
NUMBERS = ("evaluations", "macs", "milliseconds", "mape", "l2", "relative_error", "accuracy")


def _contenders(problem: Any, seed: int, settings: Settings) -> list[Contender]:
    made = package("series", settings.runs)
    few: dict[str, object] = {"iterations": 3, "trajectories": 8, "substeps": 2} if settings.smallest else {}
    found = adaptive((1e-3,))
    for name, steps in list(PLAIN.items())[: 1 if settings.smallest else None]:
        found += fixed(name, library(name), steps)
    for name, steps in list(STEPS.items())[: 1 if settings.smallest else None]:
        solver = trained(made, problem, name, seed, settings, "series", few)
        found += fixed(name, solver, steps)
    return found


def _measured(seed: int, settings: Settings) -> Found:
    recipe = NeuronRecipe(iterations=2, batch=8, steps=3) if settings.smallest else NeuronRecipe()
    model = neuron_model(seed, recipe, settings.runs / "neuron", settings.progress)
    problem = neuron_problem(seed, model)
    z0, future = neuron_states(model, test=True)[::4], windows(test=True)[::4, -1]
    exact = reference_solution(model.field, z0, SPAN, tolerance=1e-7).z

    def error(z: Tensor) -> float:
        """Of the forecast of a window's last sample, the root mean square over the recording's deviation."""
        told: Tensor = model.decoder(z.float()).squeeze(-1)
        return float((told - future).square().mean().sqrt())

    start = Start(model.field, z0, SPAN, exact)
    rows = measure(_contenders(problem, seed, settings), start, accuracy=error, repeats=3 if settings.smallest else 30)
    kept = [{key: plain(value) for key, value in asdict(row).items()} for row in rows]
    return {"rows": kept, "forecast": error(exact), "spread": float(future.std())}


def _parts(settings: Settings) -> list[Part]:
    return [
        Part(
            f"neuron/{seed}",
            partial(_measured, seed, settings),
            (spec_text("series"), STEPS, PLAIN, NeuronRecipe(), settings.smallest),
        )
        for seed in settings.seeds
    ]


def _middle(found: Mapping[str, Found]) -> list[Row]:
    """The medians over the seeds; `accuracy` is the forecast's error."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for part in found.values():
        for row in part["rows"]:
            groups.setdefault((row["method"], row["setting"]), []).append(row)
    return [
        Row(**group[0] | {key: statistics.median(float(row[key]) for row in group) for key in NUMBERS})
        for group in groups.values()
    ]


def _findings(rows: Sequence[Row], forecast: float, spread: float) -> list[Finding]:
    exact = next(row for row in rows if row.method == "dopri5")
    own = [row for row in rows if row.method in STEPS]
    as_good = [row for row in own if row.accuracy is not None and row.accuracy <= 1.02 * forecast]
    quickest = min(as_good, key=lambda row: row.milliseconds, default=None)
    told = f"exactly solved the forecast's error is {forecast:.3f} (a constant's {spread:.3f}); "
    claim = "Forecasts as good as with dopri5 (within 2 %), at least 5 times faster"
    if quickest is None:
        return [Finding(claim, f"{told}no trained solver has it", False)]
    faster = exact.milliseconds / quickest.milliseconds
    found = f"{quickest.method} {quickest.setting}: {quickest.accuracy:.3f} in {quickest.milliseconds:.2f} ms, dopri5 "
    findings = [Finding(claim, f"{told}{found}{exact.milliseconds:.1f} ms, {faster:.1f} times", faster >= 5)]
    for names, who in KINDS:
        gains = {}
        for row in (row for row in own if row.method in names):
            rivals = [one for one in rows if one.method in PLAIN and one.milliseconds <= EQUAL * row.milliseconds]
            if rivals:
                best = min(rivals, key=lambda one: one.l2)
                gains[f"{row.method} {row.setting}"] = (best.l2 / row.l2, f"{best.method} {best.setting}")
        if gains:
            name = max(gains, key=lambda key: gains[key][0])
            won = sum(gain > 1 for gain, _ in gains.values())
            told = (
                f"{name} has {gains[name][0]:.2g} times less than {gains[name][1]}; {won} of {len(gains)} settings win"
            )
            verdict = True if won == len(gains) else None if won else False
            claim = f"In equal milliseconds a {who} has less error of the latent state (L2)"
            findings.append(Finding(claim, told, verdict))
    return findings


def _table(rows: Sequence[Row]) -> str:
    lines = [
        [
            row.method,
            row.setting,
            f"{row.evaluations:g}",
            f"{row.macs:,.0f}",
            f"{row.milliseconds:.2f}",
            f"{row.mape:.3g}",
            f"{row.l2:.2g}",
            f"{row.accuracy:.3f}",
        ]
        for row in rows
    ]
    return markdown(["method", "setting", "NFE", "MACs", "ms, 64 windows", "MAPE %", "L2", "forecast's error"], lines)


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    rows = _middle(found)
    forecast, spread = (statistics.median(part[key] for part in found.values()) for key in ("forecast", "spread"))
    draw = partial(_draw, rows)
    return Conclusion(_findings(rows, forecast, spread), _table(rows), {"series.png": draw})


def _draw(rows: Sequence[Row], path: Path) -> None:
    plot(rows, path, "latent ODE of a neuron's potential", "l2", "L2 of the latent state")


STUDY = Study(
    "A latent ODE on a recorded time series",
    """A latent ODE (Rubanova, Chen & Duvenaud 2019; a GRU encodes, z' = f(z) in 8 dimensions, a linear layer decodes)
on the potential of a neuron's membrane, a recording that Matplotlib carries. Trained once with RK4 in many steps, on
what lies before the windows of the tests; of a window's first 60 samples every second is seen, 30 more are the future.
Solved over the whole window, in as few evaluations as may be, against the exact end: MAPE and L2 of the latent
state, and the forecast's error at the window's end (root mean square, in deviations of the recording). Milliseconds are
those of 64 windows, medians over the seeds.""",
    10.0,
    _parts,
    _conclude,
)
