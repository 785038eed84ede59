"""hyperdsl train"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperdsl.cli.inputs import out
from hyperdsl.cli.packages import PackagePath, ProblemName, SolverName, Threads, find, guarded, need_torch

if TYPE_CHECKING:
    from hyperdsl.evaluation.training import Trained

Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The weights' file; by default runs/PACKAGE/PROBLEM/SOLVER.safetensors."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME.SETTING=VALUE", help="Override a training's setting: fit.iterations=500."),
]
Seed = Annotated[int | None, typer.Option(help="The seed in place of the training's.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def train(
    package: PackagePath,
    problem: ProblemName,
    solver: SolverName = None,
    output: Output = None,
    overrides: Set = None,
    seed: Seed = None,
    threads: Threads = 1,
    quiet: Quiet = False,
) -> None:
    """Train the corrector of a generated package on a problem, and save its weights as safetensors."""
    need_torch()
    import torch

    from hyperdsl.cli.overrides import read_overrides
    from hyperdsl.evaluation.packages import load_package
    from hyperdsl.evaluation.training import train_package

    torch.set_num_threads(threads)
    loaded = guarded(lambda: load_package(package))
    changed = read_overrides(overrides or [])
    chosen = find(problem)
    trained = guarded(
        lambda: train_package(
            loaded, chosen, solver=solver, output=output, overrides=changed, seed=seed, progress=not quiet
        )
    )
    _print(trained, package, problem)


def _print(trained: Trained, package: Path, problem: str) -> None:
    console = out()
    console.print(f"trained {type(trained.solver).__name__} in {trained.seconds:.1f} s")
    console.print("local error over the base's, on unseen trajectories (δ):")
    for eps, delta in trained.history.delta.items():
        console.print(f"  ε = {eps:<10.4g} δ = {delta:.4f}")
    console.print(f"weights: {trained.path}", markup=False)
    console.print(
        f"see what that gained: hyperdsl evaluate {package} --problem '{problem}' --weights {trained.path}",
        markup=False,
    )
