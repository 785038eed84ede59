"""hyperdsl train"""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperdsl.cli.inputs import Json, out, say
from hyperdsl.cli.packages import (
    PackagePath,
    ProblemName,
    SolverName,
    Threads,
    find,
    guarded,
    need_torch,
    shows_progress,
    warnings_said,
)
from hyperdsl.files import replace_file
from hyperdsl.source import SpecFile

if TYPE_CHECKING:
    from hyperdsl.evaluation.training import Trained

Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The weights' file; by default runs/PACKAGE/PROBLEM/SOLVER.safetensors."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME.SETTING=VALUE", help="Override a setting of a training or control: fit.iterations=500."
    ),
]
Seed = Annotated[int | None, typer.Option(help="The seed in place of the training's.")]
Log = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Log the loss and the learning rate: TensorBoard files and a CSV.")
]
Cache = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Where the reference's data are kept and found again.")
]
Accelerator = Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")]
Devices = Annotated[
    int | None,
    typer.Option(
        min=1, help="Processes, a device each; by default one, or those that torchrun or `fabric run` started."
    ),
]
Precision = Annotated[
    str | None, typer.Option(help="Fabric's, such as bf16-mixed; the base method's steps stay as they are.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def train(
    package: PackagePath,
    problem: ProblemName,
    solver: SolverName = None,
    output: Output = None,
    overrides: Set = None,
    seed: Seed = None,
    threads: Threads = 1,
    log: Log = None,
    cache: Cache = Path("runs/cache"),
    accelerator: Accelerator = "cpu",
    devices: Devices = None,
    precision: Precision = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train the corrector of a generated package on a problem, and save its weights as safetensors.

    A training that was ended, by a kill or a power cut, goes on when the same command is given again.
    """
    need_torch()
    import torch

    from hyperdsl.cli.control import split_overrides
    from hyperdsl.cli.overrides import check_names, read_overrides
    from hyperdsl.evaluation.packages import load_package
    from hyperdsl.evaluation.training import start_fabric, train_package
    from hyperdsl.training.outputs import require_folder, require_writable

    torch.set_num_threads(threads)
    if output is not None:
        file = output
        guarded(lambda: require_writable(file))
    for folder in filter(None, (log, cache)):
        guarded(partial(require_folder, folder))
    loaded = guarded(lambda: load_package(package))
    check_names(overrides or [], *guarded(lambda: (loaded.training_name(solver), loaded.control_name(solver))))
    others, control = split_overrides(overrides or [])
    changed = read_overrides(others)
    with warnings_said():
        chosen = find(problem, quiet=quiet or json)
        fabric = guarded(lambda: start_fabric(accelerator=accelerator, devices=devices, precision=precision, log=log))
        trained = guarded(
            lambda: train_package(
                loaded,
                chosen,
                solver=solver,
                output=output,
                overrides=changed,
                control=control,
                seed=seed,
                progress=shows_progress(quiet or json),
                fabric=fabric,
                cache=cache,
            )
        )
    if fabric.is_global_zero:
        written = _write_back(trained) if trained.written else ""
        if json:
            print(json_module.dumps(_object(trained, package, problem), indent=2))
        else:
            chosen_solver = f" --solver {solver}" if solver else ""
            _print(trained, f"{package}{chosen_solver} --problem '{problem}'", written)


def _object(trained: Trained, package: Path, problem: str) -> dict[str, object]:
    """The one object of `--json`; `delta` goes from ε to δ, `spec` is the method that training found."""
    from hyperdsl.evaluation.report import plain

    return {
        "package": package.name,
        "solver": type(trained.solver).__name__,
        "problem": problem,
        "seconds": trained.seconds,
        "weights": trained.path.as_posix(),
        "delta": {f"{eps:.6g}": plain(delta) for eps, delta in trained.history.delta.items()},
        "outcome": trained.outcome.plain(),
        "spec": _spec_path(trained).as_posix() if trained.written else None,
    }


def _write_back(trained: Trained) -> str:
    """Write the method that training found beside its weights, and prove it; what was found, in lines for people."""
    from hyperdsl import compiler
    from hyperdsl.training.protocol import is_graded

    spec = _spec_path(trained)
    replace_file(spec, (trained.written or "").encode())
    replace_file(spec, (compiler.layout(spec, spec.as_posix()).text or "").encode())
    checked = compiler.check([SpecFile(spec, spec.as_posix())])
    say(checked.diagnostics)
    (method,) = checked.specs[0].methods
    values = trained.solver.values()  # type: ignore[operator]  # a generated solver's method
    found = [f"  {name} = {value:.6g}" for name, value in values.items()]
    if is_graded(trained.solver):
        found.append("  grid " + ", ".join(f"{point:.6g}" for point in trained.solver.fractions()))
    how = "exactly" if method.tolerance is None else f"within {float(method.tolerance):.0e}"
    return "\n".join([*found, f"written as {spec}: order {method.facts.order}, proven {how}"])


def _spec_path(trained: Trained) -> Path:
    return trained.path.with_suffix(".hyper")


def _print(trained: Trained, what: str, written: str) -> None:
    console = out()
    console.print(f"trained {type(trained.solver).__name__} in {trained.seconds:.1f} s")
    console.print("local error over the base's, on unseen trajectories (δ):")
    for eps, delta in trained.history.delta.items():
        console.print(f"  ε = {eps:<10.4g} δ = {delta:.4f}")
    console.print(f"weights: {trained.path}", markup=False)
    console.print(f"see what that gained: hyperdsl evaluate {what} --weights {trained.path}", markup=False)
    if written:
        console.print(written, markup=False)
    console.print(trained.outcome.verdict, markup=False)
