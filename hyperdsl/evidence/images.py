"""A guided generative model of digits in few evaluations: learned coefficients beside samplers of diffusion models."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from hyperdsl.evaluation.contenders import ADAPTIVE, Contender, adaptive, fixed
from hyperdsl.evaluation.image_flow import SIZE, ImageField, image_problem
from hyperdsl.evaluation.image_sets import MNIST, load
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import bind, torchdiffeq_solve
from hyperdsl.evaluation.work_precision import UNSEEN, Start, measure
from hyperdsl.evidence import samplers
from hyperdsl.evidence.image_features import Classifier, Gaussian, classifier, gaussian
from hyperdsl.evidence.packages import package, spec_text, trained
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study, verdict
from hyperdsl.reporting.methods import library
from hyperdsl.training.files import write_atomically
from hyperdsl.training.given import seeded

COUNTS = (2, 4, 6)
"""Evaluations of f in a solve; images.hyper has solvers for 3 and 8 as well."""
CLASSICAL = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}
DPM = "DPM-Solver++(2M)"
SAMPLERS = {DPM: samplers.dpmpp_2m, "UniPC-2": samplers.unipc_2}
GOALS = {4: 0.35, 6: 0.25}
"""At so many evaluations, the share of DPM-Solver++'s error that learned coefficients are to have at most."""
SAMPLES, BATCH, REPEATS = 256, 64, 5
LOOSE, TIGHT = 1e-3, 1e-5
"""dopri5's tolerances: what is compared, and the exact ends, in the float32 of the model."""
ALIKE = 1.05
"""Fréchet distances up to so many times another count as equal."""
EXACT = "exact"
DRAWN, SHOWN = 4, 12
"""Evaluations of the methods in the picture, and how many samples of each."""


@dataclass(frozen=True)
class Row:
    """A method in medians over the seeds; `milliseconds` are those of BATCH samples."""

    count: int
    method: str
    evaluations: float
    milliseconds: float
    l2: float
    frechet: float
    learned: bool


@cache
def _problem(smallest: bool) -> Problem:
    """The model that comes with the package; of the smallest settings, a tiny one that is not trained."""
    if not smallest:
        return image_problem()
    with seeded(0):
        return image_problem(ImageField(8, 8, 8).requires_grad_(False).eval())


@cache
def _start(seed: int, smallest: bool) -> Start:
    """Noise and classes that no training draws, with their exact ends."""
    problem = _problem(smallest)
    z0, x = problem.draw(8 if smallest else SAMPLES, torch.Generator().manual_seed(UNSEEN + seed))
    assert x is not None  # classes
    parts = zip(torch.split(z0, BATCH), torch.split(x, BATCH), strict=True)
    with torch.no_grad():
        ends = [torchdiffeq_solve(problem.f, z, problem.span, labels, tolerance=TIGHT) for z, labels in parts]
    return Start(problem.f, z0, problem.span, torch.cat(ends), x)


@cache
def _judge(folder: Path, smallest: bool) -> tuple[Classifier, Gaussian]:
    """A classifier whose features tell images apart, and what they are like for MNIST's test images."""
    if smallest:
        with seeded(0):
            model = Classifier().requires_grad_(False)
            return model, gaussian(model, torch.rand(8, 1, SIZE, SIZE))
    model = classifier(folder, progress=False)
    return model, gaussian(model, 2 * load(MNIST, "t10k", SIZE).images - 1)


def _untrained(count: int) -> list[Contender]:
    """Methods that are not trained, in so many evaluations."""
    found = []
    for name, stages in CLASSICAL.items():
        if count % stages == 0:
            found += fixed(name, library(name), [count // stages])
    return [*found, *(_sampler(name, run, count) for name, run in SAMPLERS.items())]


def _sampler(name: str, run: Callable[..., Tensor], count: int) -> Contender:
    def solve(f: Any, z0: Tensor, span: tuple[float, float], x: Tensor | None) -> Tensor:
        return run(bind(f, x), z0, samplers.equal(count))

    return Contender(name, f"n = {count}", solve)


def _learned(count: int, seed: int, settings: Settings) -> list[Contender]:
    few: dict[str, object] = {}
    if settings.smallest:
        few = {"iterations": 1, "trajectories": 4, "batch": 2, "substeps": 2}
    made, problem, found = package("images", settings.runs), _problem(settings.smallest), []
    for label, name in ((f"learned({count})", f"Learned{count}"), (f"learned({count}) + g", f"Corrected{count}")):
        found += fixed(label, trained(made, problem, name, seed, settings, "images", few), [1])
    return found


def _measured(count: int, seed: int, settings: Settings) -> Found:
    """Methods of `count` evaluations, or dopri5 and the exact ends for 0."""
    start, found = _start(seed, settings.smallest), []
    judge, real = _judge(settings.runs / "images", settings.smallest)
    learned = _learned(count, seed, settings) if count else []
    contenders = [*_untrained(count), *learned] if count else adaptive((LOOSE,))
    with torch.no_grad():
        ends = [one.run(start.f, start.z0, start.span, start.x) for one in contenders]
    rows = measure(contenders, start, batch=BATCH, repeats=1 if settings.smallest else REPEATS, clock=time.process_time)
    for one, row, z in zip(contenders, rows, ends, strict=True):
        found.append(
            {
                "method": row.method,
                "evaluations": row.evaluations,
                "macs": row.macs,
                "milliseconds": row.milliseconds,
                "l2": row.l2,
                "frechet": gaussian(judge, z).distance(real),
                "learned": one in learned,
            }
        )
    if not count:
        exact = gaussian(judge, start.reference).distance(real)
        nothing = {"evaluations": 0, "macs": 0, "milliseconds": 0.0, "l2": 0.0}
        found.append({"method": EXACT, **nothing, "frechet": exact, "learned": False})
    return {"count": count, "rows": found}


def _counts(settings: Settings) -> tuple[int, ...]:
    return (0, 2) if settings.smallest else (0, *COUNTS)


def _parts(settings: Settings) -> list[Part]:
    recipe = (spec_text("images"), SAMPLES, BATCH, REPEATS, settings.smallest)
    return [
        Part(f"{count or ADAPTIVE}/{seed}", partial(_measured, count, seed, settings), recipe)
        for seed in settings.seeds
        for count in _counts(settings)
    ]


def _middle(found: Mapping[str, Found]) -> list[Row]:
    """The medians over the seeds, those of few evaluations first."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for part in found.values():
        for row in part["rows"]:
            groups.setdefault((part["count"], row["method"]), []).append(row)
    return [
        Row(
            count,
            method,
            _median(group, "evaluations"),
            _median(group, "milliseconds"),
            _median(group, "l2"),
            _median(group, "frechet"),
            group[0]["learned"],
        )
        for (count, method), group in sorted(groups.items(), key=lambda item: item[0][0])
    ]


def _median(group: Sequence[dict[str, Any]], name: str) -> float:
    return float(statistics.median(row[name] for row in group))


def _findings(rows: Sequence[Row]) -> list[Finding]:
    by = {(row.count, row.method): row for row in rows}
    counts = sorted({row.count for row in rows if row.count})
    found = []
    for count, goal in GOALS.items():
        if (count, DPM) in by:
            shares = {row.method: row.l2 / by[count, DPM].l2 for row in rows if row.count == count and row.learned}
            told = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
            claim = f"In {count} evaluations learned coefficients have at most {goal:.2f} of {DPM}'s error (ours)"
            found.append(Finding(claim, told, min(shares.values()) <= goal))
    words, held = [], []
    for count in counts:
        best = min((row for row in rows if row.count == count and not row.learned), key=lambda row: row.l2)
        own = by[count, f"learned({count})"]
        words.append(f"n = {count}: {own.l2 / best.l2:.2f} of {best.method}'s")
        held.append(own.l2 < best.l2)
    claim = "Learned coefficients have less error than every method that is not trained in as many evaluations (ours)"
    return [*found, Finding(claim, ", ".join(words), verdict(held)), _alike(rows, by), _corrected(by, counts)]


def _alike(rows: Sequence[Row], by: Mapping[tuple[int, str], Row]) -> Finding:
    """Samples like dopri5's, and the time that they take."""
    loose, exact = by[0, ADAPTIVE], by[0, EXACT]
    limit = ALIKE * loose.frechet
    told = (
        f"{ADAPTIVE} has a Fréchet distance of {loose.frechet:.2f} (exact {exact.frechet:.2f}) in "
        f"{loose.evaluations:g} evaluations and {loose.milliseconds:,.0f} ms; "
    )
    kinds = {"the least of learned coefficients": True, "the least of others": False}
    words = []
    for name, learned in kinds.items():
        alike = [row for row in rows if row.count and row.learned is learned and row.frechet <= limit]
        quickest = min(alike, key=lambda row: row.milliseconds, default=None)
        words.append(
            f"{name} with at most {ALIKE:g} times that: "
            + (
                f"{quickest.method} {quickest.frechet:.2f} in {quickest.count} and {quickest.milliseconds:,.0f} ms"
                if quickest
                else "none"
            )
        )
    claim = f"Learned coefficients give samples of the quality of {ADAPTIVE}'s in at most {max(COUNTS)} evaluations"
    holds = any(row.learned and row.frechet <= limit for row in rows)
    return Finding(claim, told + "; ".join(words), holds)


def _corrected(by: Mapping[tuple[int, str], Row], counts: Sequence[int]) -> Finding:
    words, held = [], []
    for count in counts:
        plain, both = by[count, f"learned({count})"], by[count, f"learned({count}) + g"]
        error, spent = both.l2 / plain.l2, both.milliseconds / plain.milliseconds
        words.append(f"n = {count}: {error:.2f} of the error in {spent:.2f} of the time")
        held.append(error < 1)
    return Finding("A g at the end of the step makes their error less (ours)", ", ".join(words), verdict(held))


def _table(rows: Sequence[Row]) -> str:
    lines = [
        [
            str(row.count or "–"),
            row.method,
            f"{row.evaluations:g}" if row.evaluations else "–",
            f"{row.milliseconds:,.0f}" if row.milliseconds else "–",
            f"{row.l2:.3g}",
            f"{row.frechet:.2f}",
        ]
        for row in rows
    ]
    return markdown(["n", "method", "NFE", f"ms, {BATCH} samples", "L2 to the exact ends", "Fréchet distance"], lines)


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    rows = _middle(found)
    count = DRAWN if any(row.count == DRAWN for row in rows) else max(row.count for row in rows)
    return Conclusion(_findings(rows), _table(rows), {"images.png": partial(_draw, count, settings)})


@torch.no_grad()
def _draw(count: int, settings: Settings, path: Path) -> None:
    """A row of samples for each method of `count` evaluations, all from the same noise and classes."""
    seed = settings.seeds[0]
    start = _start(seed, settings.smallest)
    assert start.x is not None  # as above
    z0, x = start.z0[:SHOWN], start.x[:SHOWN]
    shown = {EXACT: start.reference[:SHOWN]}
    for one in [*adaptive((LOOSE,)), *_learned(count, seed, settings), *_untrained(count)]:
        shown[one.method] = one.run(start.f, z0, start.span, x)
    figure = Figure(figsize=(9.0, 0.62 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(shown), 1, squeeze=False).ravel()
    for panel, (name, images) in zip(panels, shown.items(), strict=True):
        tiles = images[:, 0].permute(1, 0, 2).flatten(1).numpy()
        panel.imshow(tiles, cmap="gray_r", vmin=-1, vmax=1)
        panel.set(xticks=[], yticks=[])
        panel.set_ylabel(name, rotation=0, ha="right", va="center", fontsize="small")
        panel.spines[:].set_visible(False)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=90))


STUDY = Study(
    "Images in few evaluations",
    f"""A class-conditional model of MNIST's digits at 14×14 with classifier-free guidance (flow matching, a small
U-Net; it comes with hyperdsl as `mnist_flow`). Learned coefficients, started at DPM-Solver++(2M)'s (at the midpoint
method's for n = 2), with and without a g at the end of the step, trained each for 150 iterations on 128 trajectories;
beside Euler, midpoint, Heun and RK4 in equal steps, DPM-Solver++(2M) and UniPC of order 2 as samplers write them, and
torchdiffeq's dopri5 at 1e-3. All have the same {SAMPLES} starts, which no training has seen, and n evaluations of f,
each with and without the class. L2 is the mean distance to the exact ends, those of dopri5 at 1e-5; the Fréchet
distance is that to MNIST's 10,000 test images over the 64 features of a classifier (Heusel et al. 2017, §2), which of
so few samples is biased for all alike: that of the exact ends stands beside it. Milliseconds are the process's own, of
{BATCH} samples on one thread, methods in turns. Medians over the seeds.""",
    60.0,
    _parts,
    _conclude,
)
