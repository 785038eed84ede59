"""What training the coefficients of a few evaluations costs, beside plain PyTorch: python -m benchmarks.few_training

All coefficients of four evaluations (`learned(4)`, nine numbers) by `loss end` on one step over the span. Both solve
the same reference, RK4 in float64 from as many starting states, and minimise the same loss by the same optimizer:

- ours: `fit` as generated, all of it: the reference, training, δ on unseen trajectories;
- plain: the same written out in PyTorch, without anything else.

Two fields: a flow in the plane (three linear layers of 64) and the built-in generative model of digits, guided
(`mnist_flow`, a U-Net on 14×14), which is large enough for f to take nearly all of the time: with about a tenth of the
iterations and of the substeps, so that the shares of training and of references are those of a whole one, and a fifth
of the repetitions. Writes benchmarks/results/few_training.md: the median of the processor times over repetitions, by
turns in one process.
"""

from __future__ import annotations

import copy
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.evaluation.flows import FlowField
from hyperdsl.evaluation.image_flow import image_problem
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import markdown
from hyperdsl.runtime.state import with_input
from hyperdsl.source import SpecFile
from hyperdsl.training.given import seeded
from hyperdsl.training.rows import norms
from hyperdsl.training.settings import Settings

SPEC = """
training last {
    loss end
    steps 1
    trajectories 512
    batch 128
    iterations 300
}
solver Four {
    base learned(4)
    training last
}
"""


@dataclass(frozen=True)
class Case:
    """A problem and how much training there is."""

    problem: Problem
    iterations: int
    batch: int
    trajectories: int
    substeps: int
    share: float = 1.0
    """Of the repetitions."""

    def settings(self, given: Settings) -> Settings:
        own = replace(given, iterations=self.iterations, batch=self.batch)
        return replace(own, trajectories=self.trajectories, substeps=self.substeps)


def cases() -> list[Case]:
    """The flow, with random weights, and the generative model."""
    with seeded(0):
        field = FlowField().requires_grad_(False)

    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, 2, generator=generator)

    flow = Problem(field, sample, (0.0, 1.0), (2,), name="flow in the plane")
    return [Case(flow, 300, 128, 512, 32), Case(image_problem(), 30, 128, 512, 3, 1 / 5)]


def rk4(f: Callable[[Tensor, Tensor], Tensor], s: Tensor, z: Tensor, h: Tensor) -> Tensor:
    k1 = f(s, z)
    k2 = f(s + h / 2, z + h / 2 * k1)
    k3 = f(s + h / 2, z + h / 2 * k2)
    return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(s + h, z + h * k3))


def step(f: Callable[[Tensor, Tensor], Tensor], z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """One step over 0 .. 1 of the method with the rows `a` below the diagonal, c = A·1, and weights that sum to 1."""
    a21, a31, a32, a41, a42, a43 = a
    b1, b2, b3 = b
    k1 = f(torch.zeros(()), z)
    k2 = f(a21, z + a21 * k1)
    k3 = f(a31 + a32, z + (a31 * k1 + a32 * k2))
    k4 = f(a41 + a42 + a43, z + (a41 * k1 + a42 * k2 + a43 * k3))
    end: Tensor = z + (b1 * k1 + b2 * k2 + b3 * k3 + (1 - b1 - b2 - b3) * k4)
    return end


def plain(problem: Problem, settings: Settings) -> float:
    """The coefficients trained in PyTorch; the last loss."""
    generator = torch.Generator().manual_seed(settings.seed)
    drawn = problem.sample(settings.trajectories, generator)
    z0, x = drawn if isinstance(drawn, tuple) else (drawn, None)
    f, z = problem.f, z0.double()
    assert isinstance(f, nn.Module)
    exact = copy.deepcopy(f).double()
    with torch.no_grad():
        h = torch.tensor(1 / settings.substeps, dtype=torch.float64)
        for k in range(settings.substeps):
            z = rk4(with_input(exact, x), k * h, z, h)
    end = z.float()
    a = nn.Parameter(torch.tensor([1 / 4, 1 / 8, 3 / 8, 1 / 8, 1 / 4, 3 / 8]))
    b = nn.Parameter(torch.tensor([1 / 8, 1 / 4, 1 / 4]))
    spread = end.std(0) if end[0].numel() <= 64 else end.std(0).square().mean().sqrt()
    with torch.no_grad():
        pieces = torch.split(torch.arange(len(z0)), settings.batch)
        base = torch.cat([_distances(with_input(f, _of(x, one)), z0[one], end[one], spread, a, b) for one in pieces])
        weight = (base / base.square().mean().sqrt() + 0.1).rsqrt() / base.square().mean().sqrt()
    optimizer = torch.optim.AdamW([a, b], settings.learning_rate, weight_decay=0, fused=True)
    order, loss = torch.zeros(0, dtype=torch.int64), torch.zeros(())
    for k in range(settings.iterations):
        if len(order) < settings.batch:
            order = torch.cat((order, torch.randperm(len(z0), generator=generator)))
        index, order = order[: settings.batch], order[settings.batch :]
        optimizer.param_groups[0]["lr"] = settings.learning_rate * (
            0.5 + 0.5 * math.cos(math.pi * k / settings.iterations)
        )
        distance = _distances(with_input(f, _of(x, index)), z0[index], end[index], spread, a, b)
        loss = (distance * weight[index]).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_([a, b], 1.0)
        optimizer.step()
    return float(loss.detach())


def _of(x: Tensor | None, index: Tensor) -> Tensor | None:
    return None if x is None else x[index]


def _distances(
    f: Callable[[Tensor, Tensor], Tensor], z: Tensor, end: Tensor, spread: Tensor, a: Tensor, b: Tensor
) -> Tensor:
    difference = (step(f, z, a, b) - end) / spread
    return norms(difference) / math.sqrt(end[0].numel())


def processor_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--repeats", type=int, default=5)
    given = study.given(parser, arguments)
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "few_training.hyper")
        spec.write_text(SPEC)
        compiler.compile_checked(compiler.check([SpecFile(spec, spec.name)]), Path(folder))
        package = load_package(Path(folder, "few_training"))
        train, cls = package.train(), package.choose(None)
        rows, numbers = [], {}
        for case in cases()[: 1 if given.smallest else 2]:
            settings = case.settings(train.SETTINGS[cls])
            settings = replace(settings, iterations=5) if given.smallest else settings

            def ours(problem: Problem = case.problem, settings: Settings = settings) -> None:
                train.fit(cls(), problem.f, problem.sample, problem.span, settings=settings, progress=False)

            def beside(problem: Problem = case.problem, settings: Settings = settings) -> None:
                plain(problem, settings)

            found: dict[str, list[float]] = {"ours": [], "plain": []}
            for _ in range(1 if given.smallest else math.ceil(given.repeats * case.share)):
                found["ours"].append(processor_seconds(ours))
                found["plain"].append(processor_seconds(beside))
            middle = {name: statistics.median(values) for name, values in found.items()}
            quotient, name = middle["ours"] / middle["plain"], str(case.problem.name)
            much = f"{case.iterations} × {case.batch}, {case.trajectories}, {case.substeps}"
            rows.append([name, much, f"{middle['ours']:.2f}", f"{middle['plain']:.2f}", f"{quotient:.2f}"])
            numbers[name] = found
    heads = ["field", "iterations × batch, trajectories, substeps", "ours, s", "plain PyTorch, s", "quotient"]
    table = markdown(heads, rows)
    print(table)
    study.write(given, "few_training", f"{study.about(__doc__)}\n{table}", numbers)


if __name__ == "__main__":
    main()
