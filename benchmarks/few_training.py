"""What training the coefficients of a few evaluations costs, beside plain PyTorch: python -m benchmarks.few_training

All coefficients of RK4 (`learned(rk4)`, nine numbers) by `loss end` on one step over the span. Both solve the same
reference, RK4 in 32 steps in float64 from as many starting states, and minimise the same loss by the same optimizer:

- ours: `fit` as generated, all of it: the reference, training, δ on unseen trajectories;
- plain: the same written out in PyTorch, without anything else.

Two fields: a flow in the plane (three linear layers of 64) and one of images (a U-Net of 1×16×16, random weights),
which is large enough for f to take nearly all of the time. Writes benchmarks/results/few_training.md: the median of the
processor times over repetitions, by turns in one process.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.evaluation.flows import FlowField
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.report import markdown
from hyperdsl.source import SpecFile
from hyperdsl.training.given import seeded

SPEC = """
training last {
    loss end
    steps 1
    trajectories 512
    batch 128
    iterations 300
}
solver Four {
    base learned(rk4)
    training last
}
"""
SUBSTEPS = 32


class ImageField(nn.Module):
    """f(s, z) for images [batch, 1, 16, 16]: a small U-Net that reads s beside them."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.middle = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        first = functional.silu(self.first(torch.cat((z, s.to(z.dtype).expand_as(z)), 1)))
        inner = functional.silu(self.middle(functional.silu(self.down(first))))
        slope: Tensor = self.last(torch.cat((first, functional.silu(self.up(inner))), 1))
        return slope


@dataclass(frozen=True)
class Posed:
    """A field and where its solutions start."""

    name: str
    f: nn.Module
    shape: tuple[int, ...]

    def sample(self, batch: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, *self.shape, generator=generator)


def rk4(f: Callable[[Tensor, Tensor], Tensor], s: Tensor, z: Tensor, h: Tensor) -> Tensor:
    k1 = f(s, z)
    k2 = f(s + h / 2, z + h / 2 * k1)
    k3 = f(s + h / 2, z + h / 2 * k2)
    return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(s + h, z + h * k3))


def step(f: nn.Module, z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """One step over 0 .. 1 of the method with the rows `a` below the diagonal, c = A·1, and weights that sum to 1."""
    a21, a31, a32, a41, a42, a43 = a
    b1, b2, b3 = b
    k1 = f(torch.zeros(()), z)
    k2 = f(a21, z + a21 * k1)
    k3 = f(a31 + a32, z + (a31 * k1 + a32 * k2))
    k4 = f(a41 + a42 + a43, z + (a41 * k1 + a42 * k2 + a43 * k3))
    end: Tensor = z + (b1 * k1 + b2 * k2 + b3 * k3 + (1 - b1 - b2 - b3) * k4)
    return end


def plain(posed: Posed, settings: Any) -> float:
    """The coefficients trained in PyTorch; the last loss."""
    generator = torch.Generator().manual_seed(settings.seed)
    z0 = posed.sample(settings.trajectories, generator)
    exact, z = posed.f.double(), z0.double()
    with torch.no_grad():
        h = torch.tensor(1 / SUBSTEPS, dtype=torch.float64)
        for k in range(SUBSTEPS):
            z = rk4(exact, k * h, z, h)
    f, end = posed.f.float(), z.float()
    a = nn.Parameter(torch.tensor([1 / 2, 0, 1 / 2, 0, 0, 1]))
    b = nn.Parameter(torch.tensor([1 / 6, 1 / 3, 1 / 3]))
    spread = end.std(0) if end[0].numel() <= 64 else end.std(0).square().mean().sqrt()
    with torch.no_grad():
        base = ((step(f, z0, a, b) - end) / spread).flatten(1).norm(dim=1)
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
        distance = ((step(f, z0[index], a, b) - end[index]) / spread).flatten(1).norm(dim=1)
        loss = (distance * weight[index]).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([a, b], 1.0)
        optimizer.step()
    return float(loss) / math.sqrt(end[0].numel())


def processor_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--repeats", type=int, default=5)
    given = study.given(parser, arguments)
    with seeded(0):
        fields = [Posed("flow in the plane", FlowField(), (2,)), Posed("images", ImageField(), (1, 16, 16))]
    fields = [replace(posed, f=posed.f.requires_grad_(False)) for posed in fields[: 1 if given.smallest else 2]]
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "few_training.hyper")
        spec.write_text(SPEC)
        compiler.compile_checked(compiler.check([SpecFile(spec, spec.name)]), Path(folder))
        package = load_package(Path(folder, "few_training"))
        train, cls = package.train(), package.choose(None)
        settings = train.SETTINGS[cls]
        settings = replace(settings, iterations=5) if given.smallest else settings
        rows = []
        for posed in fields:

            def ours(posed: Posed = posed) -> None:
                train.fit(cls(), posed.f, posed.sample, (0.0, 1.0), settings=settings, progress=False)

            def beside(posed: Posed = posed) -> None:
                plain(posed, settings)

            found: dict[str, list[float]] = {"ours": [], "plain": []}
            for _ in range(1 if given.smallest else given.repeats):
                found["ours"].append(processor_seconds(ours))
                found["plain"].append(processor_seconds(beside))
            middle = {name: statistics.median(values) for name, values in found.items()}
            quotient = middle["ours"] / middle["plain"]
            rows.append([posed.name, f"{middle['ours']:.2f}", f"{middle['plain']:.2f}", f"{quotient:.2f}"])
    table = markdown(["field", "ours, s", "plain PyTorch, s", "quotient"], rows)
    print(table)
    study.write(given, "few_training", f"{study.about(__doc__)}\n{table}")


if __name__ == "__main__":
    main()
