"""L-stable steps of low order with a learned term on a stiff oscillator, beside their bases and higher orders.

And a network that guesses where Newton's iterations for backward Euler begin, beside the start of the step and the line
through the last two states.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl import compiler
from hyperdsl.evaluation.metrics import relative_error
from hyperdsl.evaluation.problems import Problem, from_model
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.scipy_methods import scipy_solve
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evidence.beyond_adaptive import at_error
from hyperdsl.evidence.packages import SPECS, package, spec_text
from hyperdsl.evidence.study import Finding, Found, Part, Settings, verdict

HYPER = ("HyperBackwardEuler", "HyperSdirk2", "RelativeBackwardEuler")
PLAIN = {"HyperBackwardEuler": "backward Euler", "HyperSdirk2": "sdirk2", "RadauIIA3": "Radau IIA of order 3"}
"""Methods without g: untrained hypersolvers are their bases."""
READS_F = HYPER[2]
UNSEEN, STARTS = 1_000_003, 32
STEPS = (5, 10, 20, 40)
STOP, MOST = 1e-8, 12
KIND = "stiff"
Guess = Callable[[Tensor, Tensor, Tensor, float], Tensor]
"""(z, the state before, f at z, ε) to where to begin."""
GUESSES: Mapping[str, Guess] = {
    "the start of the step": lambda z, before, dz, eps: z,
    "the line through the last two states": lambda z, before, dz, eps: 2 * z - before,
}


def parts(settings: Settings) -> list[Part]:
    """The methods alone, each hypersolver and each network from each seed."""
    recipe = (spec_text("beyond"), STEPS, STARTS, settings.smallest)
    found = [
        Part(f"{KIND}/plain", partial(_plain, settings), recipe),
        Part(f"{KIND}/guess", partial(_guesses, settings), recipe),
    ]
    for seed in settings.seeds:
        for name in HYPER[: 1 if settings.smallest else None]:
            found.append(Part(f"{KIND}/{name}/{seed}", partial(_hyper, name, seed, settings), recipe))
        found.append(Part(f"{KIND}/guess/{seed}", partial(_network, seed, settings), recipe))
    return found


def _problem() -> Problem:
    (model,), _ = compiler.problems(SPECS / "beyond.hyper")
    return from_model(model)


def _rows(solver: Any, problem: Problem, settings: Settings) -> list[list[Any]]:
    """Steps, error, evaluations, factorisations and the process's milliseconds; None where g has led states away."""
    z0, _ = problem.draw(2 if settings.smallest else STARTS, torch.Generator().manual_seed(UNSEEN))
    exact = scipy_solve(problem.f, z0, problem.span, method="lsoda", rtol=1e-10, atol=1e-12).z
    rows: list[list[Any]] = []
    for steps in STEPS[: 1 if settings.smallest else None]:
        start = time.process_time()
        with torch.no_grad():
            try:
                found = solver.solve(problem.f, z0, problem.span, steps=steps, dense=False)
            except RuntimeError:  # equations that are not solved
                rows.append([steps, None, None, None, None])
                continue
        taken, counts = 1e3 * (time.process_time() - start), found.statistics
        rows.append([steps, relative_error(found.z, exact), counts.evaluations, counts.factorisations, taken])
    return rows


def _plain(settings: Settings) -> Found:
    problem, built = _problem(), package("beyond", settings.runs)
    return {name: _rows(build_solver(built, problem, name), problem, settings) for name in PLAIN}


def _hyper(name: str, seed: int, settings: Settings) -> Found:
    problem = _problem()
    few: dict[str, object] = (
        {"iterations": 3, "trajectories": 4, "steps": (40, 80), "substeps": 16} if settings.smallest else {}
    )
    trained = train_package(
        package("beyond", settings.runs),
        problem,
        solver=name,
        overrides=few if settings.smallest else {},
        seed=seed,
        output=settings.runs / "beyond" / "relaxation" / f"{name}_{seed}.safetensors",
        progress=settings.progress,
    )
    return {"delta": trained.mid_range, "rows": _rows(trained.solver, problem, settings)}


class Guesser(nn.Module):
    """What a step of backward Euler adds, from z, dz and ε."""

    def __init__(self, z: Tensor, dz: Tensor, missed: Tensor) -> None:
        super().__init__()
        layers = (nn.Linear(z.shape[1] * 2 + 1, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, z.shape[1]))
        self.net = nn.Sequential(*layers).double()
        self.means, self.spreads = torch.cat((z, dz), 1).mean(0), torch.cat((z, dz), 1).std(0)
        self.scale = missed.std(0)

    def forward(self, z: Tensor, before: Tensor, dz: Tensor, eps: float) -> Tensor:
        read = (torch.cat((z, dz), 1) - self.means) / self.spreads
        size = torch.full_like(z[:, :1], eps).log()
        found: Tensor = z + self.scale * self.net(torch.cat((read, size), 1))
        return found


def _newton(f: Any, z: Tensor, s: Tensor, eps: float, guess: Tensor) -> tuple[Tensor, float]:
    """The end of a step of backward Euler, and the mean number of Newton's iterations to STOP, a matrix each."""
    w, counts, active = guess, torch.zeros(len(z)), torch.ones(len(z), dtype=torch.bool)
    unit = torch.eye(z.shape[1], dtype=z.dtype)
    for _ in range(MOST):
        matrix = torch.func.vmap(torch.func.jacrev(lambda one: f(s, one)))(w)
        change = torch.linalg.solve(unit - eps * matrix, z + eps * f(s, w) - w)
        counts += active
        w = torch.where(active[:, None], w + change, w)
        active = active & ((change.abs() / (1e-3 + w.abs())).amax(1) > STOP)
        if not bool(active.any()):
            break
    return w, float(counts.mean())


@torch.no_grad()
def _along(problem: Problem, z: Tensor, steps: int, guess: Guess) -> tuple[list[Tensor], float]:
    """States of backward Euler, and the mean number of iterations a step."""
    f, (start, end) = problem.f, problem.span
    eps, states, counts = (end - start) / steps, [z], []
    for k in range(steps):
        s = torch.tensor(start + (k + 1) * eps, dtype=z.dtype)
        before = states[-2] if k else states[-1]
        state, count = _newton(f, states[-1], s, eps, guess(states[-1], before, f(s, states[-1]), eps))
        states.append(state)
        counts.append(count)
    return states, statistics.fmean(counts)


def _guess_steps(settings: Settings) -> int:
    return 4 if settings.smallest else 10


def _guesses(settings: Settings) -> Found:
    """Iterations a step from each place to begin at that needs no training."""
    problem = _problem()
    unseen, _ = problem.draw(STARTS, torch.Generator().manual_seed(UNSEEN))
    return {name: _along(problem, unseen, _guess_steps(settings), guess)[1] for name, guess in GUESSES.items()}


def _network(seed: int, settings: Settings) -> Found:
    """Iterations a step from a network's guess, on starts that it has not seen."""
    problem, steps = _problem(), _guess_steps(settings)
    generator = torch.Generator().manual_seed(seed)
    z0, _ = problem.draw(64, generator)
    states = _along(problem, z0, steps, GUESSES["the start of the step"])[0]
    z, end, eps = torch.cat(states[:-1]), torch.cat(states[1:]), (problem.span[1] - problem.span[0]) / steps
    dz = problem.f(torch.zeros((), dtype=z.dtype), z)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Guesser(z, dz, end - z)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(5 if settings.smallest else 3000):
        at = torch.randint(len(z), (256,), generator=generator)
        loss = ((net(z[at], z[at], dz[at], eps) - end[at]) / net.scale).square().mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    unseen, _ = problem.draw(STARTS, torch.Generator().manual_seed(UNSEEN))
    return {"iterations": _along(problem, unseen, steps, net)[1]}


def _runs(found: Mapping[str, Found], name: str) -> list[Found]:
    return [value for part, value in found.items() if part.split("/")[1] == name and part.count("/") == 2]


def _gains(found: Mapping[str, Found], name: str, base: str) -> list[float]:
    """The base's error over that with g in as many steps, of every seed and number of steps; 0 where it has no end."""
    errors = {row[0]: row[1] for row in found[f"{KIND}/plain"][base]}
    rows = [row for run in _runs(found, name) for row in run["rows"]]
    return [0.0 if row[1] is None else errors[row[0]] / row[1] for row in rows]


def _least(found: Mapping[str, Found], name: str) -> list[float]:
    """Evaluations that the best method without g takes for the same error, over those with g, where one has it."""
    curves = [[(row[1], row[2]) for row in rows] for rows in found[f"{KIND}/plain"].values()]
    rows = [row for run in _runs(found, name) for row in run["rows"] if row[1] is not None]
    needed = [[at_error(curve, row[1]) / row[2] for curve in curves] for row in rows]
    return [min(known) for each in needed if (known := [ratio for ratio in each if math.isfinite(ratio)])]


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2g} ({min(values):.2g} to {max(values):.2g})"


def findings(found: Mapping[str, Found]) -> list[Finding]:
    """What g gains in equal steps and at equal evaluations, what reading f does, and guesses."""
    there = [name for name in HYPER if _runs(found, name)]
    gains = {name: _gains(found, name, name) for name in there if name != READS_F}
    beside = {name: _least(found, name) for name in gains}
    told = [
        Finding(
            "Stiff equations are compatible: g lowers the error of an L-stable base in as many steps",
            "error of the base over that with g, median (least to most): "
            + "; ".join(f"{PLAIN[name]} {_spread(values)}" for name, values in gains.items()),
            all(gain > 1 for values in gains.values() for gain in values),
        ),
        Finding(
            "It needs fewer evaluations than methods without g, higher orders included (ours)",
            "evaluations of the best of them at equal error over its own: "
            + "; ".join(f"{name} {_spread(values)}" for name, values in beside.items() if values),
            verdict(value > 1 for values in beside.values() for value in values),
        ),
    ]
    if READS_F in there:
        reads = _gains(found, READS_F, HYPER[0])
        told.append(
            Finding(
                "It does so whatever g reads (ours)",
                f"a g that reads f and is relative to it: error of backward Euler over its own {_spread(reads)}, 0 "
                "where its equations have no solution: f's stiffness comes back into the step",
                verdict(gain > 1 for gain in reads),
            )
        )
    line, network = found[f"{KIND}/guess"], [run["iterations"] for run in _runs(found, "guess")]
    told.append(
        Finding(
            "A network may guess where Newton's iterations of backward Euler begin (ours)",
            f"iterations a step: {', '.join(f'{name} {value:.2f}' for name, value in line.items())}, a network "
            f"{_spread(network)}",
            max(network) < min(line.values()),
        )
    )
    return told


def table(found: Mapping[str, Found]) -> str:
    """A row for each solver, run and number of steps."""
    rows = [[PLAIN[name], "–", *row] for name, each in found[f"{KIND}/plain"].items() for row in each]
    for part, value in found.items():
        _, name, *seed = part.split("/")
        if name in HYPER:
            rows += [[f"{name}, seed {seed[0]}", f"{value['delta']:.2f}", *row] for row in value["rows"]]
    cells = [
        [name, delta, str(steps), *("–" if v is None else f"{v:{form}}" for v, form in zip(values, FORMS, strict=True))]
        for name, delta, steps, *values in sorted(rows, key=lambda row: int(row[2]))
    ]
    return markdown(["solver", "δ", "steps", "relative error", "evaluations", "factorisations", "CPU ms"], cells)


FORMS = (".1e", "d", "d", ".0f")
