"""What the study of flows in the plane measures of one field: samples, and likelihoods of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperdsl.evaluation import cnf, flows
from hyperdsl.evaluation.contenders import Contender, adaptive, fixed
from hyperdsl.evaluation.metrics import energy_distance
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import plain
from hyperdsl.evaluation.shapes import SHAPES
from hyperdsl.evaluation.solvers import in_double, torchdiffeq_solve
from hyperdsl.evaluation.work_precision import UNSEEN, Row, Start, measure
from hyperdsl.evidence.packages import package, trained_solver
from hyperdsl.evidence.study import Found, Settings
from hyperdsl.reporting.methods import library

LOOSE, TIGHT = 1e-3, 1e-5
"""dopri5's tolerances."""
SAMPLES = 1024
PRECISE = 1e-7
"""The tolerance of the exact ends, which are solved in float64."""
ORDINARY = 0.99
"""A sample strays that lies farther from the data than all but a hundredth of other data do."""
SAMPLERS = {
    "HyperHeun2": ("HyperHeun", 1),
    "HyperHeun6": ("HyperHeun", 3),
    "Learned2": ("learned(2) + g", 1),
    "Learned6": ("learned(6) + g", 1),
}
DENSITIES = {"DensityHeun8": ("HyperHeun", 4), "DensityLearned8": ("learned(8) + g", 1)}
"""Solvers of specs/cnf.hyper: as what they are shown, and the number of steps that each is trained for."""


@dataclass(frozen=True)
class Flow:
    """A field with its two problems: from noise to samples, and from data to their log-density."""

    name: str
    field: flows.FlowField
    sampling: Problem
    density: Problem

    @property
    def shape(self) -> str:
        """The name of what its samples are to be."""
        return self.name.split("_", 1)[1]


def flow(name: str, settings: Settings) -> Flow:
    """The built-in flow of this name, its f of seed 0 trained first if need be; of the smallest settings, barely."""
    kind, shape = name.split("_", 1)
    folder, little = settings.runs / kind, flows.FlowRecipe(shape, 16, iterations=20)
    if kind == "cnf":
        recipe = cnf.CnfRecipe(little, iterations=2, batch=16, steps=2) if settings.smallest else cnf.RECIPES[name]
        field = cnf.cnf_field(0, recipe, folder, settings.progress)
    else:
        field = flows.flow_field(0, little if settings.smallest else flows.RECIPES[name], folder, settings.progress)
    sampling = flows.flow_problem(field=field, name=name)
    return Flow(name, field, sampling, cnf.likelihood_problem(field, shape, f"{name}_density"))


def measured(name: str, seed: int, settings: Settings) -> Found:
    """Trains the solvers of this seed for the flow of this name, and measures them on what no training drew."""
    own = flow(name, settings)
    count, repeats = (64, 2) if settings.smallest else (SAMPLES, 5)
    return {
        "samples": _samples(own, seed, settings, count, repeats),
        "densities": _densities(own, seed, settings, count, repeats),
    }


Seconds = Mapping[tuple[str, str], float]
"""Of training, by method and setting."""


def samplers(own: Flow, seed: int, settings: Settings) -> tuple[list[Contender], Seconds]:
    """What samples are drawn with, and the seconds that training took."""
    untrained = _untrained({"heun": (1, 3), "midpoint": (1, 3), "rk4": (1, 2)})
    learned, seconds = _learned(SAMPLERS, own.sampling, seed, settings)
    return [*untrained, *learned, *adaptive((LOOSE, TIGHT))], seconds


def _untrained(steps: Mapping[str, Sequence[int]]) -> list[Contender]:
    return [one for name, counts in steps.items() for one in fixed(name, library(name), counts)]


def _learned(
    solvers: Mapping[str, tuple[str, int]], problem: Problem, seed: int, settings: Settings
) -> tuple[list[Contender], Seconds]:
    made, folder = package("cnf", settings.runs), settings.runs / "cnf" / problem.name
    few: dict[str, object] = {"iterations": 2, "trajectories": 64} if settings.smallest else {}
    contenders, spent = list[Contender](), dict[tuple[str, str], float]()
    for name, (label, steps) in solvers.items():
        solver, seconds = trained_solver(made, problem, name, seed, folder, few, progress=settings.progress)
        (contender,) = fixed(label, solver, [steps])
        contenders.append(contender)
        spent[contender.method, contender.setting] = seconds
    return contenders, spent


def noise(own: Flow, seed: int, count: int) -> Start:
    """States at s = 0 with the exact ends of their solutions."""
    z0, _ = own.sampling.draw(count, torch.Generator().manual_seed(UNSEEN + seed))
    return Start(own.field, z0, own.sampling.span, _exact(own.sampling, z0))


@torch.no_grad()
def _exact(problem: Problem, z0: Tensor) -> Tensor:
    return torchdiffeq_solve(in_double(problem.f), z0.double(), problem.span, tolerance=PRECISE)


def data(own: Flow, seed: int, count: int) -> Tensor:
    """Points [count, 2] of the density itself."""
    return SHAPES[own.shape](count, torch.Generator().manual_seed(2 * UNSEEN + seed))


def strays(z: Tensor, points: Tensor, others: Tensor) -> float:
    """The share of z [n, 2] that lie farther from the nearest of the points than all but a hundredth of others do."""
    near = torch.quantile(_nearest(others, points), ORDINARY)
    return 1 - float((_nearest(z, points) <= near).double().mean())  # what is not a number strays


def _nearest(z: Tensor, points: Tensor) -> Tensor:
    return torch.cdist(z, points).min(1).values


def _samples(own: Flow, seed: int, settings: Settings, count: int, repeats: int) -> list[Found]:
    start = noise(own, seed, count)
    points, others = data(own, seed, 2 * count).chunk(2)
    contenders, seconds = samplers(own, seed, settings)
    found = []
    for contender, row in zip(contenders, measure(contenders, start, batch=count, repeats=repeats), strict=True):
        found.append(_row(row, seconds) | {"l2": row.l2} | _quality(end(contender, start), points, others))
    exact = _quality(start.reference.float(), points, others)
    return [*found, {"method": "exact", "setting": "", "l2": 0.0, **exact}]


@torch.no_grad()
def end(contender: Contender, start: Start) -> Tensor:
    """What the contender gives for the start."""
    return contender.run(start.f, start.z0, start.span, None)


def _quality(z: Tensor, points: Tensor, others: Tensor) -> Found:
    return {"energy_distance": plain(energy_distance(z, points)), "strays": strays(z, points, others)}


def _row(row: Row, seconds: Seconds) -> Found:
    kept = ("method", "setting", "evaluations", "macs", "milliseconds", "corrector_share")
    return {name: getattr(row, name) for name in kept} | {"seconds": seconds.get((row.method, row.setting))}


def _densities(own: Flow, seed: int, settings: Settings, count: int, repeats: int) -> list[Found]:
    problem, points = own.density, data(own, seed, count)
    z = cnf.augmented(points)
    start = Start(problem.f, z, problem.span, _exact(problem, z))
    exact = cnf.log_likelihood(start.reference)
    learned, seconds = _learned(DENSITIES, problem, seed, settings)
    fixed_steps = [*_untrained({"heun": (1, 4), "midpoint": (1, 4), "rk4": (1, 2)}), *learned]
    both = [*fixed_steps, *adaptive((LOOSE, TIGHT))]
    found = []
    for contender, row in zip(both, measure(both, start, batch=count, repeats=repeats), strict=True):
        estimate = cnf.log_likelihood(end(contender, start).double())
        likelihoods = {"estimate": _against(estimate, exact)}
        if contender in fixed_steps:
            likelihoods["of_map"] = _against(_of_map(contender, start, points).double(), exact)
        found.append(_row(row, seconds) | likelihoods)
    return [*found, {"method": "exact", "setting": "", "estimate": _against(exact, exact)}]


def _of_map(contender: Contender, start: Start, points: Tensor) -> Tensor:
    """The log-density that the contender's own map from data to noise gives by the change of variables."""
    return cnf.log_likelihood_of_map(
        lambda x: contender.run(start.f, cnf.augmented(x), start.span, None)[..., :2], points
    )


def _against(likelihoods: Tensor, exact: Tensor) -> Found:
    """The mean over the data, in nats, and the mean distance of a point's from its exact one."""
    return {"mean": plain(float(likelihoods.mean())), "off": plain(float((likelihoods - exact).abs().mean()))}
