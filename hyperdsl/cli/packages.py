"""Arguments of `train` and `evaluate`: packages, problems, solvers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hyperdsl.cli.inputs import finish, say, stop

if TYPE_CHECKING:
    from hyperdsl.evaluation.problems import Problem
    from hyperdsl.semantics.model.problem import ProblemModel

PackagePath = Annotated[
    Path, typer.Argument(metavar="PACKAGE", help="The folder of a generated package.", show_default=False)
]
ProblemName = Annotated[
    str,
    typer.Option(
        "--problem",
        metavar="P",
        help="FILE.hyper:NAME(param = 1), module:attribute, or a built-in one: van_der_pol, lotka_volterra, pendulum, "
        "duffing, lorenz, digits, flow.",
        show_default=False,
    ),
]
SolverName = Annotated[
    str | None, typer.Option("--solver", metavar="NAME", help="Which solver, where the package has several.")
]

Threads = Annotated[
    int, typer.Option(min=1, help="Processor threads: a small state is served faster by one than by many.")
]

Result = TypeVar("Result")


def guarded(run: Callable[[], Result]) -> Result:
    """`run`, ending with a sentence where a package, problem or weights file is not what it should be."""
    try:
        return run()
    except typer.Exit:  # a RuntimeError, whose sentence has been said
        raise
    except OSError as error:
        stop(f"{error.filename or 'a file'}: {error.strerror or error}")
    except (ValueError, RuntimeError) as error:  # how packages, problems, weights and solvers say what is wrong
        stop(str(error))


def need_torch(*further: str) -> None:
    """Say how to get what training and evaluation run on, and `further` modules."""
    for module in ("torch", "torchdiffeq", "lightning_fabric", "safetensors", *further):
        if importlib.util.find_spec(module) is None:
            stop(f"this command needs {module}: pip install 'hyperdsl[train]'")


def find(name: str, *, progress: bool = True) -> Problem:
    """The problem called `name`; a file's own is checked first. `progress`: show that of training its f, if need be."""
    from hyperdsl.evaluation.lookup import find_problem

    return guarded(lambda: find_problem(name, _models, progress))


def _models(path: Path) -> Sequence[ProblemModel]:
    from hyperdsl import compiler

    if not path.is_file():
        stop(f"there is no file `{path}`")
    problems, diagnostics = compiler.problems(path)
    say(diagnostics)
    finish(diagnostics)
    return problems
