"""What an iteration of training costs, beside forms that solve the reference anew: python -m benchmarks.training_step

HyperEuler on van der Pol, batches of 256 rows, one thread. Every form trains the same corrector by the same loss and
optimizer on float64 targets; they differ in where these come from:

- ours: `fit` as generated, all of it (targets, training, measuring δ) over its iterations;
- trajectories: each iteration solves new trajectories by torchdiffeq's dopri5 to a tolerance of 1e-8 over the grid of
  one ε, and takes the residuals along them (the published code's form);
- steps: each iteration takes states at hand and solves one ε from each by the spec's reference, 32 substeps of RK4.

Writes benchmarks/results/training_step.md: the minimum and the median over repetitions, by turns in one process.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torchdiffeq import odeint

from benchmarks import study
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.training import build_solver

PROBLEM = CLASSICAL["van_der_pol"]
BATCH = 256


def iteration(solver: Any, optimizer: torch.optim.Optimizer, s: Tensor, z: Tensor, end: Tensor, eps: Tensor) -> None:
    """One step of the optimizer on the residuals of the steps from z to `end`."""
    with torch.no_grad():
        base, seen = solver.base(PROBLEM.f, s, None, z, eps)
        target = (end - base) / eps ** (solver.order + 1)
        size = target.norm(dim=1)
        weight = (size + 0.1 * size.median()).rsqrt()
    loss = ((solver.corrector(eps, s, None, z, *seen) - target).norm(dim=1) * weight).mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(solver.corrector.parameters(), 1.0)
    optimizer.step()


def drawn(generator: torch.Generator) -> float:
    """A log-uniform ε."""
    assert PROBLEM.eps is not None
    low, high = PROBLEM.eps
    return float(low * (high / low) ** float(torch.rand((), generator=generator)))


def along_trajectories(solver: Any, optimizer: torch.optim.Optimizer, generator: torch.Generator) -> None:
    start, end = PROBLEM.span
    steps = round((end - start) / drawn(generator))
    times = torch.linspace(start, end, steps + 1, dtype=torch.float64)
    z0, _ = PROBLEM.draw(max(round(BATCH / steps), 1), generator)
    with torch.no_grad():
        path = odeint(PROBLEM.f, z0, times, method="dopri5", rtol=1e-8, atol=1e-8)
    z, after = path[:-1].flatten(0, 1), path[1:].flatten(0, 1)
    index = torch.randperm(len(z), generator=generator)[:BATCH]
    iteration(solver, optimizer, times[0], z[index], after[index], times[1] - times[0])


def from_states(solver: Any, optimizer: torch.optim.Optimizer, generator: torch.Generator, rk4: Any) -> None:
    eps = torch.tensor(drawn(generator), dtype=torch.float64)
    z, _ = PROBLEM.draw(BATCH, generator)
    s, end = torch.zeros((), dtype=torch.float64), z
    with torch.no_grad():
        for k in range(32):
            end = rk4(PROBLEM.f, s + k * eps / 32, end, eps / 32)
    iteration(solver, optimizer, s, z, end, eps)


def seconds(run: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--repeats", type=int, default=5)
    given = study.given(parser, arguments)
    package = load_package("generated/hyper_euler")
    train = package.train()
    solver: Any = build_solver(package, PROBLEM)
    optimizer = torch.optim.AdamW(solver.corrector.parameters(), 1e-3, fused=True)
    generator = torch.Generator().manual_seed(0)
    settings = replace(train.SETTINGS[type(solver)], steps=None, eps=PROBLEM.eps)
    settings = replace(settings, iterations=20) if given.smallest else settings
    turns = 1 if given.smallest else given.repeats

    def fitted() -> None:
        train.fit(
            build_solver(package, PROBLEM), PROBLEM.f, PROBLEM.sample, PROBLEM.span, settings=settings, progress=False
        )

    found: dict[str, list[float]] = {"ours": [], "trajectories": [], "steps": []}
    for _ in range(turns):
        found["ours"].append(seconds(fitted, 1) / settings.iterations)
        found["trajectories"].append(
            seconds(lambda: along_trajectories(solver, optimizer, generator), 3 if given.smallest else 30)
        )
        found["steps"].append(
            seconds(lambda: from_states(solver, optimizer, generator, train._rk4_step), 3 if given.smallest else 100)
        )
    ours = {"minimum": min(found["ours"]), "median": statistics.median(found["ours"])}
    rows = [
        [
            name,
            f"{min(values) * 1e3:.2f}",
            f"{statistics.median(values) * 1e3:.2f}",
            f"{min(values) / ours['minimum']:.1f}",
            f"{statistics.median(values) / ours['median']:.1f}",
        ]
        for name, values in found.items()
    ]
    text = markdown(["form", "ms, minimum", "ms, median", "over ours, minimum", "over ours, median"], rows)
    print(text)
    study.write(given, "training_step", f"{study.about(__doc__)}\n{text}")


if __name__ == "__main__":
    main()
