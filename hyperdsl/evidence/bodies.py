"""Bodies that attract one another over long times: hypersolvers, plain methods and symplectic ones."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from hyperdsl.evaluation.bodies import BODIES, SYMPLECTIC, Bodies
from hyperdsl.evaluation.plots import COLOURS, MARKERS, plain_ticks
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.solvers import torchdiffeq_states
from hyperdsl.evaluation.training import build_solver
from hyperdsl.evidence.packages import package, spec_text, trained
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study

Run: TypeAlias = Callable[[Tensor, float, int], Tensor]
"""z0 [batch, n], ε and how many steps give the end."""

PLAIN, HYPER = ("RK4",), ("HyperEuler", "HyperHeun", "HyperRK4")
EVALUATIONS = {"HyperEuler": 1, "HyperHeun": 2, "HyperRK4": 4, "RK4": 4, "leapfrog": 1, "Yoshida 4": 3}
"""Of a step."""
SHARES = (25.0, 50.0, 100.0)
"""Time that an evaluation of f has, for the solar system in days; a thousandth of so many picoseconds for argon."""
UNITS = {"outer_solar_system": 1.0, "argon": 2e-7}
LENGTHS = {"outer_solar_system": (20_000.0, 200_000.0), "argon": (8e-4, 0.02)}
"""A short and a long time."""
STARTS = 8


@dataclass(frozen=True)
class Measured:
    """A method at so much time an evaluation, of one seed.

    error: of all places after the short time, relative, the median over the starts. drift: the largest change of the
    energy by the end of the long time, relative, the median over the starts. milliseconds: of the long time.
    """

    bodies: str
    seed: int
    method: str
    share: float
    error: float
    drift: float
    milliseconds: float


def _generated(solver: Any, bodies: Bodies, z: Tensor, eps: float, steps: int) -> Tensor:
    end: Tensor = solver(bodies.field, z, (0.0, eps * steps), steps, check=False)
    return end


def _methods(bodies: Bodies, seed: int, settings: Settings) -> dict[str, Run]:
    made, problem = package("bodies", settings.runs), bodies.problem()
    few: dict[str, object] = (
        {"iterations": 5, "trajectories": 4, "steps": (150, 160), "substeps": 2} if settings.smallest else {}
    )
    found: dict[str, Run] = {name: partial(bodies.composed, name) for name in SYMPLECTIC}
    found |= {name: partial(_generated, build_solver(made, problem, name), bodies) for name in PLAIN}
    for name in HYPER[: 1 if settings.smallest else None]:
        solver = trained(made, problem, name, seed, settings, f"bodies/{bodies.name}", few)
        found[name] = partial(_generated, solver, bodies)
    return found


def _measured(name: str, seed: int, settings: Settings) -> Found:
    bodies = BODIES[name]
    return {"rows": _rows(bodies, _methods(bodies, seed, settings), seed, settings)}


@torch.no_grad()
def _rows(bodies: Bodies, methods: Mapping[str, Run], seed: int, settings: Settings) -> list[Found]:
    """A row for each method at each share of time."""
    name = bodies.name
    z0 = bodies.sample(STARTS, torch.Generator().manual_seed(1_000_003 + seed))
    short, long = (length / (50 if settings.smallest else 1) for length in LENGTHS[name])
    exact = torchdiffeq_states(bodies.field, z0, (0.0, short), method="dopri8", tolerance=1e-11)[-1]
    energy = bodies.energy(z0)
    rows = []
    for share in SHARES[-1:] if settings.smallest else SHARES:
        for method, run in methods.items():
            eps = share * UNITS[name] * EVALUATIONS[method]
            end = run(z0, eps, round(short / eps))
            places, true = (z.chunk(2, -1)[0] for z in (end, exact))
            error = (places - true).norm(dim=-1) / true.norm(dim=-1)
            start = time.perf_counter()
            drift, z, pieces = torch.zeros(STARTS, dtype=torch.float64), z0, 20
            for _ in range(pieces):
                z = run(z, eps, max(round(long / eps / pieces), 1))
                drift = torch.maximum(drift, (bodies.energy(z) / energy - 1).abs().nan_to_num(nan=math.inf))
            taken = 1e3 * (time.perf_counter() - start)
            error = error.nan_to_num(nan=math.inf)
            row = Measured(name, seed, method, share, float(error.median()), float(drift.median()), taken)
            rows.append({key: plain(value) for key, value in asdict(row).items()})
    return rows


def _parts(settings: Settings) -> list[Part]:
    return [
        Part(
            f"{name}/{seed}",
            partial(_measured, name, seed, settings),
            (spec_text("bodies"), SHARES, LENGTHS, settings.smallest),
        )
        for seed in settings.seeds
        for name in list(BODIES)[: 1 if settings.smallest else None]
    ]


def _middle(found: Mapping[str, Found], name: str) -> list[Measured]:
    """The medians over the seeds of what the parts of these bodies have."""
    groups: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for part in found.values():
        for row in part["rows"]:
            if row["bodies"] == name:
                groups.setdefault((row["share"], row["method"]), []).append(row)
    numbers = ("error", "drift", "milliseconds")
    return [
        Measured(**{**group[0], **{key: statistics.median(float(row[key]) for row in group) for key in numbers}})
        for group in groups.values()
    ]


def _compared(rows: Sequence[Measured], key: str) -> tuple[str, bool | None]:
    """Who is best at each time an evaluation, with g and without, and whether it is with g."""
    told, won = [], []
    for share in sorted({row.share for row in rows}):
        values = {row.method: float(getattr(row, key)) for row in rows if row.share == share}
        own, best = (min(set(values) & set(names), key=values.__getitem__) for names in (HYPER, (*PLAIN, *SYMPLECTIC)))
        told.append(f"{own} {values[own]:.1e}, {best} {values[best]:.1e}")
        won.append(values[own] < values[best])
    return "; ".join(told), _verdict(won)


def _findings(name: str, rows: Sequence[Measured]) -> list[Finding]:
    """Who is best, in places after a short time and in energy after a long one."""
    taken = {(row.method, row.share): row.milliseconds for row in rows}
    slow = [time / taken["leapfrog", share] for (method, share), time in taken.items() if method == "HyperHeun"]
    cost = f"; HyperHeun takes {statistics.median(slow):.2g} times leapfrog's milliseconds" if slow else ""
    (places, near), (energies, kept) = (_compared(rows, key) for key in ("error", "drift"))
    return [
        Finding(
            f"{name}: at equal evaluations a hypersolver's places are nearer after a short time", places + cost, near
        ),
        Finding(f"{name}: over long times it keeps the energy better than symplectic methods", energies, kept),
    ]


def _verdict(won: Sequence[bool]) -> bool | None:
    return True if all(won) else None if any(won) else False


def _table(rows: Sequence[Measured]) -> str:
    lines = [
        [f"{row.share:g}", row.method, f"{row.error:.1e}", f"{row.drift:.1e}", f"{row.milliseconds:.0f}"]
        for row in sorted(rows, key=lambda row: (row.share, list(EVALUATIONS).index(row.method)))
    ]
    return markdown(
        ["time an evaluation", "method", "error of places, short", "drift of energy, long", "ms, long"], lines
    )


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    middle = {name: rows for name in BODIES if (rows := _middle(found, name))}
    findings = [one for name, rows in middle.items() for one in _findings(name, rows)]
    lengths = {name: " and ".join(f"{length:g}" for length in LENGTHS[name]) for name in middle}
    text = "\n".join(f"## {name}, over {lengths[name]}\n\n{_table(rows)}" for name, rows in middle.items())
    return Conclusion(findings, text, {"bodies.png": partial(_draw, middle)})


def _draw(middle: Mapping[str, Sequence[Measured]], path: Path) -> None:
    """The error after the short time and the drift after the long one, over milliseconds of the long time."""
    figure = Figure(figsize=(9.5, 3.6 * len(middle)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(middle), 2, squeeze=False)
    for line, (name, rows) in zip(panels, middle.items(), strict=True):
        for panel, key, label in zip(
            line, ("error", "drift"), ("error of places, short", "drift of energy, long"), strict=True
        ):
            for i, method in enumerate(EVALUATIONS):
                points = sorted((row.milliseconds, float(getattr(row, key))) for row in rows if row.method == method)
                shown = [point for point in points if math.isfinite(point[1])]
                panel.plot(
                    *zip(*shown, strict=True) if shown else ((), ()), marker=MARKERS[i], color=COLOURS[i], label=method
                )
            panel.set_xscale("log")
            panel.set_yscale("log")
            plain_ticks(panel.xaxis)
            panel.set_title(name)
            panel.set_xlabel("milliseconds of the long time")
            panel.set_ylabel(label)
            panel.grid(True, alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
    panels[0, 1].legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=80)


STUDY = Study(
    "Bodies that attract one another",
    f"""Two systems of Hairer, Lubich & Wanner (Geometric Numerical Integration, §I.2.4, §I.4) with a fixed field: the
outer solar system (six bodies, 36 numbers, AU and days) and a cluster of seven argon atoms in a plane (28 numbers, nm
and ns). Every method has the same time for an evaluation of f: {", ".join(map("{:g}".format, SHARES))} days, or as many
times .2 fs. Measured are the places after a short time, against dopri8 at 1e-11, and the largest change of the energy
over a long one, which for argon is beyond what places can be predicted for. Medians over {STARTS} starts near the
published ones and over the seeds, in float64; g is trained near the long trajectory.""",
    20.0,
    _parts,
    _conclude,
)
