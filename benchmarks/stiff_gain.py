"""What learning gains on a stiff problem: python -m benchmarks.stiff_gain

Backward Euler and a two-stage SDIRK method with a learned term, trained from each seed, beside their bases and the next
higher order: error, evaluations, factorisations and milliseconds in equal numbers of steps. And a network that guesses
where Newton's iterations for backward Euler begin, beside the start of the step and the line through the last two
states. Writes benchmarks/results/stiff_gain.md and .json.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.evaluation.cost import milliseconds
from hyperdsl.evaluation.metrics import relative_error
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem, from_model
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.scipy_methods import scipy_solve
from hyperdsl.evaluation.training import build_solver, train_package

SPEC, PACKAGE = Path("specs/stiff_hyper.hyper"), Path("generated/stiff_hyper")
HYPER = ("HyperBackwardEuler", "HyperSdirk2", "RelativeBackwardEuler")
BASES = HYPER[:2]
UNSEEN, STARTS = 1_000_003, 32
STEPS = (5, 10, 20, 40)
STOP, MOST = 1e-8, 12
Guess = Callable[[Tensor, Tensor, Tensor, float], Tensor]
"""(z, the state before, f at z, ε) to where to begin."""


def measured(solver: Any, problem: Problem, z0: Tensor, exact: Tensor, steps: int) -> list[str]:
    """Error, evaluations, factorisations and milliseconds of a solve in equal steps."""
    with torch.no_grad():
        try:
            found = solver.solve(problem.f, z0, problem.span, steps=steps, dense=False)
        except RuntimeError:  # equations of states that g has led away
            return ["not solved", "–", "–", "–"]
        error = relative_error(found.z, exact)
        taken = milliseconds({"solve": partial(solver, problem.f, z0, problem.span, steps)}, 5, 1)["solve"]
    counts = found.statistics
    return [f"{error:.1e}", str(counts.evaluations), str(counts.factorisations), f"{taken:.1f}"]


def hyper(package: Package, problem: Problem, seeds: Sequence[int], runs: Path, small: bool) -> list[list[str]]:
    """Rows of the trained solvers, their bases and the next order."""
    z0, _ = problem.draw(4 if small else STARTS, torch.Generator().manual_seed(UNSEEN))
    exact = scipy_solve(problem.f, z0, problem.span, method="lsoda", rtol=1e-10, atol=1e-12).z
    few: dict[str, object] = {"iterations": 5, "trajectories": 8} if small else {}
    rows = []
    for steps in STEPS[: 1 if small else None]:
        for name, order in (*((name, "its base") for name in BASES), ("RadauIIA3", "plain")):
            solver = build_solver(package, problem, name)
            rows.append([name, order, str(steps), *measured(solver, problem, z0, exact, steps)])
    for name in HYPER[: 1 if small else None]:
        for seed in seeds:
            output = runs / "stiff_gain" / f"{name}_{seed}.safetensors"
            trained = train_package(
                package, problem, solver=name, overrides=few, seed=seed, output=output, progress=False
            )
            for steps in STEPS[: 1 if small else None]:
                row = measured(trained.solver, problem, z0, exact, steps)
                rows.append([name, f"seed {seed}, δ {trained.mid_range:.2f}", str(steps), *row])
                print(*rows[-1], flush=True)
    return sorted(rows, key=lambda row: int(row[2]))


class Guesser(nn.Module):
    """ε dz and what it misses of a step of backward Euler, from z, dz and ε."""

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


def newton(f: Any, z: Tensor, s: Tensor, eps: float, guess: Tensor) -> tuple[Tensor, float]:
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


def along(f: Any, z: Tensor, span: tuple[float, float], steps: int, guess: Guess) -> tuple[list[Tensor], float]:
    """States of backward Euler, and the mean number of iterations a step."""
    eps, states, counts = (span[1] - span[0]) / steps, [z], []
    for k in range(steps):
        s = torch.tensor(span[0] + (k + 1) * eps, dtype=z.dtype)
        before = states[-2] if k else states[-1]
        end, count = newton(f, states[-1], s, eps, guess(states[-1], before, f(s, states[-1]), eps))
        states.append(end)
        counts.append(count)
    return states, statistics.fmean(counts)


def guesses(problem: Problem, seeds: Sequence[int], small: bool) -> list[list[str]]:
    """Iterations from each place to begin at, on starts that the network has not seen."""
    steps = 4 if small else 10
    given: dict[str, Guess] = {
        "the start of the step": lambda z, before, dz, eps: z,
        "the line through the last two states": lambda z, before, dz, eps: 2 * z - before,
    }
    unseen, _ = problem.draw(STARTS, torch.Generator().manual_seed(UNSEEN))
    rows = []
    with torch.no_grad():
        for name, guess in given.items():
            rows.append([name, "", f"{along(problem.f, unseen, problem.span, steps, guess)[1]:.2f}"])
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        z0, _ = problem.draw(64, generator)
        with torch.no_grad():
            states = along(problem.f, z0, problem.span, steps, given["the start of the step"])[0]
        z, end, eps = torch.cat(states[:-1]), torch.cat(states[1:]), (problem.span[1] - problem.span[0]) / steps
        dz = problem.f(torch.zeros((), dtype=z.dtype), z)
        net = Guesser(z, dz, end - z)
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        for _ in range(5 if small else 3000):
            at = torch.randint(len(z), (256,), generator=generator)
            loss = ((net(z[at], z[at], dz[at], eps) - end[at]) / net.scale).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            count = along(problem.f, unseen, problem.span, steps, net)[1]
        rows.append(["a network", str(seed), f"{count:.2f}"])
        print(*rows[-1], flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    given = study.given(study.parser(__doc__), arguments)
    (model,), _ = compiler.problems(SPEC)
    problem, package = from_model(model), load_package(PACKAGE)
    with torch.random.fork_rng(devices=[]):
        learned = hyper(package, problem, given.seeds, given.runs, given.smallest)
        begun = guesses(problem, given.seeds, given.smallest)
    heads = ["solver", "which", "steps", "median relative error", "evaluations", "factorisations", "ms"]
    text = f"## L-stable steps with a learned term, {model.name}\n\n{markdown(heads, learned)}\n"
    more = ["begun at", "seed", "iterations a step"]
    text += f"## Where Newton's iterations begin, backward Euler\n\n{markdown(more, begun)}"
    study.write(given, "stiff_gain", text, {"hyper": learned, "guesses": begun})
    print(text)


if __name__ == "__main__":
    main()
