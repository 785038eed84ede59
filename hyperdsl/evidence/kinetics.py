"""A pharmacokinetic model from a public file for many patients: stiff methods, a learned term on them, and SciPy's."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from hyperdsl import compiler
from hyperdsl.evaluation.contenders import Contender, adaptive, at_tolerances, fixed, of_scipy
from hyperdsl.evaluation.metrics import relative_error
from hyperdsl.evaluation.plots import COLOURS, MARKERS, plain_ticks
from hyperdsl.evaluation.problems import Problem, from_model
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.scipy_methods import stiff_reference
from hyperdsl.evaluation.training import build_solver
from hyperdsl.evidence.packages import SPECS, package, spec_text, trained
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study

TRAINED, STEPS = 20, (10, 20, 40, 80)
"""How many steps g is trained for, and those that methods without one take."""
HYPER = {"HyperSdirk2": "Sdirk2"}
"""Hypersolvers and their bases."""
FIXED = (*HYPER, *HYPER.values(), "BackwardEuler", "RadauIIA3")
TOLERANCES = (1e-2, 1e-3, 1e-4)
PATIENTS = 8
REPEATS, SECONDS = 3, 2.0


@dataclass(frozen=True)
class Measured:
    """A method at a setting, of one seed: the median relative error of the patients' ends, and what they cost together.

    evaluations: of all patients at once, and of the mean patient where each is solved alone.
    """

    seed: int
    method: str
    setting: str
    evaluations: int
    milliseconds: float
    error: float


def _problem() -> Problem:
    """The problem of the spec, with patients drawn."""
    models, _ = compiler.problems(SPECS / "kinetics.hyper")
    return replace(from_model(models[0]), stiff=True, tolerance=1e-6, source=f"{__name__}:ICG")


ICG = _problem()
"""The model, for reports as well: `--problem hyperdsl.evidence.kinetics:ICG`."""


def _contenders(patients: Problem, seed: int, settings: Settings) -> list[Contender]:
    made = package("kinetics", settings.runs)
    few: dict[str, object] = {}
    if settings.smallest:
        few = {"iterations": 2, "trajectories": 2, "substeps": 8}
    found: list[Contender] = []
    for name in FIXED if not settings.smallest else ("HyperSdirk2", "Sdirk2"):
        solver: Any = build_solver(made, patients, name)
        steps = (TRAINED,) if settings.smallest or name in HYPER else STEPS
        if name in HYPER:
            solver = trained(made, patients, name, seed, settings, "kinetics", few)
        found += fixed(name, solver, steps)
    if settings.smallest:
        return found
    found += at_tolerances("Rodas4", build_solver(made, patients, "Rodas4"), TOLERANCES)
    return [*found, *of_scipy(("bdf", "lsoda"), TOLERANCES[1:], absolute=1e-3), *adaptive((1e-3, 1e-6))]


def _row(
    contender: Contender, patients: Problem, z0: Tensor, x: Tensor, exact: Tensor, seed: int, repeats: int
) -> Found:
    """A contender on all patients, timed as often as it is quick."""
    calls = 0

    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return patients.f(s, x, z)

    times: list[float] = []
    while len(times) < repeats and sum(times) < SECONDS:
        calls, start = 0, time.perf_counter()
        solved = contender.counted(f, z0, patients.span, x) if contender.counted else None
        end = solved.z if solved else contender.run(f, z0, patients.span, x)
        times.append(time.perf_counter() - start)
    evaluations = solved.evaluations if solved else calls
    error = relative_error(end.nan_to_num(nan=math.inf), exact)
    row = Measured(seed, contender.method, contender.setting, evaluations, 1e3 * statistics.median(times), error)
    return {key: plain(value) for key, value in asdict(row).items()}


def _measured(seed: int, settings: Settings) -> Found:
    patients = ICG
    if settings.smallest:
        patients = replace(patients, span=(0.0, 0.25))
    contenders = _contenders(patients, seed, settings)
    z0, x = patients.draw(2 if settings.smallest else PATIENTS, torch.Generator().manual_seed(1_000_003 + seed))
    assert x is not None  # patients have parameters
    repeats = 1 if settings.smallest else REPEATS
    with torch.no_grad():
        exact = stiff_reference(patients.f, z0, patients.span, x, tolerance=patients.tolerance).z
        return {"rows": [_row(one, patients, z0, x, exact, seed, repeats) for one in contenders]}


def _parts(settings: Settings) -> list[Part]:
    recipe = (spec_text("kinetics"), settings.smallest)
    return [Part(f"icg/{seed}", partial(_measured, seed, settings), recipe) for seed in settings.seeds]


def _middle(found: Mapping[str, Found]) -> list[Measured]:
    """The medians over the seeds."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for part in found.values():
        for row in part["rows"]:
            groups.setdefault((row["method"], row["setting"]), []).append(row)
    return [
        Measured(
            0,
            method,
            setting,
            round(statistics.median(row["evaluations"] for row in group)),
            *(statistics.median(float(row[key]) for row in group) for key in ("milliseconds", "error")),
        )
        for (method, setting), group in groups.items()
    ]


def _findings(rows: Sequence[Measured]) -> list[Finding]:
    by = {(row.method, row.setting): row for row in rows}
    findings = []
    for name, base in HYPER.items():
        row, plain_one = by.get((name, f"K = {TRAINED}")), by.get((base, f"K = {TRAINED}"))
        if row and plain_one:
            gain, cost = plain_one.error / row.error, row.milliseconds / plain_one.milliseconds
            claim = f"g makes the error of {base} less in {TRAINED} steps (ours)"
            findings.append(
                Finding(claim, f"{gain:.3g} times less, in {cost:.2g} times the time", row.error < plain_one.error)
            )
    others = [row for row in rows if row.method not in HYPER]
    own = min((row for row in rows if row.method in HYPER), key=lambda row: row.error)
    as_good = [row for row in others if row.error <= own.error]
    best = min(as_good, key=lambda row: row.milliseconds, default=None)
    told = f"{own.method} {own.setting} has {own.error:.1e} in {own.milliseconds:.0f} ms"
    if best is not None:
        told += f", {best.method} {best.setting} {best.error:.1e} in {best.milliseconds:.0f} ms"
    claim = "Patients are solved quickest with a learned term, at its best error (ours)"
    findings.append(Finding(claim, told, best is None or own.milliseconds < best.milliseconds))
    explicit = min((row for row in rows if row.method == "dopri5"), key=lambda row: row.milliseconds, default=None)
    if explicit is not None:
        implicit = [row for row in others if row.method != "dopri5"]
        as_good = [row for row in implicit if row.error <= explicit.error] or [min(implicit, key=lambda row: row.error)]
        stiff = min(as_good, key=lambda row: row.milliseconds)
        told = f"dopri5 takes {explicit.evaluations:,} evaluations and {explicit.milliseconds:,.0f} ms"
        told += f"; {stiff.method} {stiff.setting} {stiff.evaluations:,} and {stiff.milliseconds:,.0f} ms"
        slow = explicit.milliseconds > stiff.milliseconds
        findings.append(Finding("The model is too stiff for explicit methods, hypersolvers among them", told, slow))
    return findings


def _table(rows: Sequence[Measured]) -> str:
    lines = [
        [row.method, row.setting, f"{row.evaluations:,}", f"{row.milliseconds:,.1f}", f"{row.error:.1e}"]
        for row in rows
    ]
    return markdown(["method", "setting", "evaluations", f"ms, {PATIENTS} patients", "error"], lines)


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    rows = _middle(found)
    return Conclusion(_findings(rows), _table(rows), {"kinetics.png": partial(_draw, rows)})


def _draw(rows: Sequence[Measured], path: Path) -> None:
    """The error over milliseconds of each method."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    for i, method in enumerate(dict.fromkeys(row.method for row in rows)):
        points = [(row.milliseconds, row.error) for row in rows if row.method == method and math.isfinite(row.error)]
        shown = zip(*points, strict=True) if points else ((), ())
        panel.plot(*shown, label=method, marker=MARKERS[i % len(MARKERS)], color=COLOURS[i % len(COLOURS)])
    panel.set_xscale("log")
    panel.set_yscale("log")
    plain_ticks(panel.xaxis)
    panel.set_xlabel(f"milliseconds, {PATIENTS} patients")
    panel.set_ylabel("relative error, median")
    panel.grid(True, alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=90)


STUDY = Study(
    "A pharmacokinetic model from a public file",
    """The distribution of indocyanine green in a whole body and its uptake by the liver (Köller, Grzegorzewski & König
2021), written from an SBML file by `tools/sbml_to_hyper.py`: 11 states, saturable transport, and patients of different
weight, cardiac output and cirrhosis, whom f and g read as x. The lungs exchange their plasma 800 times a minute, so
that over 15 minutes the model is stiff. A learned term on an L-stable method in few steps, beside its base, Euler's
backward method, Radau IIA of order 3, Rodas4 with its own steps, SciPy's methods (each patient alone, f in PyTorch),
and torchdiffeq's dopri5. Errors are the patients' median, relative, at the end; all are medians over the seeds, in
float64.""",
    10.0,
    _parts,
    _conclude,
)
